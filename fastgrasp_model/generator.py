"""From a cloud to grasps: the one place that owns centring, sampling, device, batch and seed.

    generator = GraspGenerator.from_pretrained()
    grasps = generator.generate(points, num_grasps=16, seed=0)   # points (N, 3), metres; same frame back

The cloud is prepared and encoded once, however many grasps are asked for: candidate frames on the object are encoded
together, the likeliest are drawn, and every grasp starts from one of them. With `candidates` above 1 every grasp is the
best by the score of so many hands, each from another frame.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.completion import beside, hidden_side
from fastgrasp_model.geometry.clouds import validate_cloud
from fastgrasp_model.geometry.views import VIEW_POINTS, Frames, local_frames, prepare_view, sensor_of, smooth_normals
from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import pads
from fastgrasp_model.model import PRETRAINED, FastGraspModel
from fastgrasp_model.score import score_grasps

ENCODED = 128  # frames that are encoded and scored
SHARPNESS = 2.0  # above 1, likely frames are drawn more often than in the training set
FIRMNESS = 1.0  # power of the chance that a grasp at a frame is firm, in drawing frames
ANCHORS = 64  # at most so many of them carry grasps; more grasps share them
ROWS = 512  # hands made at once, where a grasp has several candidates


class EncodedObject(NamedTuple):
    """A cloud as the networks know it. points, normals (N, 3) centred at `centre`; K frames and conditions (K, C), and
    codes of the whole shape (K, W) where the model has a field."""

    points: Tensor
    normals: Tensor
    centre: np.ndarray
    frames: Frames
    conditions: Tensor
    shapes: Tensor | None = None


class GraspGenerator:
    """Generates human grasps for object clouds. Safe to keep and call again; calls do not influence each other."""

    def __init__(self, model: FastGraspModel, device: str = "cpu", side: str = "right", weights_name: str = ""):
        if model.hand.side != "right":
            raise ValueError("the networks work with a right hand layer; left hands are mirrored at the end")
        self.device = torch.device(device)
        self.model = model.to(self.device)
        self.model.hand.to(self.device)
        self.side = _checked_side(side)
        self.weights_name = weights_name
        self.sharpness, self.firmness = SHARPNESS, FIRMNESS
        self._pads = {name: ids.cpu().numpy() for name, ids in pads(model.hand).items()}

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path | None = None,
        mano_path: str | Path | None = None,
        device: str = "cpu",
        side: str = "right",
    ) -> GraspGenerator:
        """Load weights (a folder; the shipped ones by default) and a hand (a MANO file; the open hand by default).

        Raises WeightsError or HandModelError, with the path and the remedy.
        """
        hand = ManoLayer.from_file(mano_path, side="right")
        model = FastGraspModel.from_pretrained(weights, hand)
        return cls(model, device, side, str(weights or PRETRAINED.name))

    @property
    def hand_name(self) -> str:
        """Which hand the grasps are made of: "open hand", or the name of the MANO file."""
        return self.model.hand.name

    @property
    def topology(self) -> np.ndarray:
        """Triangles (1538, 3) of the right hand's mesh."""
        return self.model.hand.faces.cpu().numpy()

    @torch.inference_mode()
    def generate(
        self,
        points: np.ndarray,
        num_grasps: int = 16,
        seed: int = 0,
        side: str | None = None,
        viewpoint: np.ndarray | None = None,
        candidates: int = 1,
    ) -> Grasps:
        """Grasps for one object.

        Args:
            points: cloud of the object, (N, 3) or organised (H, W, 3), metres, any frame; rows with NaN are dropped.
            num_grasps: how many, 1 or more.
            seed: the same seed and cloud give the same grasps.
            side: "right" or "left"; the generator's own by default.
            viewpoint: (3,) where the sensor stood, for a cloud seen from one side. Found out if it is the origin.
            candidates: hands drawn for every grasp, 1 or more, each from another of at most 64 frames; the one with
                the best score is kept. Time grows with it. The first of them is the hand that 1 would give.

        Returns:
            `Grasps` in the frame of the cloud, best score first.

        Raises:
            CloudError: what is wrong with the cloud (too few points, millimetres, ...).
            ValueError: num_grasps or candidates below 1, or an unknown side.
        """
        if num_grasps < 1:
            raise ValueError(f"num_grasps: expected 1 or more, got {num_grasps}")
        if candidates < 1:
            raise ValueError(f"candidates: expected 1 or more, got {candidates}")
        side = _checked_side(side or self.side)
        flip = np.array([-1.0 if side == "left" else 1.0, 1.0, 1.0])  # a left grasp is a right one in the mirror
        cloud = validate_cloud(points) * flip.astype(np.float32)
        view = None if viewpoint is None else np.asarray(viewpoint, dtype=np.float64) * flip
        generator = torch.Generator().manual_seed(seed)
        encoded = self.encode(cloud, generator, view)
        grasps = self._grasps(encoded, num_grasps, generator, candidates)
        return grasps.mirrored() if side == "left" else grasps

    def encode(
        self, cloud: np.ndarray, generator: torch.Generator, viewpoint: np.ndarray | None = None
    ) -> EncodedObject:
        """A valid cloud (N, 3) -> prepared points, and the likeliest frames on it with their conditions."""
        centre = cloud.mean(0, dtype=np.float64)
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        centred = (cloud - centre).astype(np.float32)
        sensor = sensor_of(centred, -centre) if viewpoint is None else viewpoint - centre
        points, normals, seen = self._whole(centred, sensor, rng)
        frames = self._candidate_frames(points[:seen], normals[:seen], generator)
        features, context = self.model.observe(points.unsqueeze(0), frames, self._device_generator(generator))
        conditions = self.model.object_encoder(features, context)
        shapes = self.model.shape_latent(features, context)
        # Draw frames in proportion to exp(score), without putting back (Gumbel top-k).
        score = self._place_scores(conditions, shapes).cpu()
        gumbel = -torch.log(-torch.log(torch.rand(score.shape, generator=generator).clamp(1e-9, 1 - 1e-9)))
        best = (score + gumbel).topk(min(ANCHORS, len(score))).indices.to(self.device)
        chosen = Frames(frames.rotation[best], frames.origin[best])
        shapes = None if shapes is None else shapes[best]
        return EncodedObject(points, normals, centre, chosen, conditions[best], shapes)

    def _whole(self, cloud: np.ndarray, sensor: np.ndarray | None, rng) -> tuple[Tensor, Tensor, int]:
        """Points and normals (N, 3) of a centred cloud, and how many of them, the first, are measured.

        Of a single view half are measured, and half are a guess of the hidden side.
        """
        count = max(VIEW_POINTS, self.model.config.points)
        points, normals = prepare_view(cloud, rng, sensor, count)
        seen = len(points)
        if sensor is not None and self.model.shape_completion is not None:
            points, normals, seen = beside(points, normals, *hidden_side(self.model.shape_completion, cloud, sensor), rng)
        return torch.from_numpy(points).to(self.device), torch.from_numpy(normals).to(self.device), seen

    def _place_scores(self, conditions: Tensor, shapes: Tensor | None) -> Tensor:
        """Scores (K,) of frames: where people take hold, as the training set knows, and where a grasp would be firm."""
        score = self.sharpness * self.model.graspability_prior(conditions).squeeze(-1)
        if self.model.graspability is None:
            return score
        return score + self.firmness * torch.nn.functional.logsigmoid(self.model.graspability(conditions, shapes))

    def _candidate_frames(self, points: Tensor, normals: Tensor, generator: torch.Generator) -> Frames:
        if self.model.config.frame == "object":
            return Frames(torch.eye(3, device=self.device).unsqueeze(0), torch.zeros(1, 3, device=self.device))
        pick = torch.randperm(len(points), generator=generator)[:ENCODED].to(self.device)
        at = points[pick]
        steady = smooth_normals(points.expand(len(pick), -1, -1), normals.expand(len(pick), -1, -1), at)
        roll = torch.rand(len(pick), generator=generator).to(self.device) * 2 * torch.pi
        return local_frames(at, steady, roll)

    def _grasps(self, encoded: EncodedObject, count: int, generator: torch.Generator, candidates: int = 1) -> Grasps:
        """The best hand of each of `count` groups of `candidates`, in the cloud's frame, best first.

        Hands are drawn in rounds, one for each group; noise too, so that it does not depend on `ROWS`.
        """
        parameters, scores = [], []
        together = max(1, ROWS // count)
        for first in range(0, candidates, together):
            rounds = range(first, min(first + together, candidates))
            which = _frames_of(rounds, count, len(encoded.conditions)).to(self.device)
            noise = torch.cat([torch.randn(count, self.model.config.latent, generator=generator) for _ in rounds])
            made, score = self._hands(encoded, which, noise.to(self.device))
            parameters.append(made.cpu().numpy())
            scores.append(score)
        score = np.concatenate(scores)
        kept = score.reshape(candidates, count).argmax(0) * count + np.arange(count)
        kept = kept[np.argsort(-score[kept], kind="stable")]
        shift = np.eye(4)
        shift[:3, 3] = encoded.centre
        grasps = Grasps.from_parameters(np.concatenate(parameters)[kept], self.model.hand, score=score[kept])
        return grasps.transform(shift)

    def _hands(self, encoded: EncodedObject, which: Tensor, noise: Tensor) -> tuple[Tensor, np.ndarray]:
        """Frames `which` (B,) and noise (B, latent) -> parameters (B, 61) in the centred frame, and scores (B,)."""
        frames = Frames(encoded.frames.rotation[which], encoded.frames.origin[which])
        condition = encoded.conditions[which]
        latent = self.model.sample(condition, self.model.config.noise_scale * noise)
        points = frames.into(encoded.points.expand(len(which), -1, -1))
        normals = encoded.normals @ frames.rotation
        shape = None if encoded.shapes is None else encoded.shapes[which]
        state = self.model.adapt(latent, condition, points, normals, shape)
        centred = state.transformed(frames.rotation, frames.origin)
        parameters = centred.parameters(self.model.hand.rest_joints(centred.betas)[:, 0])
        if self.model.grasp_evaluator is not None:
            return parameters, self.model.firmness(state, condition, points, normals, shape).cpu().numpy()
        vertices = self.model.hand.from_parameters(parameters).vertices.cpu().numpy()
        return parameters, score_grasps(
            vertices, encoded.points.cpu().numpy(), encoded.normals.cpu().numpy(), self._pads
        )

    def _device_generator(self, generator: torch.Generator) -> torch.Generator | None:
        if self.device.type == "cpu":
            return generator
        seed = int(torch.randint(2**31, (1,), generator=generator))
        return torch.Generator(self.device).manual_seed(seed)


def _frames_of(rounds: range, count: int, frames: int) -> Tensor:
    """Numbers (R * count,) of the frames that `count` groups start from in R rounds, one round after the other.

    Round 0 goes through the frames in order. Frames are used evenly, and no group meets one again before it had all.
    """
    number = torch.tensor(rounds)
    period = frames // math.gcd(count, frames)  # after so many rounds a group would be where it began
    start = number * count + number // period
    return ((start.unsqueeze(1) + torch.arange(count)) % frames).flatten()


def _checked_side(side: str) -> str:
    if side not in ("right", "left"):
        raise ValueError(f"side: expected 'right' or 'left', got {side!r}")
    return side
