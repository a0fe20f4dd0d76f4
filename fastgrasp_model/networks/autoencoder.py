"""Stage 1: hand vertices -> latent -> hand parameters.

The encoder reads the hand's 778 vertices in the object's frame; the decoder answers with a hand code, which the MANO
layer rounds into a mesh again. Two encoders: the paper's PointNet, and an ordered one that uses what a PointNet throws
away: that vertex i is always the same spot of the skin. It finds the palm's place by a rigid fit (Kabsch 1976) and
reads the other vertices relative to it, so that no layer has to learn to undo a rotation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.hand_representation import CODE, HandRepresentation, HandState
from fastgrasp_model.networks.layers import Standardise, mlp, plain_mlp
from fastgrasp_model.networks.object_encoder import SCALE
from fastgrasp_model.paper.pointnet import PointNet

STRIDE = 4  # the ordered encoder reads every fourth vertex: 195 of 778 fix the 61 parameters many times over
PLAIN_LAST = 256  # width of the last hidden layer of the paper's decoder
SPREAD = 0.02  # metres, the usual distance of a vertex from where it is on the flat hand


class PalmFrame(nn.Module):
    """Vertices (B, 778, 3) -> [palm's rotation 9 | palm's place 3 | every fourth vertex as the palm sees it]."""

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
        rotation = (u * flip.unsqueeze(1) @ vh).transpose(1, 2)  # takes the rest palm to the seen one
        local = (centred @ rotation - self.rest)[:, ::STRIDE] / SPREAD
        return torch.cat([rotation.flatten(1), middle / SCALE, local.flatten(1)], dim=-1)


class HandAutoencoder(nn.Module):
    """encode: (B, 778, 3) -> (B, latent), standardised; decode: (B, latent) -> HandState.

    `vertex_encoder` is "ordered", "pointnet", or "parameters" (the encoder then reads hand codes (B, 64) in the place
    of vertices: the other row of the paper's Table 4). `plain` takes the paper's stacks: features-2w-w-latent with
    w = `width` = 1024, back by latent-2w-w-256-code. Latents are standardised by running statistics, so that the
    diffusion sees unit variance; `latent_noise` is added to them in training, so that near latents mean near hands.
    """

    def __init__(
        self, hand: ManoLayer, latent: int = 64, width: int = 512, vertex_encoder: str = "ordered",
        latent_noise: float = 0.01, plain: bool = False,
    ):  # fmt: skip
        super().__init__()
        if vertex_encoder == "ordered":
            self.vertex_encoder: nn.Module = PalmFrame(hand)
            features = self.vertex_encoder.width
        elif vertex_encoder == "pointnet":
            self.vertex_encoder, features = PointNet(3, (64, 128, 1024), scale=SCALE, aligned=plain), 1024
        elif vertex_encoder == "parameters":
            self.vertex_encoder, features = nn.Identity(), CODE
        else:
            raise ValueError(f"vertex_encoder is 'ordered', 'pointnet' or 'parameters', got {vertex_encoder!r}")
        self.latent_noise = latent_noise
        stack = plain_mlp if plain else mlp
        back = [2 * width, width, PLAIN_LAST] if plain else [width, 2 * width, width]
        self.encoder = stack([features, 2 * width, width, latent])
        self.encoder_line = None if plain else nn.Linear(features, latent)
        self.standardise = Standardise(latent)
        self.decoder = stack([latent, *back, CODE])
        self.decoder_line = None if plain else nn.Linear(latent, CODE)
        self.code = HandRepresentation()

    @torch.no_grad()
    def start_linear(self, vertices: Tensor, code: Tensor, ridge: float = 1e-2) -> None:
        """Begin as the best linear map from what the encoder reads of (N, 778, 3) to codes (N, 64), and back.

        The networks beside the lines start at zero: what is left for them is what is not linear. Latents of another
        size than the code take the code's largest directions, or carry zeros.
        """
        features = self.vertex_encoder(vertices)
        x, y = features - features.mean(0), code - code.mean(0)
        gram = x.T @ x + ridge * len(x) * torch.eye(x.shape[1], device=x.device)
        line = torch.linalg.solve(gram, x.T @ y).T  # (64, features)
        _, _, directions = torch.linalg.svd(y, full_matrices=False)
        used = directions[: len(self.encoder_line.weight)]
        if len(used) == CODE:
            used = torch.eye(CODE, device=y.device)
        for layer in (self.encoder_line, self.decoder_line, self.encoder[-1], self.decoder[-1]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.encoder_line.weight[: len(used)] = used @ line
        self.encoder_line.bias[: len(used)] = -used @ line @ features.mean(0)
        self.decoder_line.weight[:, : len(used)] = used.T
        self.decoder_line.bias.copy_(code.mean(0))
        latent = self.encoder_line(features)
        self.standardise.start(latent)
        self.decoder_line.bias += self.decoder_line.weight @ latent.mean(0)
        self.decoder_line.weight *= latent.std(0).clamp(min=1e-4)

    def encode(self, vertices: Tensor) -> Tensor:
        """Vertices (B, 778, 3) in the frame, metres (or codes, see the class) -> latents (B, latent)."""
        features = self.vertex_encoder(vertices)
        if self.encoder_line is None:
            return self.standardise(self.encoder(features))
        return self.standardise(self.encoder_line(features) + self.encoder(features))

    def decode_code(self, latent: Tensor, noise: Tensor | None = None) -> Tensor:
        """Latents (B, latent) -> standardised hand codes (B, 64). In training with `noise` (B, latent), else drawn."""
        if self.training and self.latent_noise:
            latent = latent + self.latent_noise * (torch.randn_like(latent) if noise is None else noise)
        if self.decoder_line is None:
            return self.decoder(latent)
        return self.decoder_line(latent) + self.decoder(latent)

    def decode(self, latent: Tensor) -> HandState:
        """Latents (B, latent) -> hands in the frame."""
        return self.code.decode(self.decode_code(latent))
