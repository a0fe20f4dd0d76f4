"""Hands to representations and back, and through rigid motions."""

import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.hand_representation import HandRepresentation, HandState


def _states(count=32):
    g = torch.Generator().manual_seed(3)
    return HandState(
        torch.randn(count, 10, generator=g), random_rotations(count, g),
        0.4 * torch.randn(count, 45, generator=g), 0.1 * torch.randn(count, 3, generator=g),
    )  # fmt: skip


def _same(one, two):
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


def test_round_trip_and_standardisation():
    states, representation = _states(500), HandRepresentation()
    representation.fit(states)
    numbers = representation.from_hands(states)
    assert numbers.shape == (500, 64)
    torch.testing.assert_close(numbers[:, 16:61].std(0), torch.ones(45), atol=1e-3, rtol=0)
    _same(representation.to_hands(numbers), states)


def test_moving_there_and_back():
    states = _states()
    g = torch.Generator().manual_seed(4)
    rotation, origin = random_rotations(32, g), torch.randn(32, 3, generator=g)
    moved = states.transformed(rotation, origin)
    _same(moved.inverse_transformed(rotation, origin), states)
    torch.testing.assert_close(moved.wrist, (rotation @ states.wrist[..., None])[..., 0] + origin)


def test_parameters_round_trip():
    hand, states = ManoLayer.from_file(), _states()
    parameters = states.parameters(hand)
    assert parameters.shape == (32, 61)
    _same(HandState.from_parameters(parameters, hand), states)
    joints = hand.from_parameters(parameters).joints
    torch.testing.assert_close(joints[:, 0], states.wrist, atol=1e-5, rtol=0)
