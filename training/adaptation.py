"""Stage 3: the adaptation module. Everything else is frozen; it learns to bring sampled hands into contact.

It is trained on what it will meet: latents that the sampler itself makes (the published code used noised true latents),
drawn once before the stage. Each step runs the configured rounds and pays the physical losses after every one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.geometry.views import Frames
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.contact_features import FIELD, QueryPoints, in_bones
from fastgrasp_model.networks.implicit_shape import FARTHEST
from fastgrasp_model.physics.contacts import smooth_normals
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import HandLosses
from fastgrasp_training.losses import CM, HandContact, ScaledGrids, consistency, firm, hold, mesh_distance
from fastgrasp_training.stage import Stage

TRUE_SHARE = 0.2  # of the latents are true ones, slightly noised: a good grasp shall stay one
TRUE_NOISE = 0.2


class Judged(NamedTuple):
    """Hands after a round: their losses, query_points, code (B, 64), and whether each is firm (B,), 0 or 1."""

    terms: dict[str, Tensor]
    query_points: QueryPoints | None
    code: Tensor | None = None
    firm: Tensor | None = None


class AdaptationStage(Stage):
    """Physical losses on the corrected hand; `parameters`, `mesh` and `consistency` compare with the true one.

    These three mean something only for latents that belong to a true hand (`latents: denoised`). `seen_penetration` is
    `penetration` of the samples whose object is seen from all sides, over all samples: what is hidden cannot be spared.
    """

    name = "adaptation"
    losses = (
        "contact", "penetration", "stability", "limits", "self_penetration", "step",
        "parameters", "mesh", "consistency", "wrench", "seen_penetration", "implicit_shape", "evaluator", "graspability",
    )  # fmt: skip

    def __init__(self, model: FastGraspModel, config: StageConfig, data: TrainingData, bank: SampleBank,
                 latents: Tensor):  # fmt: skip
        super().__init__(model, config)
        self.data, self.bank, self.latents = data, bank, latents
        self.contact = HandContact.of(model.hand, model.query_ids)
        self.hand_losses = HandLosses(model, model.autoencoder.code, data, bank, config.form)

    def trained(self) -> list[torch.nn.Parameter]:
        parts = (self.model.adaptation, self.model.implicit_shape, self.model.grasp_evaluator, self.model.graspability)
        return [p for part in parts if part is not None for p in part.parameters()]

    def on_train_epoch_start(self) -> None:
        self.model.autoencoder.eval()  # no latent noise, fixed statistics

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank, rounds = self.model, self.bank, self.model.config.rounds
        frames, points, normals = bank.clouds(self.data.objects, index)
        with torch.no_grad():
            condition = model.object_encoder(bank.features[index].float(), bank.context[index])
            latent = self.latents[index]
            betas = model.shape(latent)
            query_points = model.query_points(model.decode(latent)._replace(betas=betas))
        shape = model.shape_latent(bank.features[index].float(), bank.context[index])
        terms, hands, learns = {}, None, self.step % rounds  # the field learns from one round of each step
        for number in range(rounds):
            felt, told = self._felt(query_points, points, normals, shape, frames, index, number == learns)
            if hands is not None:
                told |= self._scored(hands, condition, felt)
            step = model.correct(latent, condition, points, felt, None if query_points is None else query_points.wrist)
            hands = self._judged(latent + step, betas, frames, index)
            latent, query_points = (latent + step).detach(), hands.query_points
            for name, value in (hands.terms | told | {"step": step.square().mean()}).items():
                terms[name] = terms.get(name, 0.0) + value / (1 if name == "implicit_shape" else rounds)
        if model.grasp_evaluator is not None:
            felt, _ = self._felt(query_points, points, normals, shape, frames, index, False)
            terms["evaluator"] = terms.get("evaluator", 0.0) + self._scored(hands, condition, felt)["evaluator"] / rounds
            place = model.graspability(condition, None if shape is None else shape.detach())
            terms["graspability"] = torch.nn.functional.binary_cross_entropy_with_logits(place, hands.firm)
        return terms

    def _felt(self, query_points: QueryPoints | None, points: Tensor, normals: Tensor, shape: Tensor | None, frames: Frames,
              sample: Tensor, learns: bool) -> tuple[Tensor | None, dict[str, Tensor]]:  # fmt: skip
        """What query_points feel, as constants, and the error of the field there if it `learns` from them."""
        if query_points is None:
            return None, {}
        learns = learns and self.model.implicit_shape is not None
        shape = shape if learns or shape is None else shape.detach()
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            seen = self.model.surroundings(query_points.places, points, normals, shape)
        felt = seen.detach() if query_points.bones is None else in_bones(seen.detach(), query_points.bones)
        return felt, {"implicit_shape": self._field_error(seen[..., -FIELD:], query_points.places, frames, sample)} if learns else {}

    def _scored(self, hands: Judged, condition: Tensor, felt: Tensor) -> dict[str, Tensor]:
        """The judge's cross-entropy on hands of which it is known whether they hold."""
        if self.model.grasp_evaluator is None:
            return {}
        logit = self.model.grasp_evaluator(hands.code, condition, felt)
        return {"evaluator": torch.nn.functional.binary_cross_entropy_with_logits(logit, hands.firm)}

    def _field_error(self, told: Tensor, query_points: Tensor, frames: Frames, sample: Tensor) -> Tensor:
        """How far the field (B, P, 4) is from the whole object at query_points (B, P, 3): distance in cm, and normal."""
        grids = ScaledGrids(self.data.objects.grids, self.bank.scale[sample])
        index, places = self.data.object[self.bank.grasp[sample]], frames.out_of(query_points)
        distance = (grids.query(places, index) * CM).clamp(-FARTHEST, FARTHEST)
        normal = smooth_normals(grids, places, index) @ frames.rotation
        turned = (1 - (told[..., 1:] * normal).sum(-1)) * (distance.abs() < FARTHEST)
        return torch.nn.functional.smooth_l1_loss(told[..., 0], distance, beta=0.2) + 0.3 * turned.mean()

    def _judged(self, latent: Tensor, betas: Tensor, frames: Frames, sample: Tensor) -> Judged:
        """Losses of hands (B, latent) in the configured form, and where they feel in the next round."""
        if self.config.form == "grid":
            return self._physics(latent, betas, frames, sample)
        code = self.model.autoencoder.decode_code(latent)
        with torch.no_grad():
            query_points = self.model.query_points(self.model.decode(latent)._replace(betas=betas))
        return Judged(self.hand_losses(code, sample), query_points)

    def _physics(self, latent: Tensor, betas: Tensor, frames: Frames, sample: Tensor) -> Judged:
        grasp, grids = self.bank.grasp[sample], ScaledGrids(self.data.objects.grids, self.bank.scale[sample])
        code, skin = self.model.autoencoder.decode_code(latent), self.contact.skin
        state = self.model.autoencoder.code.decode(code)._replace(betas=betas)
        forces = self.weight("wrench") or self.model.grasp_evaluator is not None
        vertices = self.model.hands(state, None if forces else skin)
        index, places = self.data.object[grasp], frames.out_of(vertices)
        distance, terms, holds = grids.query(places, index), {}, None
        if forces:
            gaps = self.contact.gaps(places, self.model.hand.faces, distance, grids, index)
            terms, holds = {"wrench": hold(gaps)}, firm(gaps, distance)
            vertices, places, distance = vertices[:, skin], places[:, skin], distance[:, skin]
        terms |= {
            "contact": self.contact.contact_map(distance, self.contact.touching(distance)),
            "penetration": self.contact.penetration(distance),
            "limits": self.contact.limits(state.joint_rotations()[:, 1:]),
        }
        if self.weight("seen_penetration"):
            whole = self.data.objects.whole(self.bank.view[sample])
            terms["seen_penetration"] = self.contact.penetration(distance * whole.unsqueeze(1))
        if self.weight("self_penetration"):
            terms["self_penetration"] = self.contact.self_penetration(self.model.skeleton(state))
        if self.weight("stability"):
            terms["stability"] = self.contact.stability(places, distance, grids, index)
        if any(self.weight(name) for name in ("parameters", "mesh", "consistency")):
            terms |= self._likeness(code, vertices, distance, frames, grasp)
        with torch.no_grad():
            query_points = self.model.query_points(state, vertices[:, torch.searchsorted(skin, self.model.query_ids)])
        return Judged(terms, query_points, self.model.autoencoder.code.encode(state).detach(), holds)

    def _likeness(self, code: Tensor, vertices: Tensor, distance: Tensor, frames: Frames, grasp: Tensor):
        """Losses against the true hands of the samples."""
        true = self.data.rows(grasp).inverse_transformed(*frames)
        target = self.model.hands(true, self.contact.skin)
        true_distance = self.data.objects.grids.query(frames.out_of(target), self.data.object[grasp])
        return {
            "parameters": (code - self.model.autoencoder.code.encode(true)).square().mean(),
            "mesh": mesh_distance(self.model, vertices, target),
            "consistency": consistency(distance, true_distance),
        }


class RefinementStage(AdaptationStage):
    """The same once more after a selection, on the latents that are sampled since; with losses of its own."""

    name = "refinement"


@torch.no_grad()
def starting_latents(
    model: FastGraspModel, bank: SampleBank, true: Tensor, kind: str, seed: int, chunk: int = 512, progress=None
) -> Tensor:
    """The latents z1 (M, latent) that the adaptation module starts from, for every sample of the bank.

    kind "sampled": what the sampler makes for the sample's object, and for a share the true latents `true` (M, latent),
    slightly noised. kind "denoised": the denoiser's one-step estimate from a true latent at a random time.
    """
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    made = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        noise = torch.randn(len(index), model.config.latent, generator=generator).to(index.device)
        if kind == "denoised":
            t = torch.randint(model.schedule.steps, (len(index),), generator=generator).to(index.device)
            noisy = model.schedule.noised(true[index], noise, t)
            made.append(model.schedule.split(noisy, model.denoiser(noisy, t, condition), t)[0].clamp(-6, 6))
        else:
            latent = model.sample(condition, model.config.noise_scale * noise)
            near = true[index] + TRUE_NOISE * torch.randn(noise.shape, generator=generator).to(index.device)
            keep = (torch.rand(len(index), generator=generator) < TRUE_SHARE).to(index.device) & bank.own[index]
            made.append(torch.where(keep.unsqueeze(1), near, latent))
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    return torch.cat(made)
