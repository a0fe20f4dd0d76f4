"""Stage 1, the hand autoencoder: vertices -> latent -> parameters -> mesh (Wu et al., section 3.2).

Half of each batch are true grasps, with all five losses. The other half are the same hands perturbed in shape, pose and
position, with parameter and mesh loss only: they fill the space between grasps, so that near latents decode to hands.
The published form, true grasps alone, is `PaperAutoencoderStage` in `paper_stages.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.networks.autoencoder import HandAutoencoder
from fastgrasp_model.networks.hand_representation import REPRESENTATION, HandRepresentation, HandState
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import GridHandLosses
from fastgrasp_training.losses import mesh_distance
from fastgrasp_training.randomness import StepGenerator
from fastgrasp_training.stage import TrainingStage

NOISE = {"representation": 0.5, "rotation": 0.3, "wrist": 0.015}  # standard deviations: -, radians, metres
LINEAR_START = 8192  # samples for the linear map that the autoencoder starts as


class AutoencoderStage(TrainingStage):
    """The paper's five losses against the true hand."""

    name = "autoencoder"
    halves = 2

    def __init__(self, model: GraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.data, self.bank = data, bank
        representation = model.autoencoder.representation
        representation.fit(data.rows(bank.grasp).inverse_transformed(*bank.frames))
        self.hand_losses = GridHandLosses(model, representation, data, bank)
        self._start_linear()

    @torch.no_grad()
    def _start_linear(self) -> None:
        if self.model.config.variant == "parameters":
            return
        index = torch.arange(min(LINEAR_START, len(self.bank)), device=self.bank.grasp.device)
        representation = self.model.autoencoder.representation
        states = perturbed(self.bank.true_hands(self.data, index), representation, self.generator)
        chunks = zip(*(part.split(512) for part in states), strict=True)
        vertices = torch.cat([self.model.hands(HandState(*chunk)) for chunk in chunks])
        start_linear(self.model.autoencoder, vertices, representation.from_hands(states))

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.autoencoder.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, half = self.model, len(index) // 2
        autoencoder, skin = model.autoencoder, self.hand_losses.contact.skin
        true = self.bank.true_hands(self.data, index)
        other = perturbed(true, autoencoder.representation, self.generator)
        hands = HandState(*(torch.cat([a[:half], b[half:]]) for a, b in zip(true, other, strict=True)))
        target = model.hands(hands)
        latent = model.encode(hands, target)
        made = autoencoder.decode_representation(latent, self.generator.normal(*latent.shape))
        vertices = model.hands(autoencoder.representation.to_hands(made), skin)
        first = HandState(*(part[:half] for part in hands))
        terms = self.hand_losses.of_hands(made[:half], vertices[:half], first, index[:half])
        return terms | {
            "parameters": (made - autoencoder.representation.from_hands(hands)).square().mean(),
            "mesh": mesh_distance(vertices, target[:, skin]),
        }


def perturbed(state: HandState, representation: HandRepresentation, generator: StepGenerator) -> HandState:
    """Return hands with random errors in everything, of a random size, so that small errors are common.

    Shape and pose err in units of `representation`: a joint that hardly twists in the grasp set hardly twists here.
    """
    count = len(state.wrist)
    size = generator.uniform(count, 1)
    numbers = representation.from_hands(state)
    near = representation.to_hands(numbers + NOISE["representation"] * size * generator.normal(*numbers.shape))
    rotation = axis_angle_to_matrix(NOISE["rotation"] * size * generator.normal(count, 3))
    wrist = state.wrist + NOISE["wrist"] * size * generator.normal(count, 3)
    return HandState(near.betas, rotation @ state.rotation, near.hand_pose, wrist)


@torch.no_grad()
def start_linear(autoencoder: HandAutoencoder, hands: Tensor, representation: Tensor, ridge: float = 1e-2) -> None:
    """Initialise as the best linear map from `hands`, as `encode` takes them, to representations (N, 64), and back.

    The MLPs beside the linear maps start at zero and learn only what is not linear. A latent smaller than the
    representation takes its largest directions; the excess of a larger one carries zeros.
    """
    encoder, decoder = autoencoder.encoder_linear, autoencoder.decoder_linear
    features = autoencoder.vertex_encoder(hands)
    x, y = features - features.mean(0), representation - representation.mean(0)
    gram = x.T @ x + ridge * len(x) * torch.eye(x.shape[1], device=x.device)
    line = torch.linalg.solve(gram, x.T @ y).T  # (64, features)
    _, _, directions = torch.linalg.svd(y, full_matrices=False)
    used = directions[: len(encoder.weight)]
    if len(used) == REPRESENTATION:
        used = torch.eye(REPRESENTATION, device=y.device)
    for layer in (encoder, decoder, autoencoder.encoder[-1], autoencoder.decoder[-1]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    encoder.weight[: len(used)] = used @ line
    encoder.bias[: len(used)] = -used @ line @ features.mean(0)
    decoder.weight[:, : len(used)] = used.T
    decoder.bias.copy_(representation.mean(0))
    latent = encoder(features)
    autoencoder.standardise.start(latent)
    decoder.bias += decoder.weight @ latent.mean(0)
    decoder.weight *= latent.std(0).clamp(min=1e-4)
