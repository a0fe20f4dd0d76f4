"""The hand as synthesis sees it: layer, vertex sets that touch, joint axes, collision spheres, what opposes what."""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.rotations import matrix_to_axis_angle, rotation_6d_to_matrix
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.hand.anatomy import FINGER_JOINTS, joint_axes, pads, rest_normals
from fastgrasp_model.hand.joint_angles import angles_to_matrices
from fastgrasp_model.hand.mano_layer import ManoLayer
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, collision_spheres
from fastgrasp_synthesis.grasp_types import FINGERS, GRASP_TYPES, SETS, SIDES, TIPS, GraspType


class Hands:
    """A right-hand `ManoLayer` with everything synthesis asks of it, computed once, on one device.

    axes (15,3,3): the layer's `joint_axes`; spheres: its `collision_spheres`; pads: vertex ids by name; subset (W,):
    the vertices the optimiser looks at; subset_sets and full_sets: the S vertex sets SETS as indices into the subset
    and into all 778; presses (S,) bool: sets that press into the object, the others merely touch;
    type_weights (T,S): pull of each set; sides (T,2,S): weights of the two sides of the grip; fingers: the skin of
    the two outer phalanges of each finger, all round; keeping (T,15,3): how stiffly a joint angle keeps its start.
    """

    def __init__(self, layer: ManoLayer | None = None, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.layer = (layer or ManoLayer.from_file()).requires_grad_(False)
        self.axes = joint_axes(self.layer)
        self.spheres = collision_spheres(self.layer)
        owner = self.layer.weights.argmax(1)
        self.pads = {**pads(self.layer), **_finger_sides(self.layer, self.axes, owner)}
        self.subset = self._subset(owner)
        place = torch.full((VERTICES,), -1)
        place[self.subset] = torch.arange(len(self.subset))
        self.subset_sets = [place[self.pads[name]] for name in SETS]
        self.full_sets = [self.pads[name] for name in SETS]
        self.fingers = [torch.isin(owner, torch.tensor(FINGER_JOINTS[n][1:])).nonzero().squeeze(1) for n in TIPS]
        self.presses = torch.tensor([name in (*TIPS, *SIDES) for name in SETS])
        self.type_weights = torch.tensor([[kind.weights.get(name, 0.0) for name in SETS] for kind in GRASP_TYPES])
        self.sides = torch.stack([_sides(kind) for kind in GRASP_TYPES])
        self.keeping = torch.stack([_keeping(kind) for kind in GRASP_TYPES])
        if self.device.type != "cpu":
            self._move()

    def _subset(self, owner: Tensor) -> Tensor:
        chosen = torch.zeros(VERTICES, dtype=torch.bool)
        chosen[::3] = True
        # tips all round: what lies between the chosen vertices is what goes in too deep
        chosen |= torch.isin(owner, torch.tensor([chain[2] for chain in FINGER_JOINTS.values()]))
        roots = torch.tensor([FINGER_JOINTS[name][0] for name in FINGERS])
        chosen |= torch.isin(owner, roots) & (rest_normals(self.layer)[:, 1] < 0)  # and the webs of the palm
        for ids in self.pads.values():
            chosen[ids] = True
        return chosen.nonzero().squeeze(1)

    def _move(self) -> None:
        """Everything made on the CPU to the device."""
        self.layer = self.layer.to(self.device)
        self.spheres = CollisionSpheres(*(part.to(self.device) for part in self.spheres))
        self.pads = {name: ids.to(self.device) for name, ids in self.pads.items()}
        for name in ("axes", "subset", "presses", "type_weights", "sides", "keeping"):
            setattr(self, name, getattr(self, name).to(self.device))
        for name in ("subset_sets", "full_sets", "fingers"):
            setattr(self, name, [ids.to(self.device) for ids in getattr(self, name)])

    def rotations(self, orient6: Tensor, angles: Tensor) -> Tensor:
        """Local rotations (B,16,3,3) of a 6-D wrist rotation (B,6) and anatomical angles (B,15,3)."""
        return torch.cat([rotation_6d_to_matrix(orient6)[:, None], angles_to_matrices(angles, self.axes)], dim=1)

    def parameters(self, betas: Tensor, rotations: Tensor, transl: Tensor) -> Tensor:
        """The 61 parameters (B,61) of hands given by matrices."""
        return torch.cat([betas, matrix_to_axis_angle(rotations).flatten(1), transl], dim=1)


def _finger_sides(layer: ManoLayer, axes: Tensor, owner: Tensor) -> dict[str, Tensor]:
    """Vertex ids of SIDES: the skin of index and middle finger that faces the thumb side (+ spread)."""
    normals = rest_normals(layer)
    found = {}
    for name in SIDES:
        finger, part = name.split("_")
        chain = FINGER_JOINTS[finger]
        joints = chain[1:] if part == "side" else chain[:1]
        bone, up = axes[chain[0] - 1, 0], axes[chain[0] - 1, 1]  # the bone points to the wrist
        side = torch.nn.functional.normalize(torch.linalg.cross(bone, up), dim=0)  # where spreading moves the finger
        found[name] = (torch.isin(owner, torch.tensor(joints)) & (normals @ side > 0.6)).nonzero().squeeze(1)
    return found


def _sides(kind: GraspType) -> Tensor:
    """(2,S): what stands for the thumb's side of the grip and for the fingers' side."""
    first = ("thumb", "thumb_middle") if kind.against == "thumb" else ("palm",)
    rows = [[kind.weights.get(name, 0.0) if name in names else 0.0 for name in SETS] for names in (first, kind.opposed)]
    return torch.tensor(rows)


def _keeping(kind: GraspType) -> Tensor:
    """(15,3): idle fingers stay at ease, and no finger spreads far to find the surface."""
    stiffness = torch.ones(15, 3)
    stiffness[:, 1] = 3.0
    for finger, chain in FINGER_JOINTS.items():
        if not any(name.startswith(finger) for name in kind.weights):
            stiffness[[joint - 1 for joint in chain]] *= 6.0
    return stiffness
