"""The differentiable MANO layer: shape, pose and place of a hand to its 778 vertices and 16 joints.

Written from the paper (Romero, Tzionas, Black, "Embodied Hands: Modeling and Capturing Hands and Bodies Together", ACM
TOG 36(6), 2017, equations 1-5), without chumpy, smplx or manopth. Conventions of every function here:

- metres and radians; the pose is the axis-angle of each joint relative to the flat hand, never PCA;
- `transl` as in smplx: the global rotation turns about the wrist joint at its rest place, then `transl` is added, so
  the wrist lies at `rest_joints(betas)[:, 0] + transl`;
- the 61 parameters are [betas 10 | global_orient 3 | hand_pose 45 | transl 3].
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand import checked_side
from fastgrasp_model.hand.mano_file import JOINT_COUNT, SHAPE_COUNT, HandModelError, load_hand_file
from fastgrasp_model.hand.topology import close_wrist, mirrored_model, side_of

PARAMETER_COUNT = 61
_SIZES = [SHAPE_COUNT, 3, 45, 3]
OPEN_HAND = Path(__file__).parent / "data" / "open_hand.npz"
# Fingertip vertices of MANO's mesh (thumb, index, middle, ring, pinky) as manopth and manotorch take them.
TIP_IDS = (745, 317, 444, 556, 673)


class HandOutput(NamedTuple):
    """Posed hands in metres: `vertices` (B, 778, 3), or the chosen ones, and `joints` (B, 16, 3)."""

    vertices: Tensor
    joints: Tensor


class HandPose(NamedTuple):
    """Posed skeletons: global `rotations` (B, 16, 3, 3), `joints` and `rest_joints` (B, 16, 3).

    A point p of the rest hand that moves with joint j goes to rotations[j] (p - rest_joints[j]) + joints[j].
    """

    rotations: Tensor
    joints: Tensor
    rest_joints: Tensor


class ManoLayer(nn.Module):
    """A hand model as a torch module without parameters; all its arrays are buffers and follow `.to(device)`.

    Attributes: `faces` (1538, 3) long, open at the wrist; `closed_faces` (1552, 3) long, watertight; `side` "right" or
    "left"; `name` of the hand ("open hand" or the file's name); `tip_ids` (5,) long; `parents` of the 16 joints.
    """

    faces: Tensor
    closed_faces: Tensor
    tip_ids: Tensor
    v_template: Tensor
    weights: Tensor

    def __init__(
        self, model: dict[str, np.ndarray], side: str = "right", name: str = "hand", dtype: torch.dtype = torch.float32
    ) -> None:
        """Take a `model` of `load_hand_file`, mirrored in x where its side is not `side`."""
        super().__init__()
        checked_side(side)
        if side_of(model) != side:
            model = mirrored_model(model)
        self.side, self.name = side, name
        self.parents: list[int] = model["kintree_table"][0].tolist()
        order, self._levels = _tree_levels(self.parents)
        self._register(model, np.array(order), dtype)

    @classmethod
    def from_file(
        cls, path: str | Path | None = None, side: str = "right", dtype: torch.dtype = torch.float32
    ) -> ManoLayer:
        """Load the layer of a hand file (.pkl or .npz, see `load_hand_file`).

        Without a path: the file named by the environment variable FASTGRASP_HAND, else the open hand of the package.
        A file of the other side is mirrored in x. Raises HandModelError (missing or damaged file).
        """
        chosen = path or os.environ.get("FASTGRASP_HAND") or OPEN_HAND
        name = "open hand" if chosen == OPEN_HAND else Path(chosen).name
        model = load_hand_file(chosen)
        try:
            return cls(model, side=side, name=name, dtype=dtype)
        except HandModelError as error:
            raise HandModelError(f"{chosen}: {error}") from error

    def _register(self, model: dict[str, np.ndarray], order: np.ndarray, dtype: torch.dtype) -> None:
        regressor = model["J_regressor"]
        blend = np.concatenate([model["shapedirs"], model["posedirs"]], axis=2)  # (778, 3, 10 + 135)
        joints = regressor @ model["v_template"]
        joint_shapes = np.einsum("jv,vxk->kjx", regressor, model["shapedirs"])
        parents = np.array([0, *self.parents[1:]])  # bones run from the parent, the root's from the origin
        bones, bone_shapes = joints - joints[parents], joint_shapes - joint_shapes[:, parents]
        bones[0], bone_shapes[:, 0] = joints[0], joint_shapes[:, 0]
        floats = {
            **{key: model[key] for key in ("v_template", "weights", "hands_mean", "hands_components")},
            "rest_joints_template": joints,  # (16, 3)
            "joint_shapedirs": joint_shapes.reshape(SHAPE_COUNT, JOINT_COUNT * 3),
            "_bone_template": bones[order].reshape(-1),
            "_bone_shapedirs": bone_shapes[:, order].reshape(SHAPE_COUNT, JOINT_COUNT * 3),
            # Coordinates before vertices: the blend is one matmul, skinning works on whole planes.
            "_blend": blend.transpose(2, 1, 0),  # (145, 3, 778)
            "_template_planes": model["v_template"].T,  # (3, 778)
            "_weights_t": model["weights"].T,  # (16, 778)
        }
        integers = {
            "faces": model["f"],
            "closed_faces": close_wrist(model["f"]),
            "tip_ids": model.get("tip_ids", np.array(TIP_IDS)),
            "_level_order": order,
            "_joint_order": np.argsort(order),
        }
        for arrays, kind in ((floats, dtype), (integers, torch.long)):
            for key, array in arrays.items():
                self.register_buffer(key, torch.as_tensor(np.ascontiguousarray(array), dtype=kind), persistent=False)

    @property
    def dtype(self) -> torch.dtype:
        """Return the floating type of the layer and of what it returns."""
        return self.v_template.dtype

    def rest_joints(self, betas: Tensor) -> Tensor:
        """Compute the joints (B, 16, 3), metres, of the flat hand of shape `betas` (B, 10), before `transl`."""
        return self.rest_joints_template + (betas @ self.joint_shapedirs).unflatten(-1, (JOINT_COUNT, 3))

    def wrist_at_rest(self, betas: Tensor) -> Tensor:
        """Return the wrist joint (B, 3) of shapes betas (B, 10) with `transl` 0, metres; no rotation moves it."""
        return self.rest_joints(betas)[:, 0]

    def forward(self, betas: Tensor, global_orient: Tensor, hand_pose: Tensor, transl: Tensor) -> HandOutput:
        """Pose hands: betas (B, 10), axis-angles (B, 3) and (B, 45), radians, transl (B, 3), metres.

        All of the layer's dtype and device; each finger joint's axis-angle is in its parent's frame. Gradients are
        finite everywhere, also at the zero rotation and at half a turn.
        """
        axis_angles = torch.cat([global_orient, hand_pose], -1).unflatten(-1, (JOINT_COUNT, 3))
        return self.from_matrices(betas, axis_angle_to_matrix(axis_angles), transl)

    def exported(self) -> torch.export.ExportedProgram:
        """Return the layer as a torch.export program of any batch size, to save with `torch.export.save`.

        It takes the arguments of `forward` in this layer's dtype and on its device, gives the plain tuple (vertices,
        joints), and needs no FastGrasp where it is loaded.
        """
        batch = torch.export.Dim("batch", min=1)
        example = tuple(self.v_template.new_zeros(2, size) for size in _SIZES)
        return torch.export.export(_PlainTuple(self), example, dynamic_shapes=tuple({0: batch} for _ in _SIZES))

    def from_parameters(self, parameters: Tensor) -> HandOutput:
        """Pose hands from the 61 parameters (B, 61). Raises ValueError for another shape."""
        if parameters.ndim != 2 or parameters.shape[1] != PARAMETER_COUNT:
            raise ValueError(f"expected parameters of shape (B, {PARAMETER_COUNT}), got {tuple(parameters.shape)}")
        return self(*parameters.split(_SIZES, dim=1))

    def from_matrices(
        self, betas: Tensor, rotations: Tensor, transl: Tensor, vertex_ids: Tensor | None = None,
        pose_correctives: bool = True,
    ) -> HandOutput:  # fmt: skip
        """Pose hands: betas (B, 10), local rotations (B, 16, 3, 3), the global one first, transl (B, 3).

        `vertex_ids` (V,) long skins only these vertices, in this order; `pose_correctives=False` leaves out MANO's pose
        blend shapes (millimetres at bent joints).
        """
        pose = self.pose_joints(betas, rotations, transl)
        return HandOutput(self.skin(pose, betas, rotations, vertex_ids, pose_correctives), pose.joints)

    def pose_joints(self, betas: Tensor, rotations: Tensor, transl: Tensor) -> HandPose:
        """Pose the skeleton alone, level by level down the tree; arguments of `from_matrices`."""
        rest = self.rest_joints(betas)
        bones = (self._bone_template + betas @ self._bone_shapedirs).view(-1, JOINT_COUNT, 3, 1)  # level order
        local = rotations.index_select(1, self._level_order)
        rotated, origins = [local[:, :1]], [bones[:, :1] + transl[:, None, :, None]]
        for start, stop, places in self._levels:
            above, origin = rotated[-1], origins[-1]
            if places is not None:
                above, origin = above[:, places], origin[:, places]
            origins.append(origin + above @ bones[:, start:stop])
            rotated.append(above @ local[:, start:stop])
        joints = torch.cat(origins, 1).squeeze(-1).index_select(1, self._joint_order)
        return HandPose(torch.cat(rotated, 1).index_select(1, self._joint_order), joints, rest)

    def skin(
        self, pose: HandPose, betas: Tensor, rotations: Tensor, vertex_ids: Tensor | None = None,
        pose_correctives: bool = True,
    ) -> Tensor:  # fmt: skip
        """Compute the vertices (B, 778, 3), or (B, V, 3) for `vertex_ids` (V,), of a pose of `pose_joints`."""
        template, blend, weights = self._template_planes, self._blend, self._weights_t
        if vertex_ids is not None:
            template, blend, weights = template[:, vertex_ids], blend[..., vertex_ids], weights[:, vertex_ids]
        count = template.shape[1]
        coefficients = betas
        if pose_correctives:
            identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
            coefficients = torch.cat([betas, (rotations[:, 1:] - identity).flatten(1)], 1)  # (B, 145)
        used = blend[: coefficients.shape[1]].reshape(coefficients.shape[1], 3 * count)
        shaped = torch.addmm(template.reshape(1, -1), coefficients, used).view(-1, 1, 3, count)
        # One matrix [R | t] per joint that acts on rest points, and its blend per vertex.
        offsets = pose.joints - (pose.rotations @ pose.rest_joints[..., None]).squeeze(-1)  # (B, 16, 3)
        linear = (pose.rotations.flatten(2).transpose(1, 2) @ weights).view(-1, 3, 3, count)
        return ((linear * shaped).sum(2) + offsets.transpose(1, 2) @ weights).transpose(1, 2).contiguous()


class _PlainTuple(nn.Module):
    """A layer that returns a plain tuple, so that a saved program loads without this package."""

    def __init__(self, layer: ManoLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, betas: Tensor, global_orient: Tensor, hand_pose: Tensor, transl: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(self.layer(betas, global_orient, hand_pose, transl))


def _tree_levels(parents: list[int]) -> tuple[list[int], list[tuple[int, int, list[int] | None]]]:
    """Order the joints by depth, and return (start, stop, places) in that order for each depth below the root.

    `places` are those of the parents within the depth above, None where they are all of it, in the same order.
    """
    order, levels, above = [0], [], [0]
    while True:
        children = [joint for joint, parent in enumerate(parents) if joint and parent in above]
        if not children:
            return order, levels
        places = [above.index(parents[child]) for child in children]
        levels.append((len(order), len(order) + len(children), None if places == list(range(len(above))) else places))
        order, above = order + children, children
