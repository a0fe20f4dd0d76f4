"""What can happen to a file: bytes lost, turned or repeated; numbers, keys and claims that make no sense; bombs."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
import zlib
from functools import cache

import numpy as np

from fastgrasp_model.numpy_files import plain_array

NUMBERS = (
    b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e999", b"-1", b"0", b"99999999999", b"4294967296", b"1e-320", b"",
    b"abc", b"0x10", b"1,5", b"--3", b"2147483648", b"1.7e6", b"3.5",
)  # fmt: skip
VALUES = (
    None, True, "text", "", -1, 0, 10**30, 1e308, 5e-324, float("nan"), float("inf"), [], {}, [[]], [1, "a", None],
    {"a": {"b": []}}, "5e-4", 3.5, "\x00", "Ü" * 300, list(range(50)),
)  # fmt: skip
_NUMBER = re.compile(rb"(?<![\w.])[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
_BOMB_BYTES = 300 << 20


def damaged(name: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Return the content of a file called `name`, damaged in one to three ways."""
    ways = [way for endings, ways in _WAYS.items() if name.endswith(endings) for way in ways]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        own = bool(ways) and rng.random() < 0.6
        way = _pick(ways if own else _BYTE_WAYS, rng)
        try:
            data = way(data, rng)
        except Exception:  # earlier damage left nothing that this way could take apart
            data = _flip(data, rng)
    return data


def _pick(choices, rng: np.random.Generator):
    return choices[int(rng.integers(len(choices)))]


def _span(data: bytes, rng: np.random.Generator, longest: int = 400) -> tuple[int, int]:
    start = int(rng.integers(len(data) + 1))
    return start, min(len(data), start + int(rng.integers(1, longest)))


def _cut(data: bytes, rng) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _flip(data: bytes, rng) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9)) if data else 0):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _flip_early(data: bytes, rng) -> bytes:
    """Turn bits of the first bytes, where headers are."""
    return _flip(data[:200], rng) + data[200:]


def _repeat(data: bytes, rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:stop] + data[start:stop] * int(rng.integers(1, 6)) + data[stop:]


def _remove(data: bytes, rng) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def _overwrite(data: bytes, rng) -> bytes:
    start, stop = _span(data, rng, 40)
    fill = _pick((b"\x00", b"\xff", b"\x7f", b" ", b"\n"), rng)
    return data[:start] + fill * (stop - start) + data[stop:]


def _insert(data: bytes, rng) -> bytes:
    start, _ = _span(data, rng)
    return data[:start] + rng.bytes(int(rng.integers(1, 60))) + data[start:]


def _append(data: bytes, rng) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 500)))


def _swap(data: bytes, rng) -> bytes:
    middle = int(rng.integers(len(data) + 1))
    return data[middle:] + data[:middle]


def _number(data: bytes, rng) -> bytes:
    """Replace one number of a text, early ones more often: they count what follows."""
    found = list(_NUMBER.finditer(data[: 1 << 16]))
    match = found[int(rng.integers(min(len(found), 12) if rng.random() < 0.5 else len(found)))]
    return data[: match.start()] + _pick(NUMBERS, rng) + data[match.end() :]


def _all_numbers(data: bytes, rng) -> bytes:
    """Replace every number of a text alike, or scale all of them."""
    if rng.random() < 0.5:
        return _NUMBER.sub(_pick(NUMBERS, rng), data)
    factor = float(_pick((1e6, 1e-9, -1.0, 1e30, 0.0, 1000.0), rng))
    return _NUMBER.sub(lambda match: b"%g" % (float(match.group()) * factor), data)


def _line(data: bytes, rng) -> bytes:
    """Drop, double, move or garble one line of a text."""
    lines = data.split(b"\n")
    place = int(rng.integers(min(len(lines), 20) if rng.random() < 0.5 else len(lines)))
    line = lines.pop(place)
    kind = int(rng.integers(4))
    if kind == 1:
        lines[place:place] = [line] * 2
    elif kind == 2:
        lines.insert(int(rng.integers(len(lines) + 1)), line)
    elif kind == 3:
        lines.insert(place, line.replace(_pick((b" ", b":", b"\t", b"e"), rng), _pick((b"", b"  ", b"\xff"), rng)))
    return b"\n".join(lines)


def _json_value(data: bytes, rng) -> bytes:
    return json.dumps(_changed(json.loads(data), rng)).encode()


def _yaml_value(data: bytes, rng) -> bytes:
    import yaml

    try:
        return yaml.safe_dump(_changed(yaml.safe_load(data), rng), allow_unicode=True).encode()
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("no YAML any more") from error


def _changed(content: object, rng) -> object:
    """Change one value or key somewhere in nested lists and mappings."""
    if rng.random() < 0.02:
        deep: object = 1
        for _ in range(int(rng.integers(50, 900))):
            deep = [deep]
        return deep
    if isinstance(content, dict) and content and rng.random() < 0.95:
        key = _pick(list(content), rng)
        kind = rng.random()
        if kind < 0.6 and isinstance(content[key], dict | list):
            return {**content, key: _changed(content[key], rng)}
        if kind < 0.75:
            return {other: value for other, value in content.items() if other != key}
        if kind < 0.85:
            new = _pick((f"{key}x", f"{key}"[:-1], "", "base", "Ü"), rng)
            return {new if other == key else other: value for other, value in content.items()}
        return {**content, key: _pick(VALUES, rng)}
    if isinstance(content, list) and content and rng.random() < 0.9:
        place = int(rng.integers(len(content)))
        kind = rng.random()
        if kind < 0.6:
            return [*content[:place], _changed(content[place], rng), *content[place + 1 :]]
        return content[:place] + ([content[place]] * 2 if kind < 0.8 else []) + content[place + 1 :]
    return _pick(VALUES, rng)


def _array(array: np.ndarray, rng) -> np.ndarray:
    """Damage one array: its numbers, its shape or its type."""
    kind = int(rng.integers(8))
    if kind == 0 and array.dtype.kind == "f" and array.size:
        array = array.copy()
        many = slice(None) if rng.random() < 0.3 else rng.integers(array.size, size=int(rng.integers(1, 20)))
        array.reshape(-1)[many] = _pick((np.nan, np.inf, -np.inf, 6e4, -1, 0, 1e-30), rng)
    elif kind == 1 and array.dtype.kind in "iu" and array.size:
        array = array.copy()
        info = np.iinfo(array.dtype)
        array.reshape(-1)[int(rng.integers(array.size))] = _pick((info.min, info.max, 0, min(info.max, 10**6)), rng)
    elif kind == 2 and array.ndim:
        array = array[: int(rng.integers(len(array) + 1))]
    elif kind == 3:
        array = _pick((array.reshape(-1), array[None], array.T, array[..., None], np.zeros(0), np.array(3)), rng)
    elif kind == 4 and array.dtype.kind in "fiub":
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            array = array.astype(_pick(("f2", "f8", "i1", "u8", "?", "c8", "U4", "S3", "O", ">f4", "M8[s]"), rng))
    elif kind == 5 and array.size < 1 << 16:
        array = np.repeat(array.reshape(-1), int(rng.integers(2, 9)))
    elif kind == 6 and array.dtype.kind in "fiu":
        with np.errstate(all="ignore"):
            array = array * _pick((0, -1, 1000, 1e6), rng)
    else:
        array = _pick((np.array(["mug", "\x00"]), np.array([None, {"a": 1}], dtype=object), np.zeros((0, 3))), rng)
    return array


def _npy_bytes(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=True)
    return out.getvalue()


def _npy_array(data: bytes, rng) -> bytes:
    return _npy_bytes(_array(plain_array(data), rng))


def _npy_claim(data: bytes, rng) -> bytes:
    """Rewrite the header of a .npy: a shape, order or type that the content does not have."""
    claims = ("(3, 9999999999)", "(-1, 3)", "(2147483648, 3)", "()", "(0,)", "(10, 3)", "(3,)", "(1,)*3", "None")
    kinds = ("'<f4'", "'|O'", "'<U9999'", "'<c16'", "'<i8'", "[('a', '<f4')]", "'>f8'", "'<f2'", "'V7'", "None")
    shape, kind, order = _pick(claims, rng), _pick(kinds, rng), _pick(("True", "False", "3"), rng)
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    length = struct.unpack("<H", data[8:10])[0]
    return data[:8] + struct.pack("<H", len(header)) + header + data[10 + length :]


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def _zipped(members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        warnings.simplefilter("ignore")  # of doubled names
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def _npz_member(data: bytes, rng) -> bytes:
    """Damage, drop, double or rename one array of a .npz."""
    members = _members(data)
    place = int(rng.integers(len(members)))
    name, content = members[place]
    kind = rng.random()
    if kind < 0.5:
        members[place] = (name, _npy_array(content, rng))
    elif kind < 0.6:
        members[place] = (name, _npy_claim(content, rng))
    elif kind < 0.7:
        members[place] = (name, _pick(_BYTE_WAYS, rng)(content, rng))
    elif kind < 0.8:
        del members[place]
    elif kind < 0.9:
        members.insert(int(rng.integers(len(members) + 1)), (name, _npy_array(content, rng)))
    else:
        members[place] = (_pick((name[:-4], "../x.npy", "", f"x{name}", "points.npy"), rng), content)
    return _zipped(members)


def _npz_bomb(data: bytes, rng) -> bytes:
    """Put zeros that unfold to hundreds of megabytes in the place of one array, in some of the inputs."""
    if rng.random() > 0.005:
        return _npz_member(data, rng)
    members = _members(data)
    name = members[int(rng.integers(len(members)))][0]
    out = io.BytesIO(_zipped([member for member in members if member[0] != name]))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo(name)
        packed, size, crc = _bomb()
        # Written by hand: the zeros are packed once for all inputs.
        info.compress_type, info.file_size, info.compress_size, info.CRC = zipfile.ZIP_DEFLATED, size, len(packed), crc
        info.header_offset = archive.fp.seek(archive.start_dir)
        archive.fp.write(info.FileHeader(zip64=False) + packed)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(info)
        archive.NameToInfo[name] = info
        archive._didModify = True
    return out.getvalue()


@cache
def _bomb() -> tuple[bytes, int, int]:
    header = io.BytesIO()
    rows = _BOMB_BYTES // 12
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (rows, 3)})
    magic = header.getvalue()
    packer, crc, size = zlib.compressobj(1, zlib.DEFLATED, -15), 0, 0
    packed = bytearray()
    for block in (magic, *[bytes(1 << 20)] * (_BOMB_BYTES >> 20)):
        packed += packer.compress(block)
        crc, size = zlib.crc32(block, crc), size + len(block)
    return bytes(packed + packer.flush()), size, crc


def _glb_json(data: bytes, rng) -> bytes:
    """Change a value of the JSON in a .glb."""
    length = struct.unpack("<I", data[12:16])[0]
    text = json.dumps(_changed(json.loads(data[20 : 20 + length]), rng)).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    head = struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest))
    return head + struct.pack("<I4s", len(text), b"JSON") + text + rest


def _pickle_call(data: bytes, rng) -> bytes:
    """Put a call of the operating system where a value stood; read naively it would leave a file behind."""
    call = b"cos\nsystem\n(S'touch executed'\ntR0"
    start = int(rng.integers(2, len(data)))
    return _pick((data[:2] + call + data[2:], data[:start] + call + data[start:], call + b"."), rng)


_BYTE_WAYS = (_cut, _flip, _flip_early, _repeat, _remove, _overwrite, _insert, _append, _swap)
_TEXT_WAYS = (_number, _number, _all_numbers, _line, _line)
_WAYS = {
    (".ply", ".obj", ".off", ".stl", ".pcd", ".txt"): _TEXT_WAYS,
    (".json",): (_json_value, _json_value, _number, _line),
    (".yaml",): (_yaml_value, _yaml_value, _number, _line),
    (".npy",): (_npy_array, _npy_claim),
    (".npz",): (_npz_member, _npz_bomb),
    (".glb",): (_glb_json,),
    (".pkl",): (_pickle_call,),
}
