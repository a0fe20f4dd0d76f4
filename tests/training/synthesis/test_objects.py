"""Every family makes closed solids of a hand's scale, the same ones each time."""

import numpy as np
import pytest

pytest.importorskip("manifold3d")
from fastgrasp_training.synthesis.objects import (
    HELD_OUT,
    MAX_FACES,
    ObjectSpecError,
    families,
    make_object,
    object_list,
    parse,
    split_of,
)


@pytest.mark.parametrize("family", [*families(), "urdf"])
def test_objects_are_closed_centred_and_of_sensible_size(family):
    if family == "urdf":
        pytest.importorskip("pybullet_data")
    for number in (11, 12):
        mesh = make_object(f"{family}:{number:03d}")
        assert mesh.is_watertight and 0 < len(mesh.faces) <= MAX_FACES and mesh.volume > 1e-6
        assert np.allclose(mesh.center_mass, 0, atol=1e-6)
        assert 0.02 < mesh.extents.max() < 0.4
        assert mesh.body_count == 1


def test_the_same_specification_makes_the_same_mesh_and_another_seed_another():
    one, two, other = make_object("mug:5"), make_object("mug:5"), make_object("mug:6")
    assert np.array_equal(one.vertices, two.vertices) and np.array_equal(one.faces, two.faces)
    assert one.vertices.shape != other.vertices.shape or not np.allclose(one.vertices, other.vertices)


def test_hollow_things_are_hollow():
    for spec in ("mug:5", "cup:2", "bowl:2"):
        mesh = make_object(spec)
        assert mesh.volume < 0.5 * mesh.convex_hull.volume


def test_the_list_has_no_doubles_covers_the_families_and_keeps_the_share():
    specs = object_list(400, seed=3)
    assert len(set(specs)) == 400 and specs == object_list(400, seed=3) and specs != object_list(400, seed=4)
    assert specs[:100] == object_list(100, seed=3)
    assert {parse(spec)[0] for spec in specs} == {*families(), "urdf"}
    assert 60 < sum(spec.startswith("urdf") for spec in specs) < 140
    assert "urdf:168" not in object_list(3000)


def test_families_belong_to_one_split_as_wholes():
    assert set(families()) >= HELD_OUT
    assert split_of("teapot:1") == split_of("teapot:2") == "validation"
    assert split_of("mug:7") == "train"
    assert split_of("urdf:017") == "validation" and split_of("urdf:018") == "train"


@pytest.mark.parametrize("spec", ["mug", "mug:x", "unknown:3", "urdf:168", "urdf:1000", "../x:1"])
def test_bad_specifications_say_what_is_expected(spec):
    with pytest.raises(ObjectSpecError, match="expected|urdf objects"):
        make_object(spec)
