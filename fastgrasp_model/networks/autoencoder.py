"""Stage 1, the hand autoencoder: hand vertices -> latent -> hand parameters (Wu et al., section 3.2).

The encoder reads the 778 vertices in the local frame; the decoder answers with a hand representation, which the MANO
layer turns into a mesh. The paper's encoder is a PointNet (`paper/autoencoder.py`). This one uses that vertex i is
always the same spot of the skin: it fits the palm rigidly (Kabsch 1976) and reads the other vertices relative to it, so
that no layer has to learn to undo a rotation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.hand_representation import REPRESENTATION, HandRepresentation, HandState
from fastgrasp_model.networks.layers import Standardise, mlp
from fastgrasp_model.networks.object_encoder import SCALE

STRIDE = 4  # every fourth vertex is read: 195 of 778 determine the 61 parameters many times over
DISTANCE_SCALE = 0.02  # metres, the usual distance of a vertex from its place on the flat hand


class PalmFrame(nn.Module):
    """Vertices (B, 778, 3) -> [palm rotation 9 | palm position 3 | every fourth vertex in the palm's frame]."""

    def __init__(self, hand: ManoLayer):
        super().__init__()
        palm = (hand.weights[:, 0] > 0.8).nonzero().squeeze(1)
        rest = hand.v_template - hand.v_template[palm].mean(0)
        self.register_buffer("palm", palm, persistent=False)
        self.register_buffer("rest", rest, persistent=False)
        self.width = 12 + 3 * len(range(0, len(rest), STRIDE))

    @torch.no_grad()
    def forward(self, vertices: Tensor) -> Tensor:
        middle = vertices[:, self.palm].mean(1)  # (B, 3)
        centred = vertices - middle.unsqueeze(1)
        u, _, vh = torch.linalg.svd(self.rest[self.palm].T @ centred[:, self.palm])  # (B, 3, 3)
        flip = torch.ones_like(middle)
        flip[:, 2] = torch.linalg.det(u @ vh)
        rotation = (u * flip.unsqueeze(1) @ vh).transpose(1, 2)  # of the palm at rest to the one seen
        local = (centred @ rotation - self.rest)[:, ::STRIDE] / DISTANCE_SCALE
        return torch.cat([rotation.flatten(1), middle / SCALE, local.flatten(1)], dim=-1)


class HandAutoencoder(nn.Module):
    """Hands (B, 778, 3) -> latents (B, latent) of zero mean and unit variance -> hand representations (B, 64).

    Encoder and decoder are each a linear map plus an MLP. Running statistics standardise the latents for the diffusion.
    In training, noise of standard deviation `latent_noise` is added to them, so that near latents mean near hands.
    """

    def __init__(self, hand: ManoLayer, latent: int = 64, width: int = 512, latent_noise: float = 0.01):
        super().__init__()
        self.vertex_encoder, features = self._vertex_encoder(hand)
        self.latent_noise = latent_noise
        self.encoder = mlp([features, 2 * width, width, latent])
        self.encoder_linear = nn.Linear(features, latent)
        self.standardise = Standardise(latent)
        self.decoder = mlp([latent, width, 2 * width, width, REPRESENTATION])
        self.decoder_linear = nn.Linear(latent, REPRESENTATION)
        self.representation = HandRepresentation()

    def _vertex_encoder(self, hand: ManoLayer) -> tuple[nn.Module, int]:
        encoder = PalmFrame(hand)
        return encoder, encoder.width

    def encode(self, hands: Tensor) -> Tensor:
        """Return the latents (B, latent) of vertices (B, 778, 3) in the local frame, metres."""
        features = self.vertex_encoder(hands)
        return self.standardise(self.encoder_linear(features) + self.encoder(features))

    def decode_representation(self, latent: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return hand representations (B, 64) of latents (B, latent). In training `noise` (B, latent), or drawn."""
        latent = self._with_noise(latent, noise)
        return self.decoder_linear(latent) + self.decoder(latent)

    def _with_noise(self, latent: Tensor, noise: Tensor | None) -> Tensor:
        if not (self.training and self.latent_noise):
            return latent
        return latent + self.latent_noise * (torch.randn_like(latent) if noise is None else noise)

    def decode(self, latent: Tensor) -> HandState:
        """Return the hands of latents (B, latent), in the local frame."""
        return self.representation.to_hands(self.decode_representation(latent))


class ParameterAutoencoder(HandAutoencoder):
    """The same with an encoder that reads hand representations (B, 64) instead of vertices (a row of Table 4)."""

    def _vertex_encoder(self, hand: ManoLayer) -> tuple[nn.Module, int]:
        return nn.Identity(), REPRESENTATION
