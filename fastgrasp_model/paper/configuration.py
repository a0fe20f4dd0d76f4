"""The configuration of the published method, with the sizes of Wu et al. and their published code."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass

from fastgrasp_model.configuration import Depth, OptionalSize, Size, Variant, check_consistent
from fastgrasp_model.yaml_file import STRICT


@dataclass(frozen=True, config=STRICT)
class PaperConfig:
    """Sizes of the published model.

    Attributes:
        variant: a row of the paper's ablations, see `paper/ablations.py`; empty for the whole method.
        points: points of the whole cloud that the PointNets read.
        hand_width: w of the autoencoder: features-2w-w-latent and back by latent-2w-w-256-64.
        denoiser_width: with the object's PointNet the denoiser has 4.8 M parameters; the published one has 4.7 M.
        sampler: "ddim" with `sampling_steps`, or "ddpm" with all `diffusion_steps`.
        guidance: 1 is the conditional prediction; the published weight w is `guidance` - 1.
        rounds: 1, or 0 for the diffusion without adaptation.
    """

    method: Literal["paper"] = "paper"
    variant: Variant = ""
    name: str = "paper"
    points: Size = 3000
    hand_width: Size = 1024
    latent: Size = 768
    denoiser_width: Size = 256
    denoiser_depth: Depth = 2
    diffusion_steps: Size = 1000
    sampler: Literal["ddim", "ddpm"] = "ddim"
    sampling_steps: Size = 20
    guidance: float = 3.0
    noise_scale: PositiveFloat = 1.0
    rounds: OptionalSize = 1

    def __post_init__(self):
        check_consistent(self)
        if self.rounds > 1:
            raise ValueError(f"rounds: the published adaptation has one round; expected 0 or 1, got {self.rounds}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, for JSON."""
        return asdict(self)
