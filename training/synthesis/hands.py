"""The hand as synthesis sees it: layer, touching vertex sets, joint axes, collision spheres, and the grasp types."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_model.geometry.rotations import matrix_to_axis_angle, rotation_6d_to_matrix
from fastgrasp_model.hand.anatomy import (
    FINGER_JOINTS,
    angles_to_matrices,
    collision_spheres,
    joint_axes,
    pads,
    rest_normals,
)
from fastgrasp_model.hand.mano import HandPose, ManoLayer

TIPS = ("thumb", "index", "middle", "ring", "pinky")
SETS = (*TIPS, *(f"{name}_middle" for name in TIPS), "palm")


@dataclass(frozen=True)
class GraspType:
    """What touches in a grasp of this type and how the hand starts.

    weights: pull per vertex set (missing = free); share: part of the candidates; postures: kinds of `sample_kind`;
    width: object widths in metres it is tried on; handle: seeks thin parts wherever they are.
    """

    name: str
    weights: dict[str, float]
    share: float
    postures: tuple[str, ...]
    width: tuple[float, float]
    handle: bool = False


_FOUR = {"thumb": 1.0, "index": 1.0, "middle": 1.0, "ring": 0.8}
_WRAP = {**_FOUR, "pinky": 0.7, "index_middle": 0.4, "middle_middle": 0.4, "ring_middle": 0.4, "pinky_middle": 0.3}

GRASP_TYPES = (
    GraspType("power", {**_WRAP, "palm": 1.0, "thumb_middle": 0.2}, 0.30, ("power", "sphere"), (0.018, 0.085)),
    GraspType("handle", {**_WRAP, "palm": 0.8}, 0.14, ("power",), (0.008, 0.045), True),
    GraspType("five", {**_FOUR, "pinky": 0.7}, 0.18, ("sphere", "precision"), (0.015, 0.085)),
    GraspType("four", _FOUR, 0.16, ("precision", "sphere"), (0.008, 0.080)),
    GraspType("tripod", {"thumb": 1.0, "index": 1.0, "middle": 1.0}, 0.12, ("precision",), (0.005, 0.060)),
    GraspType("pinch", {"thumb": 1.0, "index": 1.0}, 0.04, ("precision",), (0.004, 0.050)),
    GraspType(
        "palm",
        {
            "index": 0.8,
            "middle": 1.0,
            "ring": 1.0,
            "pinky": 0.8,
            "palm": 1.2,
            "index_middle": 0.4,
            "middle_middle": 0.4,
            "ring_middle": 0.4,
        },
        0.06,
        ("power",),
        (0.015, 0.060),
    ),
)
TYPE_NAMES = tuple(kind.name for kind in GRASP_TYPES)


class Hands:
    """A right-hand `ManoLayer` with everything synthesis asks of it, computed once."""

    def __init__(self, layer: ManoLayer | None = None) -> None:
        self.layer = (layer or ManoLayer.from_file()).requires_grad_(False)
        self.axes = joint_axes(self.layer)
        self.spheres = collision_spheres(self.layer)
        self.pads = pads(self.layer)
        chosen = torch.zeros(778, dtype=torch.bool)
        chosen[::3] = True
        # tips all round: what lies between the chosen vertices is what goes in too deep
        owner = self.layer.weights.argmax(1)
        chosen |= torch.isin(owner, torch.tensor([chain[2] for chain in FINGER_JOINTS.values()]))
        roots = torch.tensor([FINGER_JOINTS[name][0] for name in TIPS[1:]])
        chosen |= torch.isin(owner, roots) & (rest_normals(self.layer)[:, 1] < 0)  # and the webs of the palm
        for ids in self.pads.values():
            chosen[ids] = True
        self.subset = chosen.nonzero().squeeze(1)  # the vertices the optimiser looks at
        place = torch.full((778,), -1)
        place[self.subset] = torch.arange(len(self.subset))
        self.subset_sets = [place[self.pads[name]] for name in SETS]
        self.full_sets = [self.pads[name] for name in SETS]
        # one row per finger: all skin of its two outer phalanges; and the palm
        self.fingers = [torch.cat([self.pads[n], self.pads[f"{n}_middle"]]) for n in TIPS]
        self.type_weights = torch.tensor([[kind.weights.get(name, 0.0) for name in SETS] for kind in GRASP_TYPES])

    def rotations(self, orient6: Tensor, angles: Tensor) -> Tensor:
        """Local rotations (B,16,3,3) of a 6-D wrist rotation (B,6) and anatomical angles (B,15,3)."""
        return torch.cat([rotation_6d_to_matrix(orient6)[:, None], angles_to_matrices(angles, self.axes)], dim=1)

    def pose(self, betas: Tensor, rotations: Tensor, transl: Tensor) -> HandPose:
        """The posed skeleton, see `ManoLayer.pose_joints`."""
        return self.layer.pose_joints(betas, rotations, transl)

    def parameters(self, betas: Tensor, rotations: Tensor, transl: Tensor) -> Tensor:
        """The 61 parameters (B,61) of hands given by matrices."""
        return torch.cat([betas, matrix_to_axis_angle(rotations).flatten(1), transl], dim=1)
