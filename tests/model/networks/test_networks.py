"""Shapes, invariances and gradients of the networks."""

import pytest
import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.adaptation import AdaptationModule
from fastgrasp_model.networks.autoencoder import HandAutoencoder, PalmFrame
from fastgrasp_model.networks.denoiser import LatentDenoiser
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_model.networks.object_encoder import BasisPointEncoder
from fastgrasp_model.paper.autoencoder import PaperAutoencoder


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_object_encoder_ignores_the_order_of_points():
    encoder = BasisPointEncoder(32, 64)
    points, context = torch.randn(3, 50, 3) * 0.05, torch.randn(3, 9)
    shuffled = points[:, torch.randperm(50)]
    one, two = (encoder(encoder.features(p), context) for p in (points, shuffled))
    assert one.shape == (3, 32)
    torch.testing.assert_close(one, two)
    assert not torch.allclose(one, encoder(encoder.features(points * 1.2), context))
    assert not torch.allclose(one, encoder(encoder.features(points), context + 1))


def test_basis_distances_are_distances():
    encoder = BasisPointEncoder(8, 16, radius=0.13)
    features = encoder.features(encoder.basis[None, :1] + torch.tensor([0.006, 0.0, 0.0]))
    torch.testing.assert_close(features[0, 0], torch.tensor(0.1), atol=1e-4, rtol=0)  # 6 mm in units of 6 cm
    assert features.max() <= 0.13 / 0.06 + 1e-6


@pytest.fixture(scope="module")
def hand():
    return ManoLayer.from_file()


def _posed(hand, count, seed=0):
    """States, and the vertices of those hands."""
    g = torch.Generator().manual_seed(seed)
    rotations = random_rotations(count, g)
    state = HandState(
        0.5 * torch.randn(count, 10, generator=g), rotations,
        0.2 * torch.randn(count, 45, generator=g), 0.1 * torch.randn(count, 3, generator=g),
    )  # fmt: skip
    transl = state.transl(hand)
    return state, hand.from_matrices(state.betas, state.joint_rotations(), transl).vertices


@pytest.mark.parametrize("kind", ["default", "paper"])
def test_autoencoder_standardises_latents_and_decodes_rotations(hand, kind):
    autoencoder = (HandAutoencoder(hand, 16, 32) if kind == "default" else PaperAutoencoder(16, 32)).train()
    _, vertices = _posed(hand, 16)
    with torch.no_grad():
        for _ in range(30):
            autoencoder.encode(vertices)
    autoencoder.eval()
    latent = autoencoder.encode(vertices)
    torch.testing.assert_close(latent.mean(0), torch.zeros(16), atol=0.05, rtol=0)
    torch.testing.assert_close(latent.std(0, unbiased=False), torch.ones(16), atol=0.05, rtol=0)
    state = autoencoder.decode(latent)
    torch.testing.assert_close(
        state.rotation @ state.rotation.transpose(1, 2), torch.eye(3).expand(16, 3, 3), atol=1e-5, rtol=0
    )
    assert torch.linalg.det(state.rotation).min() > 0.99
    assert state.betas.shape == (16, 10) and state.hand_pose.shape == (16, 45) and state.wrist.shape == (16, 3)


def test_palm_frame_sees_a_moved_hand_as_the_same(hand):
    """What the encoder reads of the fingers does not change under a rigid motion of the hand."""
    frame = PalmFrame(hand)
    _, vertices = _posed(hand, 5)
    turn = random_rotations(5, torch.Generator().manual_seed(9))
    moved = vertices @ turn.transpose(1, 2) + 0.3
    one, two = frame(vertices), frame(moved)
    torch.testing.assert_close(one[:, 12:], two[:, 12:], atol=1e-4, rtol=0)
    torch.testing.assert_close(two[:, :9].view(-1, 3, 3), turn @ one[:, :9].view(-1, 3, 3), atol=1e-4, rtol=0)


def test_autoencoder_noise_only_in_training(hand):
    autoencoder = HandAutoencoder(hand, 16, 32, latent_noise=0.5)
    z = torch.randn(4, 16)
    assert not torch.equal(autoencoder.train().decode_representation(z), autoencoder.decode_representation(z))
    autoencoder.eval()
    assert torch.equal(autoencoder.decode_representation(z), autoencoder.decode_representation(z))


def test_denoiser_guidance():
    net = LatentDenoiser(8, 16, 32, 2)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    z, t, condition = torch.randn(5, 8), torch.full((5,), 500), torch.randn(5, 16)
    plain = net(z, t, condition)
    blind = net(z, t, condition, torch.ones(5, dtype=torch.bool))
    assert not torch.allclose(plain, blind)
    torch.testing.assert_close(net(z, t, condition + 1, torch.ones(5, dtype=torch.bool)), blind)
    torch.testing.assert_close(net.guided(z, t, condition, 1.0), plain)
    torch.testing.assert_close(net.guided(z, t, condition, 0.0), blind)
    torch.testing.assert_close(net.guided(z, t, condition, 3.0), blind + 3 * (plain - blind), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(net(z, t + 300, condition), plain)


@pytest.mark.parametrize("bone_frames", [False, True])
def test_adaptation_starts_as_no_change_and_then_learns(bone_frames):
    net = AdaptationModule(8, 16, query_points=5, width=32, bone_frames=bone_frames)
    z, condition, features, wrist = torch.randn(4, 8), torch.randn(4, 16), torch.randn(4, 5, 7), random_rotations(4)
    assert not net(z, condition, features, wrist).any()
    net(z, condition, features, wrist).sub(1).square().sum().backward()
    assert net.output_projection.weight.grad.abs().sum() > 0
    assert not bone_frames or net.from_vectors[-1].weight.grad.abs().sum() > 0


def test_vectors_of_the_answer_turn_with_the_wrist():
    """The same contact features at another wrist give another answer in the local frame; without vectors the same."""
    torch.manual_seed(0)
    net = AdaptationModule(8, 16, query_points=5, width=32, bone_frames=True)
    torch.nn.init.normal_(net.from_vectors[-1].weight)
    z, condition, features, wrist = torch.randn(4, 8), torch.randn(4, 16), torch.randn(4, 5, 7), random_rotations(4)
    assert not torch.allclose(net(z, condition, features, wrist), net(z, condition, features, wrist.flip(0)), atol=1e-2)
    torch.nn.init.zeros_(net.from_vectors[-1].weight)
    torch.testing.assert_close(net(z, condition, features, wrist), net(z, condition, features, wrist.flip(0)))
