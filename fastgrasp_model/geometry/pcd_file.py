"""Reading .pcd, the format of the Point Cloud Library: ascii, binary and binary_compressed.

Format: https://pointclouds.org/documentation/tutorials/pcd_file_format.html. Only x, y and z are read.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_KINDS = {"F": "f", "I": "i", "U": "u"}
_SIZES = {"f": (4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8)}
# Larger claims than this are a damaged header, not a cloud.
_MOST_BYTES = 4 << 30


def read_pcd(path: Path) -> np.ndarray:
    """x, y, z of a .pcd file as (N, 3) float64; raises ValueError where it is no valid .pcd."""
    data = path.read_bytes()
    header, start = _read_header(data)
    fields, count = _field_types(header), _point_count(header)
    missing = {"x", "y", "z"} - {name for name, _ in fields}
    if missing:
        raise ValueError(f"no field {', '.join(sorted(missing))}")
    body, kind = data[start:], header["DATA"][0]
    if kind == "ascii":
        return _read_ascii(body, fields, count)
    dtype = np.dtype([(f"{place}", *kind_count) for place, (_, kind_count) in enumerate(fields)])
    columns = [str([name for name, _ in fields].index(axis)) for axis in "xyz"]
    if dtype.itemsize * count > _MOST_BYTES:
        raise ValueError(f"the header claims {count} points of {dtype.itemsize} bytes")
    if kind == "binary":
        if len(body) < dtype.itemsize * count:
            raise ValueError(f"it ends after {len(body)} of {dtype.itemsize * count} bytes")
        table = np.frombuffer(body, dtype, count)
        return np.stack([table[column].reshape(count) for column in columns], axis=1).astype(np.float64)
    if kind == "binary_compressed":
        return _read_compressed(body, dtype, count, columns)
    raise ValueError(f"DATA is '{kind}', expected ascii, binary or binary_compressed")


def _read_header(data: bytes) -> tuple[dict[str, list[str]], int]:
    """The header's entries, and where the points start."""
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


def _field_types(header: dict[str, list[str]]) -> list[tuple[str, tuple[str, int]]]:
    """Name, NumPy type and count of each field."""
    names = header["FIELDS"]
    counts = header.get("COUNT") or ["1"] * len(names)
    if not len(names) == len(header["SIZE"]) == len(header["TYPE"]) == len(counts):
        raise ValueError("FIELDS, SIZE, TYPE and COUNT differ in length")
    fields = []
    for name, size, kind, count in zip(names, header["SIZE"], header["TYPE"], counts, strict=True):
        code = _KINDS.get(kind.upper(), "")
        if int(size) not in _SIZES.get(code, ()) or int(count) < 1:
            raise ValueError(f"field {name} has TYPE {kind}, SIZE {size}, COUNT {count}")
        if name in "xyz" and int(count) != 1:
            raise ValueError(f"field {name} has COUNT {count}, expected 1")
        fields.append((name, (f"<{code}{size}", int(count))))
    return fields


def _point_count(header: dict[str, list[str]]) -> int:
    words = header.get("POINTS") or []
    if words:
        count = int(words[0])
    else:
        count = int(header["WIDTH"][0]) * int(header["HEIGHT"][0]) if {"WIDTH", "HEIGHT"} <= header.keys() else -1
    if count < 0:
        raise ValueError("no number of points in the header")
    return count


def _read_ascii(body: bytes, fields: list[tuple[str, tuple[str, int]]], count: int) -> np.ndarray:
    starts = np.cumsum([0, *[repeat for _, (_, repeat) in fields]])
    names = [name for name, _ in fields]
    columns = [starts[names.index(axis)] for axis in "xyz"]
    rows = [line.split() for line in body.decode("ascii", errors="replace").splitlines() if line.strip()]
    if len(rows) < count or any(len(row) != starts[-1] for row in rows[:count]):
        raise ValueError(f"expected {count} lines of {starts[-1]} numbers")
    return np.array([[float(row[column]) for column in columns] for row in rows[:count]]).reshape(count, 3)


def _read_compressed(body: bytes, dtype: np.dtype, count: int, columns: list[str]) -> np.ndarray:
    """Two little-endian sizes, then LZF: all of the first field, all of the second, and so on."""
    if len(body) < 8:
        raise ValueError("it ends before the compressed points")
    packed_size, size = struct.unpack("<II", body[:8])
    if size != dtype.itemsize * count or len(body) < 8 + packed_size:
        raise ValueError(f"{size} bytes in {packed_size} do not hold {count} points of {dtype.itemsize}")
    data = lzf_decompress(body[8 : 8 + packed_size], size)
    result = np.empty((count, 3))
    for axis, column in enumerate(columns):
        kind, offset = dtype.fields[column][:2]
        result[:, axis] = np.frombuffer(data, kind.base, count, offset * count)
    return result


def lzf_decompress(packed: bytes, size: int) -> bytes:
    """Undo LibLZF's compression (http://oldhome.schmorp.de/marc/liblzf.html); ValueError if damaged.

    A control byte below 32 announces that many literal bytes plus one; above, its top three bits and perhaps
    one more byte are a length, its low five bits and the next byte the distance back to what is repeated.
    """
    out, place, end = bytearray(), 0, len(packed)
    try:
        while place < end:
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
            if len(out) > size:
                break
    except IndexError as error:
        raise ValueError("the compressed points are cut off") from error
    if len(out) != size:
        raise ValueError(f"the compressed points unpack to {len(out)} bytes, expected {size}")
    return bytes(out)


def _repeat(out: bytearray, back: int, length: int) -> None:
    """Append `length` bytes from `back` before the end; they may run into what is being appended."""
    start = len(out) - back
    if start < 0:
        raise ValueError("the compressed points refer to before their beginning")
    piece = out[start : start + length]
    while len(piece) < length:
        piece += piece[: length - len(piece)]
    out += piece
