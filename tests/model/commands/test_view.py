"""`fastgrasp view` of a grasp file: a picture beside it."""

import shutil

from command_line import refused, run


def test_view_draws_beside_the_grasp_file(capsys, grasp_file, box_file, tmp_path):
    copy = shutil.copy(grasp_file, tmp_path / "copy.npz")
    code, text, _ = run(capsys, "view", copy, "--object", box_file, "--hands", 1, "--views", 1)
    assert code == 0 and (tmp_path / "copy_view.png").stat().st_size > 5000
    assert text == f"wrote {tmp_path / 'copy_view.png'}\n"


def test_a_missing_file_is_named(capsys, tmp_path):
    assert "nowhere.npz" in refused(capsys, "view", tmp_path / "nowhere.npz")


def test_view_leaves_the_picture_of_generate_alone(capsys, grasp_file):
    drawn = grasp_file.with_suffix(".png")
    drawn.write_bytes(b"what generate --render drew")
    assert run(capsys, "view", grasp_file, "--hands", 1, "--views", 1)[0] == 0
    assert drawn.read_bytes() == b"what generate --render drew"
