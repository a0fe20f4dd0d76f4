"""The optimiser's quick skin against the layer's own, values and gradients."""

from functools import partial

import torch

from fastgrasp_evaluation.physics import contacts as contact
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_evaluation.physics.slip import SlipSettings, _Bodies
from fastgrasp_model.hand.mano_layer import ManoLayer
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.optimise import FixedShapeSkin, Optimiser
from fastgrasp_synthesis.starts import Starts


def _hands(layer: ManoLayer, count: int):
    generator = torch.Generator().manual_seed(0)
    betas, transl = torch.randn(count, 10, generator=generator), torch.randn(count, 3, generator=generator)
    turns = torch.linalg.qr(torch.randn(count, 16, 3, 3, generator=generator)).Q
    return betas, turns, transl


def test_it_skins_as_the_layer_does_with_the_same_gradient():
    layer, ids = ManoLayer.from_file(), torch.arange(5, 778, 7)
    betas, turns, transl = _hands(layer, 4)
    pull = torch.randn(4, len(ids), 3, generator=torch.Generator().manual_seed(1))
    found = []
    for quick in (False, True):
        rotations, place = turns.clone().requires_grad_(), transl.clone().requires_grad_()
        pose = layer.pose_joints(betas, rotations, place)
        skin = FixedShapeSkin(layer, betas, ids)
        vertices = skin(pose, rotations) if quick else layer.skin(pose, betas, rotations, ids)
        found.append((vertices, *torch.autograd.grad((vertices * pull).sum(), (rotations, place))))
    for slow, fast in zip(*found, strict=True):
        assert torch.allclose(slow, fast, atol=2e-5, rtol=1e-4)


def test_sets_read_at_once_are_those_read_one_by_one():
    generator = torch.Generator().manual_seed(2)
    points, distance = torch.randn(3, 40, 3, generator=generator), 0.05 * torch.rand(3, 40, generator=generator)
    sets = [torch.arange(0, 12), torch.arange(10, 17), torch.tensor([39])]
    reach, places = contact.soft_contacts(points, distance, contact.membership(sets, 40))
    where, depth = contact.contact_points(points, distance, sets)
    assert torch.allclose(reach, depth, atol=1e-6) and torch.allclose(places(), where, atol=1e-5)


def test_energy_and_slip_stay_on_the_device_of_their_inputs():
    """On "meta" an operation that mixes in a tensor made on the CPU fails, as it would on a GPU."""
    hands = Hands(device="meta")
    optimiser, count = Optimiser(hands), 4
    empty = partial(torch.empty, device="meta")
    rows = torch.zeros(count, dtype=torch.long, device="meta")
    starts = Starts(empty(count, 10), empty(count, 3, 3), empty(count, 15, 3), empty(count, 3), rows, rows)
    whole = torch.ones(1, 3, dtype=torch.long, device="meta")
    grids = SignedDistanceGrids(empty(1000), rows[:1], whole, empty(1, 3), empty(1))
    skin = FixedShapeSkin(hands.layer, starts.betas, hands.subset)
    orient, transl, angles = (empty(count, n).requires_grad_() for n in (6, 3, 45))
    for step in range(4):
        energy = optimiser._energy(starts, skin, orient, transl, angles.view(count, 15, 3), grids, step)
        energy.sum().backward()
    assert orient.grad.device.type == "meta"
    bodies = _Bodies(empty(count, 48, 3), rows, empty(count, 3, 3), empty(count, 3), grids, SlipSettings())
    bodies._step()
    assert bodies.place.device.type == "meta"
