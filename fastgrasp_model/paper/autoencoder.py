"""Stage 1 as published (Wu et al., section 3.2): a PointNet over the hand's vertices, and stacks of linear layers."""

from __future__ import annotations

from torch import Tensor, nn

from fastgrasp_model.networks.hand_representation import REPRESENTATION, HandRepresentation, HandState
from fastgrasp_model.networks.layers import Standardise
from fastgrasp_model.paper.pointnet import HAND_SCALE, PointNet, linear_stack

FEATURES = 1024
LAST_WIDTH = 256  # of the decoder's last hidden layer


class PaperAutoencoder(nn.Module):
    """Hands (B, 778, 3) in the object's frame -> latents (B, latent) -> hand representations (B, 64).

    features-2w-w-latent with w = `width`, and back by latent-2w-w-256-64.
    """

    def __init__(self, latent: int = 768, width: int = 1024):
        super().__init__()
        self.vertex_encoder, features = self._vertex_encoder()
        self.encoder = linear_stack([features, 2 * width, width, latent])
        self.standardise = Standardise(latent)
        self.decoder = linear_stack([latent, 2 * width, width, LAST_WIDTH, REPRESENTATION])
        self.representation = HandRepresentation()

    def _vertex_encoder(self) -> tuple[nn.Module, int]:
        return PointNet(3, (64, 128, FEATURES), scale=HAND_SCALE, aligned=True), FEATURES

    def encode(self, hands: Tensor) -> Tensor:
        """Return the latents (B, latent), standardised for the diffusion, of vertices (B, 778, 3), metres."""
        return self.standardise(self.encoder(self.vertex_encoder(hands)))

    def decode_representation(self, latent: Tensor, _noise: Tensor | None = None) -> Tensor:
        """Return hand representations (B, 64) of latents (B, latent)."""
        return self.decoder(latent)

    def decode(self, latent: Tensor) -> HandState:
        """Return the hands of latents (B, latent), in the object's frame."""
        return self.representation.to_hands(self.decoder(latent))


class PaperParameterAutoencoder(PaperAutoencoder):
    """The same with an encoder that reads hand representations (B, 64) instead of vertices (Table 4)."""

    def _vertex_encoder(self) -> tuple[nn.Module, int]:
        return nn.Identity(), REPRESENTATION
