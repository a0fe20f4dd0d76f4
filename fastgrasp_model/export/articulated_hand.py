"""A hand as an articulated body: sixteen links with hinges and limits, each of convex pieces of the skin.

The links are the joints of MANO in their order; link 0 is the palm, whose frame is the wrist. The frames of all links
are parallel to the hand's at rest (flat), so a link's rotation relative to its parent is the local rotation of MANO.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from fastgrasp_model.export.convex_pieces import convex_pieces, hull
from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, JOINT_NAMES, matrices_to_angles
from fastgrasp_model.hand.mano_layer import ManoLayer

HINGES = ("twist", "spread", "bend")


@dataclass(frozen=True)
class Link:
    """One link of the hand.

    name: that of its joint; parent: the index of its parent link, None for the palm; origin (3,): its joint relative to
    the parent's, metres, hand at rest; axes (3, 3): unit axes of twist, spread and bend, in this order from the parent;
    limits (3, 2): radians, lowest and highest; pieces: corners (n, 3) of convex bodies, metres, relative to its joint.
    The palm has neither axes nor limits.
    """

    name: str
    parent: int | None
    origin: np.ndarray
    axes: np.ndarray | None
    limits: np.ndarray | None
    pieces: tuple[np.ndarray, ...]

    def volumes(self) -> list[float]:
        """Compute the volume of each piece, m3."""
        from scipy.spatial import ConvexHull

        return [ConvexHull(piece).volume for piece in self.pieces]


@dataclass(frozen=True)
class ArticulatedHand:
    """A hand of one shape as links; `wrist` (3,): the wrist joint at rest with `transl` 0, metres."""

    side: str
    wrist: np.ndarray
    links: tuple[Link, ...]

    def hinge_names(self) -> list[str]:
        """Return the names of the 45 hinges, `index_mcp_twist` and so on, in the order of `HandArticulator.angles`."""
        return [f"{link.name}_{hinge}" for link in self.links[1:] for hinge in HINGES]


class HandArticulator:
    """Makes articulated hands of any shape from one layer; the skin is divided into pieces once."""

    def __init__(self, layer: ManoLayer) -> None:
        self.layer = layer
        self._axes = joint_axes(layer)
        self._pieces = convex_pieces(layer)

    def __call__(self, betas: np.ndarray | None = None, hand_pose: np.ndarray | None = None) -> ArticulatedHand:
        """Return the hand of shape `betas` (10,), default the mean hand.

        The pieces lie on the skin in the pose `hand_pose` (45,), axis-angles, default the flat hand, and move with
        their links in every other. Give the pose of a grasp where its contacts matter: skin bulges as a hand closes.
        """
        shape, pose = (
            self._axes.new_zeros(size) if given is None else torch.as_tensor(np.asarray(given)).to(self._axes)
            for given, size in ((betas, 10), (hand_pose, 45))
        )
        skin = self._skin_of_links(shape[None], pose[None])
        joints = self.layer.rest_joints(shape[None])[0].double().cpu().numpy()
        axes = self._axes.double().cpu().numpy()
        links = []
        for index, name in enumerate(JOINT_NAMES):
            parent = self.layer.parents[index] if index else None
            links.append(
                Link(
                    name=name,
                    parent=parent,
                    origin=joints[index] - joints[parent or 0],
                    axes=axes[index - 1] if index else None,
                    limits=JOINT_LIMITS[index - 1] if index else None,
                    pieces=tuple(hull(skin[index][ids]) for ids in self._pieces[index]),
                )
            )
        return ArticulatedHand(self.layer.side, joints[0], tuple(links))

    def _skin_of_links(self, betas: torch.Tensor, hand_pose: torch.Tensor) -> np.ndarray:
        """Return the posed skin as each link sees it, (16, 778, 3), relative to its joint in its own frame."""
        rotations = axis_angle_to_matrix(torch.cat([hand_pose.new_zeros(1, 3), hand_pose], 1).unflatten(-1, (16, 3)))
        pose = self.layer.pose_joints(betas, rotations, betas.new_zeros(1, 3))
        vertices = self.layer.skin(pose, betas, rotations)
        return ((vertices - pose.joints[0][:, None]) @ pose.rotations[0]).double().cpu().numpy()

    def angles(self, hand_pose: np.ndarray) -> np.ndarray:
        """Convert axis-angles (B, 45) to the angles (B, 45) of the hinges, radians; they may lie outside the limits."""
        pose = torch.as_tensor(np.asarray(hand_pose)).to(self.layer.v_template).unflatten(-1, (15, 3))
        return matrices_to_angles(axis_angle_to_matrix(pose), self._axes).flatten(1).double().cpu().numpy()
