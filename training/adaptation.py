"""Stage 3, the adaptation module (Wu et al., section 3.4). All else is frozen.

It is trained on what it will meet in generation: latents that the sampler makes, drawn once before the stage. Each
step runs the configured rounds of `adaptation_rounds` and takes the physical losses after every one. The implicit
shape head, the grasp evaluator and graspability are trained on the same hands. """

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_evaluation.physics.contacts import smooth_normals
from fastgrasp_model.adaptation_loop import adaptation_rounds
from fastgrasp_model.geometry.frames import Frames
from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.networks.contact_features import QueryPoints
from fastgrasp_model.networks.implicit_shape import FARTHEST
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.losses import CM, HandContact, ScaledGrids, consistency, mesh_distance, stable, wrench_loss
from fastgrasp_training.stage import TrainingStage

TRUE_SHARE = 0.2  # of the latents are true ones with a little noise: a good grasp shall stay one
TRUE_NOISE = 0.2

cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits


class AdaptedHands(NamedTuple):
    """Hands after a round: their losses, representation (B, 64), constant, and whether each is stable (B,), 0 or 1."""

    terms: dict[str, Tensor]
    representation: Tensor
    stable: Tensor | None = None


class AdaptationStage(TrainingStage):
    """Physical losses on the adapted hand; `parameters`, `mesh` and `consistency` compare with the true one.

    `seen_penetration` is `penetration` of the samples whose object is seen from all sides, over all samples.
    """

    name = "adaptation"

    def __init__(self, model: GraspModel, config: StageConfig, data: TrainingData, bank: SampleBank, latents: Tensor):
        super().__init__(model, config)
        self.data, self.bank, self.latents = data, bank, latents
        self.contact = HandContact.of(model.hand, model.query_ids)

    def trained(self) -> list[torch.nn.Parameter]:
        model = self.model
        parts = (model.adaptation, model.implicit_shape, model.grasp_evaluator, model.graspability)
        return [p for part in parts if part is not None for p in part.parameters()]

    def on_train_epoch_start(self) -> None:
        self.model.autoencoder.eval()  # frozen: no latent noise, fixed statistics

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, rounds, latent = self.model, self.model.config.rounds, self.latents[index]
        frames, observed = self.bank.observed(model, self.data.objects, index)
        with torch.no_grad():
            betas = model.betas(latent)
        terms: dict[str, Tensor] = {}
        hands, trained_round = None, self.step % rounds  # the implicit shape head is trained in one round of each step
        for done in adaptation_rounds(model, latent, betas, observed, trained_round):
            new = {"step": done.step.square().mean() / rounds}
            if done.senses.implicit is not None:
                new["implicit_shape"] = self._implicit_error(done.senses.implicit, done.senses.query, frames, index)
            if hands is not None and model.grasp_evaluator is not None:
                new["evaluator"] = self._evaluator_loss(hands, observed.condition, done.senses.features) / rounds
            hands, latent = self._physics(done.latent, betas, frames, index), done.latent.detach()
            new |= {name: value / rounds for name, value in hands.terms.items()}
            terms = {name: terms.get(name, 0.0) + new.get(name, 0.0) for name in terms | new}
        if model.grasp_evaluator is not None:
            features = model.sense(latent, betas, observed).features
            terms["evaluator"] = terms.get("evaluator", 0.0) + (
                self._evaluator_loss(hands, observed.condition, features) / rounds
            )
            shape = None if observed.shape_latent is None else observed.shape_latent.detach()
            terms["graspability"] = cross_entropy(model.graspability(observed.condition, shape), hands.stable)
        return terms

    def _evaluator_loss(self, hands: AdaptedHands, condition: Tensor, features: Tensor) -> Tensor:
        return cross_entropy(self.model.grasp_evaluator(hands.representation, condition, features), hands.stable)

    def _implicit_error(self, predicted: Tensor, query: QueryPoints, frames: Frames, sample: Tensor) -> Tensor:
        """Return the error of predictions (B, P, 4) at query points against the whole object: cm, and of the normal."""
        grids = ScaledGrids(self.data.objects.grids, self.bank.scale[sample])
        owner, places = self.data.object[self.bank.grasp[sample]], frames.to_world(query.points)
        distance = (grids.query(places, owner) * CM).clamp(-FARTHEST, FARTHEST)
        normal = smooth_normals(grids, places, owner) @ frames.rotation
        angle = (1 - (predicted[..., 1:] * normal).sum(-1)) * (distance.abs() < FARTHEST)
        return torch.nn.functional.smooth_l1_loss(predicted[..., 0], distance, beta=0.2) + 0.3 * angle.mean()

    def _physics(self, latent: Tensor, betas: Tensor, frames: Frames, sample: Tensor) -> AdaptedHands:
        """Return the losses of hands D(latent) with shapes betas (B, 10)."""
        grasp, grids = self.bank.grasp[sample], ScaledGrids(self.data.objects.grids, self.bank.scale[sample])
        representation, skin = self.model.autoencoder.decode_representation(latent), self.contact.skin
        state = self.model.autoencoder.representation.to_hands(representation)._replace(betas=betas)
        forces = self.weight("wrench") or self.model.grasp_evaluator is not None
        vertices = self.model.hands(state, None if forces else skin)
        owner, places = self.data.object[grasp], frames.to_world(vertices)
        distance, terms, is_stable = grids.query(places, owner), {}, None
        if forces:
            residuals = self.contact.wrench_residuals(places, self.model.hand.faces, distance, grids, owner)
            terms, is_stable = {"wrench": wrench_loss(residuals)}, stable(residuals, distance)
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
            terms["stability"] = self.contact.stability(places, distance, grids, owner)
        if any(self.weight(name) for name in ("parameters", "mesh", "consistency")):
            terms |= self._likeness(representation, vertices, distance, frames, sample)
        return AdaptedHands(terms, self.model.autoencoder.representation.from_hands(state).detach(), is_stable)

    def _likeness(self, representation: Tensor, vertices: Tensor, distance: Tensor, frames: Frames, sample: Tensor):
        """Return the losses against the true hands of the samples."""
        true, owner = self.bank.true_hands(self.data, sample), self.data.object[self.bank.grasp[sample]]
        target = self.model.hands(true, self.contact.skin)
        true_distance = self.data.objects.grids.query(frames.to_world(target), owner)
        return {
            "parameters": (representation - self.model.autoencoder.representation.from_hands(true)).square().mean(),
            "mesh": mesh_distance(vertices, target),
            "consistency": consistency(distance, true_distance),
        }


class RefinementStage(AdaptationStage):
    """The adaptation continued after self-training, on the latents that are sampled since, with losses of its own."""

    name = "refinement"


@torch.no_grad()
def sampled_latents(
    model: GraspModel, bank: SampleBank, true: Tensor, seed: int, chunk: int = 512, progress=None
) -> Tensor:
    """Return latents z1 (M, latent) for the samples of a bank: the sampler's, and for a share true ones with noise."""
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    made = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        noise = torch.randn(len(index), model.config.latent, generator=generator).to(index.device)
        latent = model.sample(condition, model.config.noise_scale * noise)
        near = true[index] + TRUE_NOISE * torch.randn(noise.shape, generator=generator).to(index.device)
        keep = (torch.rand(len(index), generator=generator) < TRUE_SHARE).to(index.device) & bank.labelled[index]
        made.append(torch.where(keep.unsqueeze(1), near, latent))
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    return torch.cat(made)
