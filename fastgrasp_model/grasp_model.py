"""What the default model and the paper's have in common: hands, latents, and the face that generator and training
use."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fastgrasp_model.adaptation_loop import adaptation_rounds
from fastgrasp_model.geometry.frames import Frames
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.mano_layer import HandPose
from fastgrasp_model.networks.hand_representation import HandState

MAX_BETA = 2.0  # standard deviations of hand shape, the largest that is generated


class ObservedObject(NamedTuple):
    """An object in B local frames: points and normals (B, N, 3), condition (B, C), shape_latent (B, S) or None."""

    points: Tensor
    normals: Tensor
    condition: Tensor
    shape_latent: Tensor | None = None


class GraspModel(nn.Module):
    """The three stages. A subclass makes `object_encoder`, `autoencoder`, `schedule`, `denoiser` and `adaptation`.

    Networks that a model does not have are None. `hand` is the MANO layer; it is data and not part of the weights.
    """

    in_local_frames = True  # whether the object is seen from local frames, or from its centroid
    retired: tuple[str, ...] = ()  # prefixes of tensors in older weights that the model no longer has

    def __init__(self, config, hand: ManoLayer):
        super().__init__()
        self.config = config
        object.__setattr__(self, "hand", hand)
        self.shape_completion = self.implicit_shape = self.grasp_evaluator = None
        self.graspability = self.graspability_prior = None

    # -- hands ------------------------------------------------------------------------------------------------------

    def hands(self, state: HandState, vertex_ids: Tensor | None = None) -> Tensor:
        """Return the vertices (B, 778, 3), or those of `vertex_ids`, of hands, in their frame."""
        rotations = state.joint_rotations()
        return self.hand.from_matrices(state.betas, rotations, state.transl(self.hand), vertex_ids=vertex_ids).vertices

    def skeleton(self, state: HandState) -> HandPose:
        """Return the joints of hands, without the skin."""
        return self.hand.pose_joints(state.betas, state.joint_rotations(), state.transl(self.hand))

    # -- stage 1 ----------------------------------------------------------------------------------------------------

    def encode(self, state: HandState, vertices: Tensor | None = None) -> Tensor:
        """Return the latents (B, latent) of hands in their local frames; `vertices` (B, 778, 3) where known."""
        return self.autoencoder.encode(self.hands(state) if vertices is None else vertices)

    def decode(self, latent: Tensor) -> HandState:
        """Return the hands of latents (B, latent), in their local frames."""
        return self.autoencoder.decode(latent)

    def betas(self, latent: Tensor) -> Tensor:
        """Return the hand shapes (B, 10) of latents, within `MAX_BETA`."""
        return self.decode(latent).betas.clamp(-MAX_BETA, MAX_BETA)

    # -- stage 2 ----------------------------------------------------------------------------------------------------

    def observe(
        self, points: Tensor, frames: Frames, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the object encoder's features and context (K, 9) of clouds (K, N, 3), or (1, N, 3), in K frames."""
        raise NotImplementedError

    def shape_latent(self, features: Tensor, context: Tensor) -> Tensor | None:
        """Return the shape latents (K, S) of what `observe` returns; None without an implicit shape head."""
        return None

    def candidate_frames(self, points: Tensor, normals: Tensor, generator: torch.Generator) -> Frames:
        """Return the frames in which hands may be generated on a cloud (N, 3) with normals (N, 3)."""
        raise NotImplementedError

    def grasp_point_logits(
        self, condition: Tensor, shape_latent: Tensor | None, temperature: float, stability_weight: float
    ) -> Tensor:
        """Return the logits (K,) by which one of K candidate frames is drawn; equal ones by default."""
        return torch.zeros(len(condition), device=condition.device)

    def sample(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Return latents z1 (B, latent) for conditions (B, C), from noise (B, latent)."""
        raise NotImplementedError

    def guided(self, condition: Tensor):
        """Return the denoiser, a function of (z_t, t), for conditions (B, C) with the configured guidance."""
        return lambda noisy, t: self.denoiser.guided(noisy, t, condition, self.config.guidance)

    # -- stage 3 ----------------------------------------------------------------------------------------------------

    def adapt(self, latent: Tensor, observed: ObservedObject) -> HandState:
        """Return the hands of z1 + z2 for latents z1 (B, latent). The adaptation keeps the hand shape of z1."""
        betas = self.betas(latent)
        for done in adaptation_rounds(self, latent, betas, observed):
            latent = done.latent
        return self.decode(latent)._replace(betas=betas)

    def stability(self, state: HandState, observed: ObservedObject) -> Tensor | None:
        """Return the probability (B,) that hands hold the object stably; None without a grasp evaluator."""
        return None
