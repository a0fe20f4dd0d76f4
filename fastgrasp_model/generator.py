"""From a cloud to grasps: the one place that owns centring, sampling, device, batch and seed.

    generator = GraspGenerator.from_pretrained()
    grasps = generator.generate(points, num_grasps=16, seed=0)   # points (N, 3), metres; same frame back

The cloud is prepared and encoded once, however many grasps are asked for: the graspability of candidate frames is
computed together, grasp points are drawn by it, and every grasp starts at one of them. With `candidates` above 1 every
grasp is the best by the score of so many hands, each from another grasp point.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.completion import completed_cloud, predicted_surface
from fastgrasp_model.geometry.clouds import validate_cloud
from fastgrasp_model.geometry.frames import Frames
from fastgrasp_model.geometry.normals import CLOUD_POINTS, prepare_cloud
from fastgrasp_model.geometry.visible_side import stand_in_sensor
from fastgrasp_model.grasp_model import GraspModel, ObservedObject
from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand import ManoLayer, checked_side
from fastgrasp_model.hand.anatomy import pads
from fastgrasp_model.score import score_grasps
from fastgrasp_model.weights import PRETRAINED, load_model

TEMPERATURE = 0.5  # of the grasp points' density in the training set; below 1, likely points are drawn more often
STABILITY_WEIGHT = 1.0  # exponent of the probability that a grasp at a point is stable, in drawing points
GRASP_POINTS = 64  # at most so many carry grasps; more grasps share them
BATCH = 512  # hands made at once, where a grasp has several candidates
MOST_GRASPS, MOST_CANDIDATES = 4096, 1024  # of one request, for memory and time


class RequestError(ValueError):
    """A request that cannot be meant; the message names the argument and what was expected."""


class EncodedObject(NamedTuple):
    """A cloud as the networks read it: points, normals (N, 3), centred at `centre` (3,); K frames at grasp points,
    their conditions (K, C) and, with an implicit shape head, shape latents (K, S)."""

    points: Tensor
    normals: Tensor
    centre: np.ndarray
    frames: Frames
    conditions: Tensor
    shape_latents: Tensor | None = None


class GraspGenerator:
    """Generates human grasps for object clouds. Safe to keep and call again; calls do not influence each other."""

    def __init__(self, model: GraspModel, device: str = "cpu", side: str = "right", weights_name: str = ""):
        if model.hand.side != "right":
            raise ValueError("the networks work with a right hand layer; left hands are mirrored at the end")
        self.device = torch.device(device)
        self.model = model.to(self.device)
        self.model.hand.to(self.device)
        self.side = checked_side(side)
        self.weights_name = weights_name
        self.temperature, self.stability_weight = TEMPERATURE, STABILITY_WEIGHT
        self._pads = {name: ids.cpu().numpy() for name, ids in pads(model.hand).items()}

    @classmethod
    def from_pretrained(
        cls, weights: str | Path | None = None, mano_path: str | Path | None = None, device: str = "cpu",
        side: str = "right",
    ) -> GraspGenerator:  # fmt: skip
        """Load weights (a folder; the shipped ones by default) and a hand (a MANO file; the open hand by default).

        Raises WeightsError or HandModelError, with the path and the remedy.
        """
        hand = ManoLayer.from_file(mano_path, side="right")
        model = load_model(weights, hand)
        return cls(model, device, side, str(weights or PRETRAINED.name))

    @property
    def hand_name(self) -> str:
        """The name of the hand: "open hand", or that of the MANO file."""
        return self.model.hand.name

    @property
    def topology(self) -> np.ndarray:
        """Triangles (1538, 3) of the right hand's mesh."""
        return self.model.hand.faces.cpu().numpy()

    @torch.inference_mode()
    def generate(
        self, points: np.ndarray, num_grasps: int = 16, seed: int = 0, side: str | None = None,
        viewpoint: np.ndarray | None = None, candidates: int = 1, min_score: float = 0.0,
    ) -> Grasps:  # fmt: skip
        """Generate grasps for one object.

        Args:
            points: cloud of the object, (N, 3) or organised (H, W, 3), metres, any frame; rows with NaN are dropped.
            num_grasps: how many, 1 or more.
            seed: the same seed and cloud give the same grasps.
            side: "right" or "left"; the generator's own by default.
            viewpoint: (3,) the position of the sensor in the cloud's frame, for a cloud seen from one side. Unknown
                by default: the side that the cloud shows is then found from its shape (`geometry.visible_side`), less
                reliably. A wrong position is worse than none.
            candidates: hands generated for every grasp, 1 or more, each from another of at most 64 grasp points; the
                one with the best score is kept. Time grows with it. The first one is the hand that 1 would give.
            min_score: grasps with a lower score are dropped, 0 to 1; the batch can be empty then.

        Returns `Grasps` in the frame of the cloud, best score first; `Grasps.any_good` is False where no grasp of this
        cloud is likely to hold. Raises CloudError where something is wrong with the cloud, RequestError (a ValueError)
        for num_grasps outside 1 to `MOST_GRASPS`, candidates outside 1 to `MOST_CANDIDATES`, a negative seed, min_score
        outside 0 to 1 or a viewpoint that is no point, ValueError for an unknown side.
        """
        _check_request(num_grasps, candidates, seed, min_score, viewpoint)
        side = checked_side(side or self.side)
        flip = np.array([-1.0 if side == "left" else 1.0, 1.0, 1.0])  # a left grasp is a right one in the mirror
        cloud = validate_cloud(points) * flip.astype(np.float32)
        view = None if viewpoint is None else np.asarray(viewpoint, dtype=np.float64) * flip
        generator = torch.Generator().manual_seed(seed)
        encoded = self.encode_object(cloud, generator, view)
        grasps = self._grasps(encoded, num_grasps, generator, candidates)
        grasps = grasps[grasps.score >= min_score] if min_score > 0 else grasps
        return grasps.mirrored() if side == "left" else grasps

    def encode_object(
        self, cloud: np.ndarray, generator: torch.Generator, viewpoint: np.ndarray | None = None
    ) -> EncodedObject:
        """Prepare a valid cloud (N, 3) and draw grasp points on it, with the conditions of their frames."""
        centre = cloud.mean(0, dtype=np.float64)
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        centred = (cloud - centre).astype(np.float32)
        sensor = stand_in_sensor(centred) if viewpoint is None else viewpoint - centre
        points, normals, seen = self._prepared(centred, sensor, rng)
        frames = self.model.candidate_frames(points[:seen], normals[:seen], generator)
        features, context = self.model.observe(points.unsqueeze(0), frames, self._device_generator(generator))
        conditions = self.model.object_encoder(features, context)
        shapes = self.model.shape_latent(features, context)
        logits = self.model.grasp_point_logits(conditions, shapes, self.temperature, self.stability_weight).cpu()
        # Draw without replacement in proportion to exp(logits): the Gumbel top-k trick.
        gumbel = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator).clamp(1e-9, 1 - 1e-9)))
        best = (logits + gumbel).topk(min(GRASP_POINTS, len(logits))).indices.to(self.device)
        chosen = Frames(frames.rotation[best], frames.origin[best])
        shapes = None if shapes is None else shapes[best]
        return EncodedObject(points, normals, centre, chosen, conditions[best], shapes)

    def _prepared(self, cloud: np.ndarray, sensor: np.ndarray | None, rng) -> tuple[Tensor, Tensor, int]:
        """Return points and normals (N, 3) of a centred cloud, a single view completed, and how many are measured."""
        points, normals = prepare_cloud(cloud, rng, sensor, max(CLOUD_POINTS, self.model.config.points))
        seen = len(points)
        if sensor is not None and self.model.shape_completion is not None:
            predicted = predicted_surface(self.model.shape_completion, cloud, sensor)
            points, normals, seen = completed_cloud(points, normals, *predicted, rng)
        return torch.from_numpy(points).to(self.device), torch.from_numpy(normals).to(self.device), seen

    def _grasps(self, encoded: EncodedObject, count: int, generator: torch.Generator, candidates: int = 1) -> Grasps:
        """Return the best hand of each of `count` groups of `candidates`, in the cloud's frame, best first.

        Hands are drawn in rounds, one for each group; noise too, so that it does not depend on `BATCH`.
        """
        parameters, scores = [], []
        together = max(1, BATCH // count)
        for first in range(0, candidates, together):
            rounds = range(first, min(first + together, candidates))
            which = _grasp_points(rounds, count, len(encoded.conditions)).to(self.device)
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
        """Return parameters (B, 61) in the centred frame, and scores (B,), for grasp points `which` (B,) and noise."""
        frames = Frames(encoded.frames.rotation[which], encoded.frames.origin[which])
        observed = ObservedObject(
            frames.to_local(encoded.points.expand(len(which), -1, -1)), encoded.normals @ frames.rotation,
            encoded.conditions[which], None if encoded.shape_latents is None else encoded.shape_latents[which],
        )  # fmt: skip
        latent = self.model.sample(observed.condition, self.model.config.noise_scale * noise)
        state = self.model.adapt(latent, observed)
        parameters = state.transformed(frames.rotation, frames.origin).parameters(self.model.hand)
        score = self.model.stability(state, observed)
        if score is not None:
            return parameters, score.cpu().numpy()
        vertices = self.model.hand.from_parameters(parameters).vertices.cpu().numpy()
        points, normals = encoded.points.cpu().numpy(), encoded.normals.cpu().numpy()
        return parameters, score_grasps(vertices, points, normals, self._pads)

    def _device_generator(self, generator: torch.Generator) -> torch.Generator | None:
        if self.device.type == "cpu":
            return generator
        seed = int(torch.randint(2**31, (1,), generator=generator))
        return torch.Generator(self.device).manual_seed(seed)


def _check_request(num_grasps: int, candidates: int, seed: int, min_score: float, viewpoint: object) -> None:
    for name, value, low, high in (
        ("num_grasps", num_grasps, 1, MOST_GRASPS), ("candidates", candidates, 1, MOST_CANDIDATES),
        ("seed", seed, 0, 2**63 - 1), ("min_score", min_score, 0, 1),
    ):  # fmt: skip
        if not low <= value <= high:
            raise RequestError(f"{name}: expected {low} to {high}, got {value}")
    if viewpoint is None:
        return
    place = np.asarray(viewpoint)
    if place.shape != (3,) or place.dtype.kind not in "fiu" or not np.isfinite(place).all():
        raise RequestError(f"viewpoint: expected three finite numbers in metres, got {viewpoint!r:.80}")


def _grasp_points(rounds: range, count: int, frames: int) -> Tensor:
    """Return the numbers (R * count,) of the frames that `count` groups start from in R rounds, round by round.

    Round 0 takes the frames in order. All are used evenly, and no group has one twice before it had all.
    """
    number = torch.tensor(rounds)
    period = frames // math.gcd(count, frames)  # after so many rounds a group would be where it began
    start = number * count + number // period
    return ((start.unsqueeze(1) + torch.arange(count)) % frames).flatten()
