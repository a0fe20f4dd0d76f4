"""Many hands on several objects at once, pulled into grasps by Adam on an energy of contact, penetration and balance.

The energy follows Liu et al. 2021 ("Synthesizing diverse and physically stable grasps ... using differentiable force
closure estimator") and Wang et al. 2023 (DexGraspNet), but the force shares of the contacts are solved for at each look
(as in BODex, Chen et al. 2025), the normals are differentiable, and only pads press into the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_evaluation.physics import contacts as contact
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_model.geometry.rotations import matrix_to_rotation_6d
from fastgrasp_model.hand.anatomy import FINGER_JOINTS
from fastgrasp_model.hand.joint_angles import DIP_PER_PIP, JOINT_LIMITS, limit_violation
from fastgrasp_model.hand.mano_layer import HandPose, ManoLayer
from fastgrasp_synthesis.grasp_types import FINGERS
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.starts import Rows, Starts

SLOW = 4  # self-collision and balance are looked at every SLOW steps, with SLOW times their weight
SLACK = 0.35  # radians the outermost joint of a finger may differ from what follows the middle joint
FLESH = 0.0045  # metres a surface may press towards the bones
CHUNK = 96  # hands optimised together on a CPU: what they need fits its cache
_PIP, _DIP = ([FINGER_JOINTS[name][place] - 1 for name in FINGERS] for place in (1, 2))


@dataclass(frozen=True)
class OptimiseSettings:
    """Weights of the energy (per metre where it is a length) and the course of the optimisation."""

    steps: int = 120
    screen: int = 8  # starts drawn for each hand that is optimised; the best by a first look go on
    orient_rate: float = 0.012
    transl_rate: float = 0.0025
    angle_rate: float = 0.025
    pad_press: float = 0.0013  # metres the pads of thumb and fingers go into the surface
    other_press: float = 0.0003  # the same for phalanges and palm
    contact: float = 100.0
    penetration_from: float = 5.0
    penetration_to: float = 50.0
    deepest: float = 300.0  # on the greatest depth beyond what is allowed
    through: float = 150.0  # on the hand's spheres, which see a wall too thin for the skin on both its sides
    balance: float = 0.6
    opposition: float = 0.15
    limits: float = 20.0
    collision: float = 30.0
    posture: float = 0.05
    coupling: float = 0.5  # of the outermost joints to the middle ones


class _Moved(torch.autograd.Function):
    """Planes [R | t] (B,12,V) act on points (B,3,V): R p + t, with a backward that makes no spare copies."""

    @staticmethod
    def forward(ctx, planes: Tensor, points: Tensor) -> Tensor:
        ctx.save_for_backward(planes, points)
        turn = planes[:, :9].unflatten(1, (3, 3))
        out = torch.addcmul(planes[:, 9:], turn[:, :, 0], points[:, :1])
        return out.addcmul_(turn[:, :, 1], points[:, 1:2]).addcmul_(turn[:, :, 2], points[:, 2:])

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        planes, points = ctx.saved_tensors
        turn = planes[:, :9].unflatten(1, (3, 3))
        on_planes = torch.empty_like(planes)
        torch.mul(grad[:, :, None], points[:, None], out=on_planes[:, :9].unflatten(1, (3, 3)))
        on_planes[:, 9:] = grad
        on_points = turn[:, 0] * grad[:, :1]
        return on_planes, on_points.addcmul_(turn[:, 1], grad[:, 1:2]).addcmul_(turn[:, 2], grad[:, 2:])


class FixedShapeSkin:
    """`ManoLayer.skin` for the vertices ids (V,) of hands of fixed shapes betas (B,10), posed many times in a row."""

    def __init__(self, layer: ManoLayer, betas: Tensor, ids: Tensor) -> None:
        shapes = betas.shape[1]
        blend = layer._blend[..., ids].flatten(1)  # (145,3V)
        self.shaped = layer._template_planes[:, ids].reshape(1, -1) + betas @ blend[:shapes]  # (B,3V)
        self.pose_blend, self.weights = blend[shapes:].contiguous(), layer._weights_t[:, ids].contiguous()
        self.identity = torch.eye(3, dtype=betas.dtype, device=betas.device)

    def __call__(self, pose: HandPose, rotations: Tensor) -> Tensor:
        """Vertices (B,V,3), a view of planes (B,3,V), of a skeleton and its local rotations (B,16,3,3)."""
        bends = (rotations[:, 1:] - self.identity).flatten(1)
        points = torch.addmm(self.shaped, bends, self.pose_blend).unflatten(1, (3, -1))
        offsets = pose.joints - (pose.rotations @ pose.rest_joints[..., None]).squeeze(-1)
        matrices = torch.cat([pose.rotations.flatten(2), offsets], dim=2).transpose(1, 2)  # (B,12,16)
        return _Moved.apply(matrices @ self.weights, points).transpose(1, 2)


@dataclass
class Optimised(Rows):
    """B hands after the optimisation: betas (B,10), rotations (B,16,3,3), transl (B,3), object and kind (B,)."""

    betas: Tensor
    rotations: Tensor
    transl: Tensor
    object: Tensor
    kind: Tensor


class Optimiser:
    """Runs batches of starts to grasps. One `Hands` for all; not thread safe, deterministic on one thread."""

    def __init__(self, hands: Hands, settings: OptimiseSettings | None = None) -> None:
        self.hands, self.settings = hands, settings or OptimiseSettings()
        s = self.settings
        self.members = contact.membership(hands.subset_sets, len(hands.subset))
        self.press = torch.where(hands.presses, s.pad_press, s.other_press)
        pressing = self.members @ hands.presses.to(self.members) > 0  # (W,)
        self.allowance = torch.where(pressing, s.pad_press + 0.0004, s.other_press)

    def screened(self, starts: Starts, grids: SignedDistanceGrids, keep: int) -> Starts:
        """The `keep` starts that look best (contact and penetration), an equal share for every object."""
        with torch.no_grad():
            rotations = self.hands.rotations(matrix_to_rotation_6d(starts.orient), starts.angles)
            pose = self.hands.layer.pose_joints(starts.betas, rotations, starts.transl)
            vertices = self.hands.layer.skin(pose, starts.betas, rotations, self.hands.subset)
            distance = grids.query(vertices, starts.object)
            reach, _ = contact.soft_contacts(vertices, distance, self.members)
            energy = self._contact(reach, starts.kind) * 100 + 10 * contact.penetration(distance, self.allowance)
            energy = energy + 50 * self._through(pose, starts.object, grids)
        objects, kept = starts.object.unique(), []
        share = keep // len(objects)
        for obj in objects:
            rows = (starts.object == obj).nonzero().squeeze(1)
            kept.append(_best_by_kind(rows, energy[rows], starts.kind[rows], share))
        return starts.pick(torch.cat(kept))

    def run(self, starts: Starts, grids: SignedDistanceGrids) -> Optimised:
        """Optimise all starts, on a CPU in chunks; joint angles end inside their limits."""
        size = CHUNK if self.hands.device.type == "cpu" else len(starts.kind)
        return Optimised.join([self._run(starts.pick(rows), grids) for rows in _rows(starts.kind).split(size)])

    def _run(self, starts: Starts, grids: SignedDistanceGrids) -> Optimised:
        s = self.settings
        skin = FixedShapeSkin(self.hands.layer, starts.betas, self.hands.subset)
        orient = matrix_to_rotation_6d(starts.orient).requires_grad_()
        transl = starts.transl.clone().requires_grad_()
        angles = starts.angles.clone().requires_grad_()
        rates = (s.orient_rate, s.transl_rate, s.angle_rate)
        groups = [{"params": [p], "lr": r} for p, r in zip((orient, transl, angles), rates, strict=True)]
        adam = torch.optim.Adam(groups, betas=(0.9, 0.99), foreach=True)
        for step in range(s.steps):
            factor = 1.0 if step < 0.6 * s.steps else 0.4 if step < 0.85 * s.steps else 0.16
            for group, rate in zip(adam.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            adam.zero_grad(set_to_none=True)
            self._energy(starts, skin, orient, transl, angles, grids, step).sum().backward()
            adam.step()
        with torch.no_grad():
            low, high = torch.as_tensor(JOINT_LIMITS, dtype=angles.dtype, device=angles.device).unbind(-1)
            rotations = self.hands.rotations(orient, torch.minimum(torch.maximum(angles, low), high))
        return Optimised(starts.betas, rotations, transl.detach(), starts.object, starts.kind)

    def _energy(self, starts: Starts, skin: FixedShapeSkin, orient: Tensor, transl: Tensor, angles: Tensor,
                grids: SignedDistanceGrids, step: int) -> Tensor:  # fmt: skip
        s, hands = self.settings, self.hands
        progress = min(1.0, step / (0.6 * s.steps))
        rotations = hands.rotations(orient, angles)
        pose = hands.layer.pose_joints(starts.betas, rotations, transl)
        vertices = skin(pose, rotations)
        distance = grids.query(vertices, starts.object)
        reach, places = contact.soft_contacts(vertices, distance, self.members)
        inside = s.penetration_from + (s.penetration_to - s.penetration_from) * progress
        energy = s.contact * self._contact(reach, starts.kind) + inside * contact.penetration(distance, self.allowance)
        energy = energy + s.deepest * progress * contact.greatest_depth(distance + self.allowance)
        energy = energy + s.through * self._through(pose, starts.object, grids)
        energy = energy + s.limits * limit_violation(angles).square().sum((1, 2))
        kept = hands.keeping[starts.kind]
        energy = energy + s.posture * (kept * (angles - starts.angles).square()).sum((1, 2))
        energy = energy + s.coupling * unlike_a_finger(angles)
        if step % SLOW == 0:
            energy = energy + SLOW * s.collision * hands.spheres.overlap(pose).sum(1)
        elif step % SLOW == 2:
            energy = energy + SLOW * self._balance(places(), starts, grids)
        return energy

    def _through(self, pose: HandPose, objects: Tensor, grids: SignedDistanceGrids) -> Tensor:
        """How much nearer than their radii the spheres along the bones are to the surface: (B,) metres."""
        room = grids.query(self.hands.spheres.centres(pose), objects)
        return torch.relu(self.hands.spheres.radii - FLESH - room).sum(1)

    def _contact(self, reach: Tensor, kind: Tensor) -> Tensor:
        """Weighted distance of the type's vertex sets from where they should be: (B,) metres."""
        off = (reach + self.press).abs()  # (B,S)
        return (self.hands.type_weights[kind] * off).sum(1)

    def _balance(self, places: Tensor, starts: Starts, grids: SignedDistanceGrids) -> Tensor:
        """Force-closure residual and opposition of thumb and fingers (or palm and fingers)."""
        normals = contact.smooth_normals(grids, places, starts.object)
        weights = self.hands.type_weights[starts.kind]
        centre = torch.zeros(3, device=places.device)
        forces = contact.balanced_forces(places, normals, weights > 0, centre, rounds=15)
        residual = contact.force_closure_residual(places, normals, forces, centre)
        thumb, others = self.hands.sides[starts.kind].unbind(1)
        return self.settings.balance * residual + self.settings.opposition * contact.opposition(normals, thumb, others)


def _rows(like: Tensor) -> Tensor:
    return torch.arange(len(like), device=like.device)


def unlike_a_finger(angles: Tensor) -> Tensor:
    """How far the outermost joints of the long fingers are from what moves with the middle ones: (B,) radians squared.

    One tendon bends both (Lin, Wu, Huang 2000: DIP = 2/3 PIP); a pad that is pressed flat or hooks may differ by SLACK.
    """
    middle, last = angles[:, _PIP, 2], angles[:, _DIP, 2]
    return torch.relu((last - DIP_PER_PIP * middle).abs() - SLACK).square().sum(1)


def _best_by_kind(rows: Tensor, energy: Tensor, kind: Tensor, share: int) -> Tensor:
    """Of one object's rows the `share` best, so that each kind keeps its proportion."""
    order = torch.argsort(energy)
    rank = torch.empty(len(rows), device=rows.device)
    for k in kind.unique():
        mine = order[kind[order] == k]
        rank[mine] = (_rows(mine) + 0.5) / len(mine)
    return rows[torch.argsort(rank, stable=True)[:share]]
