"""The hand autoencoder starts as a linear map that is good already."""

import pytest
import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.autoencoder import HandAutoencoder
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_training.autoencoder import start_linear


@pytest.mark.parametrize("latent", [64, 48])
def test_autoencoder_starts_as_a_good_linear_map(latent):
    hand, g = ManoLayer.from_file(), torch.Generator().manual_seed(0)
    autoencoder = HandAutoencoder(hand, latent, 32).eval()
    betas, pose, wrist = (s * torch.randn(3000, n, generator=g) for s, n in ((0.5, 10), (0.2, 45), (0.1, 3)))
    states = HandState(betas, random_rotations(3000, g), pose, wrist)
    vertices = hand.from_matrices(betas, states.joint_rotations(), states.transl(hand)).vertices
    autoencoder.representation.fit(states)
    code = autoencoder.representation.from_hands(states)
    start_linear(autoencoder, vertices, code)
    z = autoencoder.encode(vertices)
    torch.testing.assert_close(z.std(0), torch.ones(latent), atol=0.05, rtol=0)
    wrist = autoencoder.decode(z).wrist
    error = (autoencoder.decode_representation(z) - code).square().mean()
    assert error < (0.15 if latent == 64 else 0.4)
    assert (wrist - states.wrist).norm(dim=-1).mean() < (0.005 if latent == 64 else 0.1)
