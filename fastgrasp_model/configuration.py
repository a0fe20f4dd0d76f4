"""The configuration of the default model: every size that its weights depend on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat
from pydantic.dataclasses import dataclass

from fastgrasp_model.yaml_file import STRICT

Size = Annotated[int, Field(strict=True, ge=1, le=100_000)]
OptionalSize = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Depth = Annotated[int, Field(strict=True, ge=1, le=100)]
Variant = Literal["", "cvae", "parameters"]


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of the default model; lengths in metres. A width of 0 leaves that network out.

    Attributes:
        method: which class of models this is, see `weights.METHODS`.
        variant: a row of the paper's ablations, see `paper/ablations.py`; empty for the model itself.
        points: points of the cloud that the object encoder reads, within `radius` of the grasp point.
        sampling_steps: steps of the sampler, out of `diffusion_steps`.
        guidance: of classifier-free guidance; 1 is the conditional prediction.
        noise_scale: standard deviation of the initial noise. 1 is what the diffusion learned; a larger one makes the
            hands that later stages learn from more diverse. Self-training resets it to 1.
        query_points: vertices of the hand at which the adaptation module reads contact features.
        rounds: of the adaptation; 0 leaves it out.
        bone_frames: whether contact features are given in the frames of the hand's bones.
        implicit_shape_width, evaluator_width, completion_width: of the implicit shape head, of the grasp evaluator and
            graspability (without them the analytic score of `score.py` ranks), of the shape completion.
    """

    method: Literal["default"] = "default"
    variant: Variant = ""
    name: str = "default"
    points: Size = 256
    radius: PositiveFloat = 0.13
    object_width: Size = 384
    hand_width: Size = 512
    latent: Size = 64
    latent_noise: NonNegativeFloat = 0.01
    denoiser_width: Size = 384
    denoiser_depth: Depth = 3
    diffusion_steps: Size = 1000
    sampling_steps: Size = 20
    guidance: float = 1.0
    noise_scale: PositiveFloat = 1.0
    query_points: Size = 128
    rounds: Annotated[int, Field(strict=True, ge=0, le=100)] = 3
    adaptation_width: Size = 512
    adaptation_depth: Depth = 2
    implicit_shape_width: OptionalSize = 0
    bone_frames: bool = False
    evaluator_width: OptionalSize = 0
    completion_width: OptionalSize = 0

    def __post_init__(self):
        check_consistent(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, for JSON."""
        return asdict(self)


def check_consistent(config) -> None:
    """Raise ValueError for more steps of the sampler than of the diffusion, or a CVAE that adapts."""
    if config.variant == "cvae" and config.rounds:
        raise ValueError(f"rounds: a CVAE has no latents to adapt; expected 0, got {config.rounds}")
    if config.sampling_steps > config.diffusion_steps:
        raise ValueError(
            f"sampling_steps: expected at most diffusion_steps, {config.diffusion_steps}, got {config.sampling_steps}"
        )
