"""The published method, Wu et al., "FastGrasp: Efficient Grasp Synthesis with Diffusion", its defects repaired.

    z = E(vertices)                                    autoencoder.py, section 3.2
    z1: denoised from noise, given the object          networks/denoiser.py and ddpm.py, section 3.3
    z2 = f(z1, object); parameters = D(z1 + z2)        adaptation.py, section 3.4
    mesh = MANO(parameters)                            hand/mano_layer.py

The object is seen from its centroid, by PointNets (pointnet.py). Sizes stand in configuration.py; the losses and what
was repaired in docs/method.md. What is shared with the default model: the hand representation, the denoiser's blocks,
the DDIM sampler and the adaptation loop.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.adaptation_loop import Senses, adaptation_rounds
from fastgrasp_model.diffusion import ddim_sample
from fastgrasp_model.geometry.frames import Frames, global_context, neighbours
from fastgrasp_model.grasp_model import GraspModel, ObservedObject
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.denoiser import LatentDenoiser
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_model.paper.adaptation import PaperAdaptation
from fastgrasp_model.paper.autoencoder import PaperAutoencoder
from fastgrasp_model.paper.configuration import PaperConfig
from fastgrasp_model.paper.ddpm import LinearSchedule, ddpm_sample
from fastgrasp_model.paper.pointnet import PaperObjectEncoder

CONDITION = 1024  # the object's PointNet feature


class PaperModel(GraspModel):
    """The three stages of the published method."""

    in_local_frames = False
    retired = ("graspability_prior.", "query_ids")

    def __init__(self, config: PaperConfig, hand: ManoLayer):
        super().__init__(config, hand)
        self.object_encoder = PaperObjectEncoder()
        self._make_stages(config, hand)

    def _make_stages(self, config: PaperConfig, hand: ManoLayer) -> None:
        self.autoencoder = PaperAutoencoder(config.latent, config.hand_width)
        self.schedule = LinearSchedule(config.diffusion_steps)
        self.denoiser = LatentDenoiser(config.latent, CONDITION, config.denoiser_width, config.denoiser_depth)
        self.adaptation = PaperAdaptation(config.latent)

    def observe(
        self, points: Tensor, frames: Frames, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        cloud = neighbours(points, frames, self.config.points, float("inf"), generator)
        return self.object_encoder.features(cloud), global_context(points, frames)

    def candidate_frames(self, points: Tensor, normals: Tensor, generator: torch.Generator) -> Frames:
        """Return the one frame that there is: the cloud's own, centred."""
        return Frames(torch.eye(3, device=points.device).unsqueeze(0), torch.zeros(1, 3, device=points.device))

    def sample(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Return latents z1 (B, latent). A row of `noise` also seeds the fresh noise of "ddpm"."""
        denoise = self.guided(condition)
        if self.config.sampler == "ddim":
            return ddim_sample(denoise, self.schedule, noise, self.config.sampling_steps)
        seeds = noise[:, 0].float().cpu().contiguous().view(torch.int32).tolist()
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return ddpm_sample(denoise, self.schedule, noise, generators)

    def sense(self, latent: Tensor, betas: Tensor, observed: ObservedObject, implicit: bool = False) -> Senses:
        """Return nothing: the published adaptation module reads the cloud alone."""
        return Senses()

    def correction(self, latent: Tensor, observed: ObservedObject, senses: Senses) -> Tensor:
        """Return z2 (B, latent)."""
        return self.adaptation(latent, observed.points)

    def adapt(self, latent: Tensor, observed: ObservedObject) -> HandState:
        """Return the hands D(z1 + z2), their shape too, within the range of shapes."""
        for done in adaptation_rounds(self, latent, self.betas(latent), observed):
            latent = done.latent
        return self.decode(latent)._replace(betas=self.betas(latent))
