"""Pads: palmar, on the right phalanx, the same ids on both sides."""

import torch

from fastgrasp_model.hand.anatomy import FINGER_JOINTS, pads, rest_normals
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer

LAYER = ManoLayer.from_file(OPEN_HAND)


def test_every_pad_exists_and_none_overlap():
    found = pads(LAYER)
    assert set(found) == {*FINGERS, *(f"{finger}_middle" for finger in FINGERS), "palm"}
    assert all(ids.dtype == torch.long and len(ids) >= 5 for ids in found.values())
    everything = torch.cat(list(found.values()))
    assert len(everything.unique()) == len(everything) < 300


def test_pads_face_the_palm_side_and_belong_to_their_phalanx():
    found, normals = pads(LAYER), rest_normals(LAYER)
    for finger in FINGERS:
        assert (LAYER.weights[found[finger]].argmax(1) == FINGER_JOINTS[finger][2]).all()
        if finger != "thumb":
            assert (normals[found[finger], 1] < 0).all()
            assert (
                LAYER.v_template[found[finger], 1].mean()
                < LAYER.v_template[LAYER.weights[:, FINGER_JOINTS[finger][2]] > 0.5, 1].mean()
            )
    assert (normals[found["palm"], 1] < -0.4).all()


def test_left_pads_have_the_same_ids():
    left = pads(ManoLayer.from_file(OPEN_HAND, side="left"))
    assert all(torch.equal(left[name], ids) for name, ids in pads(LAYER).items())


def test_rest_normals_look_outwards():
    normals = rest_normals(LAYER)
    torch.testing.assert_close(normals.norm(dim=1), torch.ones(778))
    # From inside a finger to its skin.
    on_finger = LAYER.weights[:, 3] > 0.9
    middle = LAYER.v_template[on_finger].mean(0)
    outward = torch.nn.functional.normalize(LAYER.v_template[on_finger] - middle, dim=1)
    assert ((normals[on_finger] * outward).sum(1) > 0).float().mean() > 0.9
