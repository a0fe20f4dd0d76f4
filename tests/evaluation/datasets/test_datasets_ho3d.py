"""HO-3D: OpenGL's camera drops out, frames without annotation are left out, foreign meshes are refused."""

import pickle

import numpy as np
import official_layouts as layouts
import pytest
import trimesh

from fastgrasp_evaluation.datasets import DatasetError, read_ho3d


def farthest(records, written) -> float:
    made = layouts.posed(records.parameters())
    return np.linalg.norm(made - np.stack([written.truth[frame] for frame in records.frames]), axis=2).max()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_hands_come_back_in_the_models_frame(tmp_path, protocol):
    written = layouts.write_ho3d(tmp_path, protocol=protocol)
    records = read_ho3d(tmp_path)
    assert records.frames == tuple(written.truth) and farthest(records, written) < 1e-5
    assert records.notes[-1] == "1 of 4 frames have no annotation and are left out"
    assert np.array_equal(records.objects[0].load().bounds, trimesh.load(records.objects[0].path).bounds)


def test_pickles_of_python_2(tmp_path):
    """The published files were written by Python 2: texts as bytes, arrays as latin1 texts."""
    written = layouts.write_ho3d(tmp_path)
    path = tmp_path / "train/ABF10/meta/0000.pkl"
    content = pickle.loads(path.read_bytes())
    program = b"(dp0\n"
    for key, value in content.items():
        program += b"S'" + key.encode() + b"'\n" + _python_2(value) + b"s"
    path.write_bytes(program + b".")
    assert farthest(read_ho3d(tmp_path), written) < 1e-5


def _python_2(value) -> bytes:
    if isinstance(value, str):
        return b"S'" + value.encode() + b"'\n"
    if isinstance(value, int):
        return b"I%d\n" % value
    kind = {"f": b"f8", "b": b"b1"}[value.dtype.kind]
    shape = b"(" + b"".join(b"I%d\n" % n for n in value.shape) + b"t"
    data = b"T" + np.uint32(value.nbytes).tobytes() + value.tobytes()
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n" + shape
    return start + b"cnumpy\ndtype\n(S'" + kind + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n" + data + b"tb"


def test_models_elsewhere_and_every_second_frame(tmp_path):
    written = layouts.write_ho3d(tmp_path, frames=4)
    (tmp_path / "ycb").mkdir()
    (tmp_path / "models").rename(tmp_path / "ycb" / "models")
    for place in (tmp_path / "ycb", tmp_path / "ycb" / "models"):
        records = read_ho3d(tmp_path, models=place, every=2)
        assert records.frames == ("ABF10/0000", "ABF10/0002") and farthest(records, written) < 1e-5


def test_the_original_ycb_frame_is_refused(tmp_path):
    layouts.write_ho3d(tmp_path)
    path = tmp_path / "models" / layouts.HO3D_NAME / "textured_simple.obj"
    mesh = trimesh.load(path)
    mesh.vertices -= [0.01235, 0.01245, -0.10826]  # as 003 is in the original frame
    mesh.export(path)
    with pytest.raises(DatasetError, match="108 mm off HO-3D's, so it is not in YCB-Video's frame.*posecnn"):
        read_ho3d(tmp_path)


def test_a_missing_model_or_annotation_is_named_with_where_to_get_it(tmp_path):
    layouts.write_ho3d(tmp_path)
    path = tmp_path / "models" / layouts.HO3D_NAME / "textured_simple.obj"
    path.rename(tmp_path / "gone")
    with pytest.raises(DatasetError, match=f"{path} is missing.*https://rse-lab.cs.washington.edu/projects/posecnn/"):
        read_ho3d(tmp_path)
    for file in (tmp_path / "train").rglob("*.pkl"):
        file.unlink()
    with pytest.raises(DatasetError, match="<frame>.pkl is missing.*https://www.tugraz.at.*hand-object-3d-pose"):
        read_ho3d(tmp_path)
    with pytest.raises(DatasetError, match="nowhere/train is missing.*academic research.*https://www.tugraz.at"):
        read_ho3d(tmp_path / "nowhere")


def test_the_evaluation_split_has_no_hands(tmp_path):
    with pytest.raises(DatasetError, match="wrist of each hand only; take split=train"):
        read_ho3d(tmp_path, "evaluation")


@pytest.mark.parametrize("change, said", [
    ({"handPose": np.zeros(45)}, r"'handPose' is \(45,\), expected numbers \(48,\)"),
    ({"objName": "../secret"}, "'objName' is '../secret', expected a YCB object's name"),
    ({"objTrans": np.full(3, np.nan)}, "'objTrans' is not finite, first in row"),
])  # fmt: skip
def test_damaged_annotations_are_told(tmp_path, change, said):
    layouts.write_ho3d(tmp_path)
    path = tmp_path / "train/ABF10/meta/0000.pkl"
    path.write_bytes(pickle.dumps({**pickle.loads(path.read_bytes()), **change}))
    with pytest.raises(DatasetError, match=said):
        read_ho3d(tmp_path)
    path.write_bytes(pickle.dumps({"handPose": np.zeros(48)}))
    with pytest.raises(DatasetError, match="is no annotation of HO-3D: it has no 'objRot'"):
        read_ho3d(tmp_path)
