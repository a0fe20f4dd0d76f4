"""Stage 3: the adaptation module. Everything else is frozen; it learns to bring sampled hands into contact.

It is trained on what it will meet: latents that the sampler itself makes (the published code used noised true latents),
drawn once before the stage. Each step runs the configured rounds and pays the physical losses after every one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.views import Frames
from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import HandLosses
from fastgrasp_training.losses import HandContact, ScaledGrids, consistency, mesh_distance
from fastgrasp_training.stage import Stage

TRUE_SHARE = 0.2  # of the latents are true ones, slightly noised: a good grasp shall stay one
TRUE_NOISE = 0.2


class AdaptationStage(Stage):
    """Physical losses on the corrected hand; `parameters`, `mesh` and `consistency` compare with the true one.

    The last three mean something only for latents that belong to a true hand (`latents: denoised`).
    """

    name = "adaptation"
    losses = (
        "contact", "penetration", "stability", "limits", "self_penetration", "step",
        "parameters", "mesh", "consistency",
    )  # fmt: skip

    def __init__(self, model: FastGraspModel, config: StageConfig, data: TrainingData, bank: SampleBank,
                 latents: Tensor):  # fmt: skip
        super().__init__(model, config)
        self.data, self.bank, self.latents = data, bank, latents
        self.contact = HandContact.of(model.hand, model.probe_ids)
        self.hand_losses = HandLosses(model, model.autoencoder.code, data, bank, config.form)

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.adaptation.parameters())

    def on_train_epoch_start(self) -> None:
        self.model.autoencoder.eval()  # no latent noise, fixed statistics

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank = self.model, self.bank
        frames = bank.frames_of(index)
        points, normals = self.data.objects.clouds(bank.view[index])
        points, normals = frames.into(points * bank.scale[index, None, None]), normals @ frames.rotation
        with torch.no_grad():
            condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        latent, terms = self.latents[index], {}
        with torch.no_grad():
            betas = model.shape(latent)
            probes = model.probes(latent, betas)
        for _ in range(model.config.rounds):
            step = model.correct(latent, condition, points, normals, probes)
            found, probes = self._judged(latent + step, betas, frames, index)
            found["step"] = step.square().mean()
            for name, value in found.items():
                terms[name] = terms.get(name, 0.0) + value / model.config.rounds
            latent = (latent + step).detach()
        return terms

    def _judged(self, latent: Tensor, betas: Tensor, frames: Frames, sample: Tensor):
        """Losses in the configured form, and where the hands feel in the next round."""
        if self.config.form == "grid":
            return self._physics(latent, betas, frames, sample)
        code = self.model.autoencoder.decode_code(latent)
        with torch.no_grad():
            probes = self.model.probes(latent, betas)
        return self.hand_losses(code, sample), probes

    def _physics(
        self, latent: Tensor, betas: Tensor, frames: Frames, sample: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Losses of hands (B, latent) of shapes (B, 10), and where they feel in the next round (B, P, 3)."""
        grasp, scale = self.bank.grasp[sample], self.bank.scale[sample]
        code = self.model.autoencoder.decode_code(latent)
        state = self.model.autoencoder.code.decode(code)._replace(betas=betas)
        skin = self.contact.skin
        vertices = self.model.hands(state, skin)
        index, grids = self.data.object[grasp], ScaledGrids(self.data.objects.grids, scale)
        places = frames.out_of(vertices)
        distance = grids.query(places, index)
        terms = {
            "contact": self.contact.contact_map(distance, self.contact.touching(distance)),
            "penetration": self.contact.penetration(distance),
            "limits": self.contact.limits(state.joint_rotations()[:, 1:]),
        }
        if self.weight("self_penetration"):
            terms["self_penetration"] = self.contact.self_penetration(self.model.skeleton(state))
        if self.weight("stability"):
            terms["stability"] = self.contact.stability(places, distance, grids, index)
        if any(self.weight(name) for name in ("parameters", "mesh", "consistency")):
            terms |= self._likeness(code, vertices, distance, frames, grasp)
        return terms, vertices.detach()[:, torch.searchsorted(skin, self.model.probe_ids)]

    def _likeness(self, code: Tensor, vertices: Tensor, distance: Tensor, frames: Frames, grasp: Tensor):
        """Losses against the true hands of the samples."""
        true = self.data.rows(grasp).moved_back(*frames)
        target = self.model.hands(true, self.contact.skin)
        true_distance = self.data.objects.grids.query(frames.out_of(target), self.data.object[grasp])
        return {
            "parameters": (code - self.model.autoencoder.code.encode(true)).square().mean(),
            "mesh": mesh_distance(self.model, vertices, target),
            "consistency": consistency(distance, true_distance),
        }


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
            latent = model.sample(condition, noise)
            near = true[index] + TRUE_NOISE * torch.randn(noise.shape, generator=generator).to(index.device)
            keep = (torch.rand(len(index), generator=generator) < TRUE_SHARE).to(index.device) & bank.own[index]
            made.append(torch.where(keep.unsqueeze(1), near, latent))
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    return torch.cat(made)
