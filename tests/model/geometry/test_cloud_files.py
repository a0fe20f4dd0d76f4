"""Cloud files: every format and every PCD encoding, and damaged files of each."""

import struct

import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.cloud_files import read_cloud
from fastgrasp_model.geometry.clouds import CloudError
from fastgrasp_model.geometry.pcd_file import lzf_decompress


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((70, 3)).astype(np.float32)


def lzf_compress(data: bytes) -> bytes:
    """A plain LZF compressor: the longest of the last matches of three bytes, else literals."""
    out, literals, seen, place = bytearray(), bytearray(), {}, 0

    def flush() -> None:
        for start in range(0, len(literals), 32):
            piece = literals[start : start + 32]
            out.extend([len(piece) - 1, *piece])
        literals.clear()

    while place < len(data):
        key = data[place : place + 3]
        start = seen.get(key, -1)
        seen[key] = place
        if len(key) == 3 and 0 <= start and place - start <= 8192:
            length = 3
            while length < 264 and place + length < len(data) and data[start + length] == data[place + length]:
                length += 1
            flush()
            back, short = place - start - 1, length - 2
            out.extend([(min(short, 7) << 5) | (back >> 8), *([short - 7] if short >= 7 else []), back & 255])
            place += length
        else:
            literals.append(data[place])
            place += 1
    flush()
    return bytes(out)


def pcd_bytes(points: np.ndarray, kind: str) -> bytes:
    """A .pcd with a colour and a vector field around x, y, z, as PCL writes it."""
    count = len(points)
    header = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS normal x y z rgb\nSIZE 4 4 4 4 4\n"
        f"TYPE F F F F U\nCOUNT 3 1 1 1 1\nWIDTH {count}\nHEIGHT 1\n"
        f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {count}\nDATA {kind}\n"
    ).encode()
    table = np.zeros(count, [("normal", "<f4", 3), ("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])
    table["x"], table["y"], table["z"] = points.T
    table["rgb"] = 255
    if kind == "ascii":
        rows = [f"0 0 0 {x:.9g} {y:.9g} {z:.9g} 255" for x, y, z in points]
        return header + ("\n".join(rows) + "\n").encode()
    if kind == "binary":
        return header + table.tobytes()
    data = b"".join(np.ascontiguousarray(table[name]).tobytes() for name in table.dtype.names)
    packed = lzf_compress(data)
    return header + struct.pack("<II", len(packed), len(data)) + packed


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_pcd_encodings(tmp_path, points, kind):
    points[5] = np.nan
    path = tmp_path / "cloud.pcd"
    path.write_bytes(pcd_bytes(points, kind))
    found = read_cloud(path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, points)


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.97])
def test_shortened_pcd_files_are_refused(tmp_path, points, kind, keep):
    whole = pcd_bytes(points, kind)
    path = tmp_path / "cloud.pcd"
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(CloudError, match=r"cloud\.pcd is damaged"):
        read_cloud(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"FIELDS normal x y z", b"FIELDS normal x y w"),
        (b"POINTS 70", b"POINTS 99999999999"),
        (b"POINTS 70", b"POINTS many"),
        (b"SIZE 4 4 4 4 4", b"SIZE 4 4 4 4"),
        (b"SIZE 4 4 4 4 4", b"SIZE 4 4 3 4 4"),
        (b"TYPE F F F F U", b"TYPE F F Q F U"),
        (b"DATA binary", b"DATA zip"),
    ],
)
def test_wrong_pcd_headers_are_refused(tmp_path, points, old, new):
    path = tmp_path / "cloud.pcd"
    path.write_bytes(pcd_bytes(points, "binary").replace(old, new))
    with pytest.raises(CloudError, match=r"cloud\.pcd is damaged"):
        read_cloud(path)


def test_lzf_undoes_repetitions_that_overlap_themselves():
    data = b"abc" + b"x" * 1000 + bytes(range(256)) * 4 + b"abcabcabc"
    packed = lzf_compress(data)
    assert len(packed) < len(data) / 2
    assert lzf_decompress(packed, len(data)) == data
    for damaged in (packed[:-1], b"\x20\x00", packed + b"\x00a", b"\xff" * 10):
        with pytest.raises(ValueError):
            lzf_decompress(damaged, len(data))


@pytest.mark.parametrize("columns", [3, 6])
def test_numpy_files(tmp_path, points, columns):
    table = np.concatenate([points, np.ones((70, columns - 3), np.float32)], axis=1)
    np.save(tmp_path / "cloud.npy", table.reshape(7, 10, columns))
    np.testing.assert_array_equal(read_cloud(tmp_path / "cloud.npy"), points)
    for key in ("points", "object_pc", "xyz"):
        np.savez(tmp_path / "cloud.npz", other=np.zeros(3), **{key: table})
        np.testing.assert_array_equal(read_cloud(tmp_path / "cloud.npz"), points)


@pytest.mark.parametrize("suffix", [".ply", ".obj"])
def test_vertices_of_files_without_faces(tmp_path, points, suffix):
    path = tmp_path / f"cloud{suffix}"
    if suffix == ".ply":
        trimesh.PointCloud(points).export(path)
    else:
        path.write_text("".join(f"v {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in points))
    np.testing.assert_allclose(read_cloud(path), points, atol=1e-6)


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl", ".off", ".glb"])
def test_meshes_are_sampled_on_their_surface(tmp_path, suffix):
    path = tmp_path / f"box{suffix}"
    trimesh.creation.box((0.1, 0.1, 0.1)).export(path)
    found = read_cloud(path, samples=1000, seed=3)
    assert found.shape == (1000, 3)
    np.testing.assert_allclose(np.abs(found).max(1), 0.05, atol=1e-6)
    np.testing.assert_array_equal(found, read_cloud(path, samples=1000, seed=3))
    assert not np.array_equal(found, read_cloud(path, samples=1000, seed=4))


def test_a_unit_scales_clouds_and_meshes_to_metres(tmp_path):
    np.save(tmp_path / "cloud.npy", np.full((70, 3), 50.0))
    assert read_cloud(tmp_path / "cloud.npy", unit="mm") == pytest.approx(0.05)
    trimesh.creation.box((2, 2, 4)).export(tmp_path / "box.stl")
    found = read_cloud(tmp_path / "box.stl", unit="inch")
    assert np.abs(found).max() == pytest.approx(0.0508, abs=1e-6)


def test_missing_unknown_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(CloudError, match=r"No point cloud at .*none\.ply"):
        read_cloud(tmp_path / "none.ply")
    (tmp_path / "cloud.las").write_bytes(b"x")
    with pytest.raises(CloudError, match=r"got '\.las'"):
        read_cloud(tmp_path / "cloud.las")
    for name in ("a.ply", "b.obj", "c.stl", "d.pcd", "e.npy", "f.npz"):
        for content in (b"", b"\x00garbage\xff" * 9):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(CloudError, match=name):
                read_cloud(tmp_path / name)


def test_wrong_arrays_are_refused_and_objects_never_unpickled(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros(9))
    with pytest.raises(CloudError, match="shape"):
        read_cloud(tmp_path / "flat.npy")
    np.savez(tmp_path / "other.npz", cloud=np.zeros((9, 3)))
    with pytest.raises(CloudError, match="expected one of points, object_pc, xyz"):
        read_cloud(tmp_path / "other.npz")
    np.save(tmp_path / "object.npy", np.array([[print] * 3] * 9), allow_pickle=True)
    with pytest.raises(CloudError, match="damaged"):
        read_cloud(tmp_path / "object.npy")
