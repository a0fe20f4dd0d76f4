"""The configuration of a FastGrasp model: every size and choice that its weights depend on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

CHOICES = {
    "frame": ("anchor", "object"),
    "object_encoder": ("basis", "pointnet"),
    "vertex_encoder": ("ordered", "pointnet", "parameters"),
    "layers": ("residual", "plain"),
    "generator": ("diffusion", "cvae"),
    "sampler": ("ddim", "dpm", "ddpm"),
    "prediction": ("epsilon", "v"),
    "schedule": ("linear", "cosine"),
}


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and choices of the three stages. Lengths in metres.

    `frame`: the object is seen from an anchor on its surface, or (the paper) from its centroid. `points` within
    `radius` of the frame's origin are read. `query_points` hand vertices feel the cloud in the adaptation module (0: the
    paper's module, blind), which corrects the latent `rounds` times (0: no adaptation at all).

    `layers` "plain" are the paper's stacks of linear layers, PointNets with alignment nets, and an adaptation module
    with an object encoder of its own; "residual" are ours. `vertex_encoder` "parameters" reads the hand's numbers and
    not its mesh (the paper's Table 4). `generator` "cvae" is the baseline of Table 1: neither latents nor adaptation.
    `sampler` "ddpm" takes every one of `diffusion_steps`, "ddim" only `sampling_steps`. `guidance` 1 is the plain
    conditional prediction; the published code's weight w is `guidance` - 1.

    `noise_scale`: the standard deviation of the initial noise, in generating and for the hands that the later stages learn
    from; 1 is what the diffusion learned, and weights after a "self_training" carry 1 again. `implicit_shape_width`: of the field of
    the whole shape that the adaptation module also reads (0: none). `bone_frames`: it is told of vectors as the bones
    below its query_points see them, and answers with vectors in the wrist's frame (`networks/touch.py`). `evaluator_width`: of
    the network that scores the grasps (0: the analytic score of `ranking.py`). `completion_width`: of the network that
    guesses what a single view hides (0: it stays hidden).
    """

    name: str = "default"
    frame: str = "anchor"
    points: int = 256
    radius: float = 0.13
    object_encoder: str = "basis"
    object_width: int = 384
    vertex_encoder: str = "ordered"
    layers: str = "residual"
    generator: str = "diffusion"
    hand_width: int = 512
    latent: int = 64
    latent_noise: float = 0.01
    denoiser_width: int = 384
    denoiser_depth: int = 3
    prediction: str = "v"
    schedule: str = "cosine"
    diffusion_steps: int = 1000
    sampler: str = "ddim"
    sampling_steps: int = 20
    guidance: float = 1.0
    noise_scale: float = 1.0
    query_points: int = 128
    rounds: int = 3
    adaptation_width: int = 512
    adaptation_depth: int = 2
    implicit_shape_width: int = 0
    bone_frames: bool = False
    evaluator_width: int = 0
    completion_width: int = 0

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in CHOICES and value not in CHOICES[field.name]:
                raise ValueError(f"model.{field.name}: expected one of {CHOICES[field.name]}, got {value!r}")
            if field.type == "int" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(f"model.{field.name}: expected a whole number, 0 or more, got {value!r}")
            if field.type == "bool" and not isinstance(value, bool):
                raise ValueError(f"model.{field.name}: expected true or false, got {value!r}")
            if field.type == "float" and not isinstance(value, (int, float)):
                raise ValueError(f"model.{field.name}: expected a number, got {value!r}")
        if not 1 <= self.sampling_steps <= self.diffusion_steps:
            raise ValueError(f"model.sampling_steps: expected 1..{self.diffusion_steps}, got {self.sampling_steps}")
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        if self.generator == "cvae" and (self.rounds or self.query_points):
            raise ValueError("model.generator: a CVAE has no latents to adapt; expected rounds 0 and query_points 0 with it")
        if self.implicit_shape_width and (self.object_encoder != "basis" or not self.query_points):
            raise ValueError(
                "model.implicit_shape_width: the field is made of a basis encoder's features and read by query_points; expected "
                "object_encoder basis and query_points with it, or implicit_shape_width 0"
            )
        if self.bone_frames and not self.query_points:
            raise ValueError("model.bone_frames: they are those of query_points; expected query_points with them, or false")
        if self.evaluator_width and not self.query_points:
            raise ValueError("model.evaluator_width: the judge reads what query_points feel; expected query_points with it, or 0")
        if self.layers == "plain" and (self.object_encoder != "pointnet" or self.object_width != 1024 or self.query_points):
            raise ValueError(
                "model.layers: the paper's plain layers read the object with a PointNet of 1024 and feel nothing; "
                "expected object_encoder pointnet, object_width 1024 and query_points 0 with them"
            )

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
