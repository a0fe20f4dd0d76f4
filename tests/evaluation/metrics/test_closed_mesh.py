"""Object meshes for measuring: closed where that is safe, refused with the reason elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.metrics.closed_mesh import check_size, watertight_with_notes
from fastgrasp_model.geometry.meshes import MeshError, load_mesh


def ball(radius: float = 0.04) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=radius)


def surface(vertices, faces) -> trimesh.Trimesh:
    return trimesh.Trimesh(np.asarray(vertices), np.asarray(faces), process=False)


def test_a_closed_mesh_stays_as_it_is():
    whole = ball()
    closed, notes = watertight_with_notes(whole)
    assert notes == [] and closed is not whole
    assert np.array_equal(closed.vertices, whole.vertices) and np.array_equal(closed.faces, whole.faces)


def test_small_holes_are_closed_and_turned_faces_turned_back():
    box = trimesh.creation.icosphere(2, radius=0.05)
    faces = np.array(box.faces[1:])
    faces[3] = faces[3][::-1]
    closed, notes = watertight_with_notes(surface(box.vertices, faces))
    assert closed.is_watertight and closed.volume == pytest.approx(box.volume)
    assert notes == ["faces turned to agree", "a hole of 16 mm filled"]


def test_inverted_meshes_are_turned():
    closed, notes = watertight_with_notes(surface(ball().vertices, ball().faces[:, ::-1]))
    assert closed.volume == pytest.approx(ball().volume) and notes == ["faces turned outwards"]


def test_flat_holes_are_closed_where_their_cap_hardly_matters():
    """Both poles of a ball cut off: 27 mm across, a tenth as deep, 3 % of the surface each."""
    whole = ball()
    cut = whole.faces[np.abs(whole.triangles_center[:, 2]) < 0.037]
    closed, notes = watertight_with_notes(surface(whole.vertices, cut))
    assert closed.is_watertight and closed.volume == pytest.approx(whole.volume, rel=0.01)
    assert notes[-1] == "2 holes of up to 33 mm filled"


def test_a_cap_follows_an_outline_that_is_not_convex():
    """A slab whose flat upper side lacks an L of small squares."""
    mesh = trimesh.creation.box((0.12, 0.12, 0.03))
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, 0.01)
    fine = trimesh.Trimesh(vertices, faces)
    x, y, z = fine.triangles_center.T
    hole = (z > 0.0149) & (x > 0) & (x < 0.02) & (y > 0) & (y < 0.04)
    hole |= (z > 0.0149) & (x > 0) & (x < 0.04) & (y > 0) & (y < 0.02)
    assert hole.sum() > 12
    closed, _ = watertight_with_notes(surface(fine.vertices, fine.faces[~hole]))
    assert closed.volume == pytest.approx(fine.volume)
    assert closed.area == pytest.approx(fine.area)


def test_triangle_soup_is_merged_and_double_faces_dropped():
    whole = ball()
    soup = surface(whole.vertices[whole.faces].reshape(-1, 3), np.arange(3 * len(whole.faces)).reshape(-1, 3))
    closed, notes = watertight_with_notes(soup)
    assert closed.volume == pytest.approx(whole.volume) and "vertices dropped" in notes[0]
    closed, notes = watertight_with_notes(surface(whole.vertices, np.concatenate([whole.faces, whole.faces[:5]])))
    assert closed.volume == pytest.approx(whole.volume) and notes == ["5 double or empty faces dropped"]


def test_hollows_stay_hollow_and_parts_are_turned_one_by_one():
    outer, inner = ball(), ball(0.02)
    count = len(outer.vertices)
    hollow = surface(
        np.concatenate([outer.vertices, inner.vertices]), np.concatenate([outer.faces, inner.faces[:, ::-1] + count])
    )
    closed, notes = watertight_with_notes(hollow)
    assert closed.volume == pytest.approx(outer.volume - inner.volume) and notes == []
    closed, notes = watertight_with_notes(surface(hollow.vertices, hollow.faces[:, ::-1]))
    assert closed.volume == pytest.approx(outer.volume - inner.volume) and notes == ["faces turned outwards"]
    beside = surface(np.concatenate([outer.vertices, inner.vertices + 0.1]), hollow.faces)
    closed, notes = watertight_with_notes(beside)
    assert closed.volume == pytest.approx(outer.volume + inner.volume) and notes == ["faces turned outwards"]


def test_open_meshes_are_refused_with_the_size_of_the_hole():
    tube = trimesh.creation.cylinder(radius=0.03, height=0.1, sections=24)
    side = tube.submesh([np.abs(tube.face_normals[:, 2]) < 0.5], append=True)
    with pytest.raises(MeshError, match=r"a hole 60 mm across, 11.\d % of the surface .*; 2 in all. Close it in"):
        watertight_with_notes(side)
    bowl = surface(ball().vertices, ball().faces[ball().triangles_center[:, 2] < 0])
    with pytest.raises(MeshError, match="a hole 80 mm across, 3"):
        watertight_with_notes(bowl)
    pipe = trimesh.creation.cylinder(radius=0.03, height=0.1, sections=24)
    vertices, faces = trimesh.remesh.subdivide_to_size(pipe.vertices, pipe.faces, 0.01)
    x, _, z = vertices[faces].mean(axis=1).T
    belt = surface(vertices, faces[~((x > -0.02) & (np.abs(z) < 0.006))])
    with pytest.raises(MeshError, match="not flat|crosses itself"):
        watertight_with_notes(belt)


def test_surfaces_that_bound_nothing_are_refused():
    whole = ball()
    a, b = whole.faces[0, :2]
    fin = surface(np.concatenate([whole.vertices, [[0, 0, 0.1]]]), np.concatenate([whole.faces, [[b, a, 2562]]]))
    with pytest.raises(MeshError, match="1 edges of more than two faces.*remesh"):
        watertight_with_notes(fin)
    sheet = surface([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]], [[0, 1, 2], [0, 2, 3]])
    with pytest.raises(MeshError):
        watertight_with_notes(sheet)
    with pytest.raises(MeshError, match="not finite"):
        watertight_with_notes(surface(np.full((3, 3), np.nan), [[0, 1, 2]]))
    with pytest.raises(MeshError, match="no faces"):
        watertight_with_notes(surface(np.zeros((3, 3)), np.zeros((0, 3), int)))


def test_another_unit_than_metres_is_refused():
    for scale, reason in ((1000, r"80 m long.*millimetres.*times 0.001"), (0.05, "4 mm long, too small")):
        with pytest.raises(MeshError, match=reason):
            watertight_with_notes(surface(ball().vertices * scale, ball().faces))
    check_size(ball())


YCB = Path(__file__).parents[4] / "shared" / "data" / "ycb"


@pytest.mark.slow
@pytest.mark.skipif(not YCB.is_dir(), reason="the YCB meshes are not here (shared/data/ycb)")
def test_all_ycb_meshes_pass():
    files = sorted(YCB.glob("*.obj"))
    assert len(files) == 78
    for path in files:
        closed, notes = watertight_with_notes(load_mesh(path))
        assert closed.volume > 0 and notes == [], path.stem
