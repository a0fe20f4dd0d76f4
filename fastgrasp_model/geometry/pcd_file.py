"""Read .pcd, the format of the Point Cloud Library: ascii, binary and binary_compressed.

Format: https://pointclouds.org/documentation/tutorials/pcd_file_format.html. pypcd4 1.5.1 is no replacement: it
allocates whatever a damaged header claims, accepts files that end early, and refuses headers without POINTS.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

_TYPES = {"F": ("4", "8"), "I": ("1", "2", "4", "8"), "U": ("1", "2", "4", "8")}
_MOST_BYTES = 4 << 30  # a header that claims more is damaged


def read_pcd(path: Path) -> np.ndarray:
    """Read x, y, z of a .pcd file as (N, 3) float64. Raises ValueError where it is no valid .pcd."""
    data = path.read_bytes()
    header, start = _read_header(data)
    fields, count = _field_types(header), _point_count(header)
    names, body, kind = [name for name, _, _ in fields], data[start:], header["DATA"][0]
    missing = {"x", "y", "z"} - set(names)
    if missing:
        raise ValueError(f"no field {', '.join(sorted(missing))}")
    columns = [names.index(axis) for axis in "xyz"]
    if kind == "ascii":
        starts = np.cumsum([0, *[repeat for _, _, repeat in fields]])
        return _read_ascii(body, count, starts[columns], starts[-1])
    dtype = np.dtype([(str(place), code, repeat) for place, (_, code, repeat) in enumerate(fields)])
    if dtype.itemsize * count > _MOST_BYTES:
        raise ValueError(f"the header claims {count} points of {dtype.itemsize} bytes")
    if kind == "binary":
        if len(body) < dtype.itemsize * count:
            raise ValueError(f"it ends after {len(body)} of {dtype.itemsize * count} bytes")
        table = np.frombuffer(body, dtype, count)
        return np.stack([table[str(column)].reshape(count) for column in columns], axis=1).astype(np.float64)
    if kind == "binary_compressed":
        return _read_compressed(body, dtype, count, columns)
    raise ValueError(f"DATA is '{kind}', expected ascii, binary or binary_compressed")


def _read_header(data: bytes) -> tuple[dict[str, list[str]], int]:
    """Return the header's entries, and where the points start."""
    header, start = {}, 0
    while "DATA" not in header:
        end = data.find(b"\n", start)
        if end < 0 or start > 65536:
            raise ValueError("no line that begins with DATA")
        words = data[start:end].decode("ascii", errors="replace").split()
        if words and not words[0].startswith("#"):
            header[words[0].upper()] = words[1:]
        start = end + 1
    lacking = [key for key in ("FIELDS", "SIZE", "TYPE", "DATA") if not header.get(key)]
    if lacking:
        raise ValueError(f"no header line {', '.join(lacking)}")
    return header, start


def _field_types(header: dict[str, list[str]]) -> list[tuple[str, str, int]]:
    """Return the name, NumPy type and count of each field."""
    names, sizes, kinds = header["FIELDS"], header["SIZE"], header["TYPE"]
    counts = header.get("COUNT") or ["1"] * len(names)
    if not len(names) == len(sizes) == len(kinds) == len(counts):
        raise ValueError("FIELDS, SIZE, TYPE and COUNT differ in length")
    for name, size, kind, count in zip(names, sizes, kinds, counts, strict=True):
        if size not in _TYPES.get(kind.upper(), ()) or int(count) < 1 or (name in "xyz" and int(count) != 1):
            raise ValueError(f"field {name} has TYPE {kind}, SIZE {size}, COUNT {count}")
    codes = [f"<{kind.lower()}{size}" for kind, size in zip(kinds, sizes, strict=True)]
    return list(zip(names, codes, map(int, counts), strict=True))


def _point_count(header: dict[str, list[str]]) -> int:
    """Return POINTS, or WIDTH times HEIGHT where it is missing."""
    keys = ["POINTS"] if header.get("POINTS") else ["WIDTH", "HEIGHT"]
    count = math.prod(int(header[key][0]) for key in keys) if set(keys) <= header.keys() else -1
    if count < 0:
        raise ValueError("no number of points in the header")
    return count


def _read_ascii(body: bytes, count: int, columns: np.ndarray, width: int) -> np.ndarray:
    rows = [line.split() for line in body.decode("ascii", errors="replace").splitlines() if line.strip()]
    if len(rows) < count or any(len(row) != width for row in rows[:count]):
        raise ValueError(f"expected {count} lines of {width} numbers")
    return np.array([[float(row[column]) for column in columns] for row in rows[:count]]).reshape(count, 3)


def _read_compressed(body: bytes, dtype: np.dtype, count: int, columns: list[int]) -> np.ndarray:
    """Read two little-endian sizes, then LZF: all of the first field, all of the second, and so on."""
    if len(body) < 8:
        raise ValueError("it ends before the compressed points")
    packed_size, size = struct.unpack("<II", body[:8])
    if size != dtype.itemsize * count or len(body) < 8 + packed_size:
        raise ValueError(f"{size} bytes in {packed_size} do not hold {count} points of {dtype.itemsize}")
    data = lzf_decompress(body[8 : 8 + packed_size], size)
    places = [dtype.fields[str(column)][:2] for column in columns]
    return np.stack([np.frombuffer(data, kind.base, count, offset * count) for kind, offset in places], 1).astype(float)


def lzf_decompress(packed: bytes, size: int) -> bytes:
    """Undo LibLZF's compression (http://oldhome.schmorp.de/marc/liblzf.html). Raises ValueError where it is damaged.

    A control byte below 32 announces that many literal bytes plus one; above, its top three bits and perhaps one more
    byte are a length, its low five bits and the next byte the distance back to what is repeated.
    """
    out, place = bytearray(), 0
    try:
        while place < len(packed) and len(out) <= size:
            control = packed[place]
            place += 1
            if control < 32:
                out += packed[place : place + control + 1]
                place += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[place]
                place += 1
            back = ((control & 31) << 8) + packed[place] + 1
            place += 1
            _repeat(out, back, length + 2)
    except IndexError as error:
        raise ValueError("the compressed points are cut off") from error
    if len(out) != size:
        raise ValueError(f"the compressed points unpack to {len(out)} bytes, expected {size}")
    return bytes(out)


def _repeat(out: bytearray, back: int, length: int) -> None:
    """Append `length` bytes from `back` before the end; they may run into what is being appended."""
    if back > len(out):
        raise ValueError("the compressed points refer to before their beginning")
    start = len(out) - back
    piece = out[start : start + length]
    out += (piece * (length // len(piece) + 1))[:length]
