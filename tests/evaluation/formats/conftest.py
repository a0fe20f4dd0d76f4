"""Known hands to write and to read back, and a hand model that is not the open hand."""

import pickle
from functools import cache

import numpy as np
import pytest
import torch

from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import angles_to_matrices
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_synthesis.hand_synergies import sample_synergies


@cache
def _layer(side: str, path=None) -> ManoLayer:
    return ManoLayer.from_file(path, side=side)


@pytest.fixture(scope="session")
def layer():
    """The open hand of a side; with a path, the hand of that file."""
    return _layer


@pytest.fixture(scope="session")
def grasps():
    """Grasps with natural postures near the origin: (side, count, seed, path of a hand file)."""
    from fastgrasp_model.geometry.rotations import matrix_to_axis_angle

    def make(side: str = "right", count: int = 3, seed: int = 0, path=None) -> Grasps:
        layer = _layer(side, path)
        generator = torch.Generator().manual_seed(seed)
        pose = angles_to_matrices(sample_synergies(count, generator), joint_axes(layer))
        orient, transl = torch.randn(2, count, 3, generator=generator)
        betas = 0.5 * torch.randn(count, 10, generator=generator)
        rows = [betas, orient, matrix_to_axis_angle(pose).reshape(count, 45), 0.05 * transl]
        return Grasps.from_parameters(torch.cat(rows, 1), layer)

    return make


@pytest.fixture(scope="session")
def mano_file(tmp_path_factory):
    """A user's MANO_RIGHT.pkl: the open hand with other vertex numbers, another mean pose and other components."""
    model = load_hand_file(OPEN_HAND)
    rng = np.random.default_rng(7)
    order = np.argsort(model["weights"].argmax(1) + rng.uniform(0, 0.9, 778))  # finger by finger, shuffled inside
    place = np.argsort(order)
    shuffled = {key: model[key][order] for key in ("v_template", "shapedirs", "posedirs", "weights")}
    shuffled |= {"J_regressor": model["J_regressor"][:, order], "f": place[model["f"]].astype(np.uint32)}
    shuffled |= {"tip_ids": place[model["tip_ids"]], "kintree_table": model["kintree_table"].astype(np.int64)}
    shuffled |= {
        "hands_mean": 0.2 * rng.normal(size=45),
        "hands_components": np.linalg.qr(rng.normal(size=(45, 45)))[0],
    }
    path = tmp_path_factory.mktemp("mano") / "MANO_RIGHT.pkl"
    path.write_bytes(pickle.dumps(shuffled, protocol=2))
    return path
