"""The skin of some vertices of hands whose shape stays: what the optimiser poses some hundred times in a row."""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.hand.mano_layer import HandPose, ManoLayer


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
    """`ManoLayer.skin` for the vertices ids (V,) of hands of fixed shapes betas (B,10)."""

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
