"""V-HACD's pieces on disk: kept by content, made again when damaged, safe for two processes."""

import subprocess
import sys

import pytest
import trimesh

pytest.importorskip("pybullet")
from fastgrasp_evaluation.metrics.decomposition import VHACD, SimulationError, decomposition


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path))


@pytest.fixture
def box():
    return trimesh.creation.box((0.04, 0.06, 0.08))


def test_pieces_are_kept_by_content_and_constants(box, tmp_path):
    kept = decomposition(box.vertices, box.faces)
    stamp = kept.stat().st_mtime_ns
    assert decomposition(box.vertices, box.faces) == kept and kept.stat().st_mtime_ns == stamp
    others = {
        decomposition(box.vertices * 1.1, box.faces),
        decomposition(box.vertices, box.faces[::-1]),
        decomposition(box.vertices, box.faces, dict(VHACD, resolution=2000)),
    }
    assert len(others | {kept}) == 4
    assert sorted(path.name for path in (tmp_path / "vhacd").iterdir()) == sorted(p.name for p in others | {kept})


DAMAGES = (lambda text: text[: len(text) // 2], lambda text: text.replace("0", "1", 1), lambda _: "")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_again(box, damage):
    kept = decomposition(box.vertices, box.faces)
    good = kept.read_text()
    kept.write_text(damage(good))
    assert kept.read_text() != good
    assert decomposition(box.vertices, box.faces) == kept and kept.read_text() == good


def test_two_processes_at_once_agree(tmp_path):
    script = (
        "import trimesh\n"
        "from fastgrasp_evaluation.metrics.decomposition import decomposition\n"
        "m = trimesh.creation.icosphere(3, 0.03)\n"
        "print(decomposition(m.vertices, m.faces))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate()[0].splitlines()[-1] for process in running}
    assert [process.returncode for process in running] == [0, 0] and len(said) == 1
    assert [str(path) for path in (tmp_path / "vhacd").iterdir()] == list(said)


def test_a_folder_that_cannot_be_written_is_named(box, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path / "file"))
    with pytest.raises(SimulationError, match="FASTGRASP_CACHE"):
        decomposition(box.vertices, box.faces)
