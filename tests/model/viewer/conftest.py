"""A small grasp set to view, made here: 40 hands at three solids. Nothing of the synthesis package."""

from functools import cache

import numpy as np
import pytest
import trimesh

OBJECTS = ["mug:1", "can:2", "mug:7"]
TYPES = ["power", "tripod", "never"]


class FewGrasps:
    """What a reader of grasp sets gives, with numbers that can be checked: grasp i is on object i % 3 (as runs) and of
    type i % 2; can:2 is for validation."""

    name, hand = "few grasps", "open hand"
    objects, grasp_types = OBJECTS, TYPES
    families, splits = ["mug", "can", "mug"], ["train", "validation", "train"]

    def __init__(self, place=None):
        self.place = place
        self.object_of = np.sort(np.arange(40) % 3)
        self.type_of = np.arange(40) % 2

    def __len__(self):
        return 40

    def select(self, family=None, grasp_type=None, split=None, spec=None):
        for name, known in ((family, self.families), (split, self.splits), (spec, self.objects)):
            if name and name not in known:
                raise ValueError(f"no '{name}' in this set")
        if grasp_type and grasp_type not in TYPES:
            raise ValueError(f"no grasp type '{grasp_type}' in this set")
        return np.array(
            [
                i
                for i, (number, kind) in enumerate(zip(self.object_of, self.type_of, strict=True))
                if family in (None, self.families[number]) and split in (None, self.splits[number])
                and spec in (None, self.objects[number]) and grasp_type in (None, TYPES[kind])
            ],
            dtype=int,
        )  # fmt: skip

    def grasps(self, rows):
        from fastgrasp_model.grasps import Grasps

        parameters = np.zeros((len(rows), 61), dtype=np.float32)
        parameters[:, 13:58] = 0.3 * np.random.default_rng(0).normal(size=(40, 45))[rows]
        parameters[:, 58:] = [-0.09, 0.03, 0.0]
        return Grasps.from_parameters(parameters, open_hand())

    def mesh(self, number):
        if number == 2:
            raise ValueError("mug:7: the solid came out empty")
        return [trimesh.creation.cylinder(0.03, 0.1), trimesh.creation.box((0.05, 0.05, 0.08))][number]

    def facts(self, row):
        number = int(self.object_of[row])
        return {
            "row": int(row), "object": OBJECTS[number], "family": self.families[number],
            "split": self.splits[number], "type": TYPES[self.type_of[row]], "depth": 0.0021, "betas": [0.5] * 10,
            "displacement": dict(zip(["+x", "-x", "+y", "-y", "+z", "-z"], [0.001 * row] * 6, strict=True)),
        }  # fmt: skip


@cache
def open_hand():
    from fastgrasp_model.hand import ManoLayer

    return ManoLayer.from_file()


@pytest.fixture
def few_grasps():
    return FewGrasps()


@pytest.fixture
def grasp_file(few_grasps, tmp_path):
    """A grasp file of three scored grasps and the object's mesh beside it."""
    grasps = few_grasps.grasps(np.arange(3))
    grasps.score[:] = [0.9, 0.5, 0.25]
    few_grasps.mesh(0).export(tmp_path / "can.ply")
    return grasps.save(tmp_path / "g.npz")
