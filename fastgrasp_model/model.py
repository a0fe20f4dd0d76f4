"""The whole network: object encoder, hand autoencoder, latent denoiser, adaptation module, and their files.

A model speaks tensors in frames (`geometry.views.Frames`); clouds, seeds and units are the generator's business.
Weights are a folder: `model.safetensors` and `config.json`, never a pickle.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.diffusion import NoiseSchedule, ddim_sample, dpm_sample
from fastgrasp_model.geometry.views import Frames, context, neighbourhood
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.mano_layer import HandPose
from fastgrasp_model.networks import (
    AdaptationModule,
    BasisPointEncoder,
    Graspability,
    GraspEvaluator,
    HandAutoencoder,
    HandCVAE,
    ImplicitShape,
    LatentDenoiser,
    PlainAdaptationModule,
    PointNetObjectEncoder,
    ShapeCompletion,
)
from fastgrasp_model.networks.contact_features import FIELD, TOUCH, QueryPoints, in_bones, touch
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_model.networks.implicit_shape import SHAPE
from fastgrasp_model.networks.layers import mlp
from fastgrasp_model.paper.ddpm import ddpm_sample

WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
MAX_BETA = 2.0  # standard deviations of hand shape that are generated at most
RENAMED = json.loads((Path(__file__).parent / "renamed.json").read_text())  # names in older files -> names today
PRETRAINED = Path(__file__).parent / "weights" / "default"


class WeightsError(ValueError):
    """Weights that are missing, damaged, or made for another configuration."""


class FastGraspModel(nn.Module):
    """The three stages of FastGrasp for one configuration; `hand` is the MANO layer it decodes to (not a weight)."""

    def __init__(self, config: ModelConfig, hand: ManoLayer):
        super().__init__()
        self.config = config
        object.__setattr__(self, "hand", hand)  # no submodule: the hand is data, and does not belong in the weights
        plain = config.layers == "plain"
        self.object_encoder = (
            BasisPointEncoder(config.object_width)
            if config.object_encoder == "basis"
            else PointNetObjectEncoder(config.object_width, plain=plain)
        )
        self.implicit_shape = self.grasp_evaluator = self.graspability = None
        self.shape_completion = ShapeCompletion(config.completion_width) if config.completion_width else None
        if config.generator == "cvae":
            self.cvae = HandCVAE(
                hand, config.latent, config.object_width, config.hand_width, config.vertex_encoder, plain
            )
            self.graspability_prior = mlp([config.object_width, 128, 1])
        else:
            self._add_stages(config, hand, plain)
        self.register_buffer("query_ids", torch.zeros(config.query_points, dtype=torch.long))

    def _add_stages(self, config: ModelConfig, hand: ManoLayer, plain: bool) -> None:
        self.autoencoder = HandAutoencoder(
            hand, config.latent, config.hand_width, config.vertex_encoder, config.latent_noise, plain
        )
        self.schedule = NoiseSchedule(config.diffusion_steps, config.schedule, config.prediction)
        self.denoiser = LatentDenoiser(config.latent, config.object_width, config.denoiser_width, config.denoiser_depth)
        self.graspability_prior = mlp([config.object_width, 128, 1])
        self._add_adaptation(config, plain)

    def _add_adaptation(self, config: ModelConfig, plain: bool) -> None:
        if plain:
            self.adaptation = PlainAdaptationModule(config.latent)
            return
        if config.implicit_shape_width:
            self.implicit_shape = ImplicitShape(len(self.object_encoder.basis), config.implicit_shape_width)
        feels, code = (TOUCH, 0) if self.implicit_shape is None else (TOUCH + FIELD, SHAPE)
        if config.evaluator_width:
            self.grasp_evaluator = GraspEvaluator(config.object_width, config.query_points, feels, config.evaluator_width)
            self.graspability = Graspability(config.object_width, code, config.evaluator_width)
        self.adaptation = AdaptationModule(
            config.latent, config.object_width, config.query_points, config.adaptation_width, config.adaptation_depth, feels,
            config.bone_frames,
        )  # fmt: skip

    # -- what the networks see ------------------------------------------------------------------------------------

    def observe(
        self, points: Tensor, frames: Frames, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Clouds (K, N, 3), or one (1, N, 3), seen from frames (K) -> the encoder's features and context (K, 9).

        Nothing learned yet.
        """
        radius = self.config.radius if self.config.frame == "anchor" else float("inf")
        near = neighbourhood(points, frames, self.config.points, radius, generator)
        return self.object_encoder.features(near), context(points, frames)

    def hands(self, state: HandState, vertex_ids: Tensor | None = None) -> Tensor:
        """Vertices (B, 778, 3), or those of `vertex_ids`, of hands in whatever frame they are given."""
        transl = state.wrist - self.hand.rest_joints(state.betas)[:, 0]
        return self.hand.from_matrices(state.betas, state.joint_rotations(), transl, vertex_ids=vertex_ids).vertices

    def encode(self, state: HandState) -> Tensor:
        """Stage 1, forward: hands in their frames -> latents (B, latent)."""
        if self.config.vertex_encoder == "parameters":
            return self.autoencoder.encode(self.autoencoder.code.encode(state))
        return self.autoencoder.encode(self.hands(state))

    def decode(self, latent: Tensor) -> HandState:
        """Stage 1, back: what `sample` gives (latents; a CVAE's codes) -> hands in their frames."""
        return (self.cvae if self.config.generator == "cvae" else self.autoencoder).decode(latent)

    def skeleton(self, state: HandState) -> HandPose:
        """The joints of hands, without the skin."""
        transl = state.wrist - self.hand.rest_joints(state.betas)[:, 0]
        return self.hand.pose_joints(state.betas, state.joint_rotations(), transl)

    # -- the stages -----------------------------------------------------------------------------------------------

    def sample(
        self, condition: Tensor, noise: Tensor, steps: int | None = None, guidance: float | None = None
    ) -> Tensor:
        """Stage 2: noise (B, latent) and conditions (B, C) -> latents z1 (B, latent), or a CVAE's codes (B, 64).

        The same noise gives the same latents; the fresh noise of "ddpm" follows from it. `steps` is for "ddim".
        """
        if self.config.generator == "cvae":
            return self.cvae.decode_code(noise, condition)
        guidance = self.config.guidance if guidance is None else guidance

        def denoise(noisy: Tensor, t: Tensor) -> Tensor:
            return self.denoiser.guided(noisy, t, condition, guidance)

        if self.config.sampler == "ddpm" and steps is None:
            seed = int(noise.flatten()[:1].float().cpu().view(torch.int32))
            return ddpm_sample(denoise, self.schedule, noise, torch.Generator().manual_seed(seed))
        sampler = dpm_sample if self.config.sampler == "dpm" else ddim_sample
        return sampler(denoise, self.schedule, noise, steps or self.config.sampling_steps)

    def shape(self, latent: Tensor) -> Tensor:
        """The hand shapes (B, 10) of latents z1, within `MAX_BETA`. Adaptation moves a hand; it may not grow it."""
        return self.decode(latent).betas.clamp(-MAX_BETA, MAX_BETA)

    def query_points(self, state: HandState, vertices: Tensor | None = None) -> QueryPoints | None:
        """With what hands (B) feel; None for a module that is blind. `vertices` (B, P, 3): theirs, where known."""
        if not self.config.query_points:
            return None
        rotations, pose = state.joint_rotations(), self.skeleton(state)
        if vertices is None:
            vertices = self.hand.skin(pose, state.betas, rotations, self.query_ids)
        if not self.config.bone_frames:
            return QueryPoints(vertices)
        bone = self.hand.weights[self.query_ids].argmax(1)
        return QueryPoints(vertices, pose.rotations[:, bone], state.rotation)

    def shape_latent(self, features: Tensor, context: Tensor) -> Tensor | None:
        """The codes (B, 256) of whole shapes that the field reads, from what `observe` gives; None without a field."""
        return None if self.implicit_shape is None else self.implicit_shape.encode(features, context)

    def surroundings(self, places: Tensor, points: Tensor, normals: Tensor, shape: Tensor | None = None) -> Tensor:
        """What there is at places (B, P, 3) among clouds (B, N, 3) with normals, all in one frame.

        Returns (B, P, 7): the touch; or (B, P, 11): and what the field with codes `shape` (B, 256) expects there.
        """
        felt = touch(places, points, normals)
        return felt if self.implicit_shape is None else torch.cat([felt, self.implicit_shape(shape, places, felt)], dim=-1)

    def feel(
        self, query_points: QueryPoints | None, points: Tensor, normals: Tensor, shape: Tensor | None = None
    ) -> Tensor | None:
        """The `surroundings` of query_points as the hand is told of them: with `bone_frames`, as its bones see them."""
        if query_points is None:
            return None
        felt = self.surroundings(query_points.places, points, normals, shape)
        return felt if query_points.bones is None else in_bones(felt, query_points.bones)

    def correct(
        self, latent: Tensor, condition: Tensor, points: Tensor, felt: Tensor | None, wrist: Tensor | None = None
    ) -> Tensor:
        """Stage 3, one round: z2 for latents (B, latent) among clouds (B, N, 3) in the hands' frames.

        `felt`: what `feel` gives for the hands' query_points, None for a module that is blind; `wrist`: that of the query_points.
        """
        if self.config.layers == "plain":
            return self.adaptation(latent, points)
        return self.adaptation(latent, condition, felt, wrist)

    def adapt(
        self, latent: Tensor, condition: Tensor, points: Tensor, normals: Tensor, shape: Tensor | None = None
    ) -> HandState:
        """Stage 3: the hands of z1 + z2, after the configured number of rounds. `shape`: of `shape_latent`.

        Their shape is that of z1; with the paper's plain layers that of z1 + z2, D(z1 + z2) as it stands.
        """
        betas = self.shape(latent)
        for _ in range(self.config.rounds):
            latent = latent + self._round(latent, betas, condition, points, normals, shape)
        if self.config.layers == "plain":
            betas = self.shape(latent)
        return self.decode(latent)._replace(betas=betas)

    def _round(self, latent: Tensor, betas: Tensor, condition: Tensor, points: Tensor, normals: Tensor,
               shape: Tensor | None) -> Tensor:  # fmt: skip
        if not self.config.query_points:
            return self.correct(latent, condition, points, None)
        query_points = self.query_points(self.decode(latent)._replace(betas=betas))
        return self.correct(latent, condition, points, self.feel(query_points, points, normals, shape), query_points.wrist)

    def firmness(
        self, state: HandState, condition: Tensor, points: Tensor, normals: Tensor, shape: Tensor | None = None
    ) -> Tensor:
        """How likely (B,) hands in their frames hold the object firmly; arguments as `adapt`. It needs a judge."""
        felt = self.feel(self.query_points(state), points, normals, shape)
        return self.grasp_evaluator(self.autoencoder.code.encode(state), condition, felt).sigmoid()

    # -- files ----------------------------------------------------------------------------------------------------

    def save_pretrained(self, folder: str | Path, notes: dict | None = None, half: bool = False) -> None:
        """Write `model.safetensors` and `config.json`; each appears whole or not at all.

        `half` stores half precision, to ship: half the size, and hands that differ by hundredths of a millimetre.
        """
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        if half:
            tensors = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
        part = folder / f".{WEIGHTS_FILE}.part"
        save_file(tensors, part)
        part.chmod(0o644)  # the writer keeps it to its owner
        os.replace(part, folder / WEIGHTS_FILE)
        part = folder / f".{CONFIG_FILE}.part"
        part.write_text(json.dumps({"model": self.config.to_dict(), "notes": notes or {}}, indent=2) + "\n")
        os.replace(part, folder / CONFIG_FILE)

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None, hand: ManoLayer | None = None) -> FastGraspModel:
        """Read weights (the shipped ones without a folder), in evaluation mode. Raises WeightsError."""
        folder = Path(folder) if folder else PRETRAINED
        config = _read_config(folder)
        model = cls(config, hand or ManoLayer.from_file())
        model.load_state_dict(_read_tensors(folder / WEIGHTS_FILE, model.state_dict()))
        return model.eval().requires_grad_(False)


def _read_config(folder: Path) -> ModelConfig:
    path = folder / CONFIG_FILE
    try:
        content = json.loads(path.read_text())["model"]
        return ModelConfig.from_dict({RENAMED["model"].get(key, key): value for key, value in content.items()})
    except FileNotFoundError:
        raise WeightsError(
            f"no weights at {folder}: expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}; leave the path out to "
            "use the shipped weights, or make some with `fastgrasp train all`"
        ) from None
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is damaged or of another version ({error}); install or train it again") from error


def _present_name(tensor: str) -> str:
    """The name of a tensor today, of weights written before it was renamed."""
    for old, new in RENAMED["tensors"].items():
        if tensor.startswith(old):
            return new + tensor[len(old) :]
    return tensor


def _read_tensors(path: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {_present_name(name): value for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}); install or train it again") from error
    wrong = [name for name in expected if name not in tensors or tensors[name].shape != expected[name].shape]
    if wrong or len(tensors) != len(expected):
        raise WeightsError(
            f"{path} does not fit its {CONFIG_FILE} ({len(wrong)} of {len(expected)} tensors differ, first "
            f"{wrong[:3]}); the two files must come from one training run"
        )
    if any(not torch.isfinite(value).all() for value in tensors.values() if value.is_floating_point()):
        raise WeightsError(f"{path} holds numbers that are not finite; train it again")
    return tensors
