"""The default model: object encoder, hand autoencoder, latent denoiser, adaptation module, and what they need.

A model works with tensors in local frames (`geometry.frames.Frames`). Clouds, seeds and units are the generator's part;
weights are read and written by `weights.py`. The published method is in `paper/model.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.adaptation_loop import Senses
from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.diffusion import NoiseSchedule, dpm_sample
from fastgrasp_model.geometry.frames import Frames, global_context, local_frames, neighbours
from fastgrasp_model.geometry.normals import averaged_normals
from fastgrasp_model.grasp_model import GraspModel, ObservedObject
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.adaptation import AdaptationModule
from fastgrasp_model.networks.autoencoder import HandAutoencoder
from fastgrasp_model.networks.contact_features import (
    CONTACT_FEATURES,
    IMPLICIT_FEATURES,
    QueryPoints,
    contact_features,
    in_bone_frames,
)
from fastgrasp_model.networks.denoiser import LatentDenoiser
from fastgrasp_model.networks.grasp_evaluator import GraspEvaluator
from fastgrasp_model.networks.graspability import Graspability
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_model.networks.implicit_shape import SHAPE_LATENT, ImplicitShape
from fastgrasp_model.networks.layers import mlp
from fastgrasp_model.networks.object_encoder import BasisPointEncoder
from fastgrasp_model.networks.shape_completion import ShapeCompletion

CANDIDATE_FRAMES = 128  # frames on a cloud whose graspability is computed


class FastGraspModel(GraspModel):
    """The three stages of the default model; `query_ids` (P,) are the vertices that serve as query points."""

    def __init__(self, config: ModelConfig, hand: ManoLayer):
        super().__init__(config, hand)
        self.object_encoder = BasisPointEncoder(config.object_width)
        if config.completion_width:
            self.shape_completion = ShapeCompletion(config.completion_width)
        self._make_stages(config, hand)
        self.register_buffer("query_ids", torch.zeros(config.query_points, dtype=torch.long))

    def _make_stages(self, config: ModelConfig, hand: ManoLayer) -> None:
        self.autoencoder = HandAutoencoder(hand, config.latent, config.hand_width, config.latent_noise)
        self.schedule = NoiseSchedule(config.diffusion_steps)
        self.denoiser = LatentDenoiser(config.latent, config.object_width, config.denoiser_width, config.denoiser_depth)
        self.graspability_prior = mlp([config.object_width, 128, 1])
        features, shape = CONTACT_FEATURES, 0
        if config.implicit_shape_width:
            self.implicit_shape = ImplicitShape(len(self.object_encoder.basis), config.implicit_shape_width)
            features, shape = CONTACT_FEATURES + IMPLICIT_FEATURES, SHAPE_LATENT
        if config.evaluator_width:
            self.grasp_evaluator = GraspEvaluator(
                config.object_width, config.query_points, features, config.evaluator_width
            )
            self.graspability = Graspability(config.object_width, shape, config.evaluator_width)
        self.adaptation = AdaptationModule(
            config.latent, config.object_width, config.query_points, config.adaptation_width, config.adaptation_depth,
            features, config.bone_frames,
        )  # fmt: skip

    # -- stage 2 ----------------------------------------------------------------------------------------------------

    def observe(
        self, points: Tensor, frames: Frames, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        near = neighbours(points, frames, self.config.points, self.config.radius, generator)
        return self.object_encoder.features(near), global_context(points, frames)

    def shape_latent(self, features: Tensor, context: Tensor) -> Tensor | None:
        return None if self.implicit_shape is None else self.implicit_shape.latent(features, context)

    def candidate_frames(self, points: Tensor, normals: Tensor, generator: torch.Generator) -> Frames:
        """Return frames at up to `CANDIDATE_FRAMES` random points, each with a random roll."""
        pick = torch.randperm(len(points), generator=generator)[:CANDIDATE_FRAMES].to(points.device)
        at = points[pick]
        axes = averaged_normals(points.expand(len(pick), -1, -1), normals.expand(len(pick), -1, -1), at)
        roll = torch.rand(len(pick), generator=generator).to(points.device) * 2 * torch.pi
        return local_frames(at, axes, roll)

    def grasp_point_logits(
        self, condition: Tensor, shape_latent: Tensor | None, temperature: float, stability_weight: float
    ) -> Tensor:
        """Return the logits (K,) of grasp points: their density in the training set, times their graspability."""
        logits = self.graspability_prior(condition).squeeze(-1) / temperature
        if self.graspability is None:
            return logits
        stable = torch.nn.functional.logsigmoid(self.graspability(condition, shape_latent))
        return logits + stability_weight * stable

    def sample(self, condition: Tensor, noise: Tensor) -> Tensor:
        return dpm_sample(self.guided(condition), self.schedule, noise, self.config.sampling_steps)

    # -- stage 3 ----------------------------------------------------------------------------------------------------

    def query_points(self, state: HandState) -> QueryPoints:
        """Return the query points of hands, in their local frames."""
        rotations, pose = state.joint_rotations(), self.skeleton(state)
        points = self.hand.skin(pose, state.betas, rotations, self.query_ids)
        if not self.config.bone_frames:
            return QueryPoints(points)
        bone = self.hand.weights[self.query_ids].argmax(1)
        return QueryPoints(points, pose.rotations[:, bone], state.rotation)

    def features_at(self, query: QueryPoints, observed: ObservedObject, implicit: bool = False) -> Senses:
        """Return the contact features at query points; with `implicit` the implicit shape head's output keeps its
        gradient. The features themselves are constants."""
        features = contact_features(query.points, observed.points, observed.normals)
        predicted = None
        if self.implicit_shape is not None:
            latent = observed.shape_latent if implicit else observed.shape_latent.detach()
            with torch.set_grad_enabled(implicit and torch.is_grad_enabled()):
                predicted = self.implicit_shape(latent, query.points, features)
            features = torch.cat([features, predicted.detach()], dim=-1)
        if query.bones is not None:
            features = in_bone_frames(features, query.bones)
        return Senses(query, features, predicted if implicit else None)

    def sense(self, latent: Tensor, betas: Tensor, observed: ObservedObject, implicit: bool = False) -> Senses:
        """Return the contact features of the hands of latents (B, latent) with shapes betas (B, 10)."""
        with torch.no_grad():
            query = self.query_points(self.decode(latent)._replace(betas=betas))
        return self.features_at(query, observed, implicit)

    def correction(self, latent: Tensor, observed: ObservedObject, senses: Senses) -> Tensor:
        """Return z2 (B, latent) of one round."""
        return self.adaptation(latent, observed.condition, senses.features, senses.query.wrist)

    def stability(self, state: HandState, observed: ObservedObject) -> Tensor | None:
        if self.grasp_evaluator is None:
            return None
        features = self.features_at(self.query_points(state), observed).features
        representation = self.autoencoder.representation.from_hands(state)
        return self.grasp_evaluator(representation, observed.condition, features).sigmoid()
