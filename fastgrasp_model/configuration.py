"""The configuration of a FastGrasp model: every size and choice that its weights depend on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

CHOICES = {
    "frame": ("anchor", "object"),
    "object_encoder": ("basis", "pointnet"),
    "vertex_encoder": ("ordered", "pointnet"),
    "prediction": ("epsilon", "v"),
    "schedule": ("linear", "cosine"),
}


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and choices of the three stages. Lengths in metres.

    `frame`: the object is seen from an anchor on its surface, or (the paper) from its centroid. `points` within
    `radius` of the frame's origin are read. `probes` hand vertices feel the cloud in the adaptation module (0: the
    paper's module, blind), which corrects the latent `rounds` times.
    """

    name: str = "default"
    frame: str = "anchor"
    points: int = 256
    radius: float = 0.13
    object_encoder: str = "basis"
    object_width: int = 384
    vertex_encoder: str = "ordered"
    hand_width: int = 512
    latent: int = 64
    latent_noise: float = 0.01
    denoiser_width: int = 384
    denoiser_depth: int = 3
    prediction: str = "v"
    schedule: str = "cosine"
    diffusion_steps: int = 1000
    sampling_steps: int = 20
    guidance: float = 1.0
    probes: int = 128
    rounds: int = 3
    adaptation_width: int = 512
    adaptation_depth: int = 2

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in CHOICES and value not in CHOICES[field.name]:
                raise ValueError(f"model.{field.name}: expected one of {CHOICES[field.name]}, got {value!r}")
            if field.type == "int" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(f"model.{field.name}: expected a whole number, 0 or more, got {value!r}")
            if field.type == "float" and not isinstance(value, (int, float)):
                raise ValueError(f"model.{field.name}: expected a number, got {value!r}")
        if not 1 <= self.sampling_steps <= self.diffusion_steps:
            raise ValueError(f"model.sampling_steps: expected 1..{self.diffusion_steps}, got {self.sampling_steps}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """From a parsed YAML or JSON mapping. Raises ValueError that names an unknown key."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"model: unknown keys {unknown}; known are {sorted(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)
