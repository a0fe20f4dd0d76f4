"""Signed distance grids of many objects in one flat store, looked up by trilinear interpolation.

All grids lie one behind the other in a single float16 (or float32) array, so that one batch mixes objects of different
extent (torch's `grid_sample` needs one shape), and the gradient of the interpolant is computed together with its value:
one autograd node instead of fifty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

STRIDE = 3  # every third node is exact, the nodes between only near the surface
BAND = 3.0  # nodes nearer than this many spacings get an exact distance


class SignedDistanceError(ValueError):
    """No signed distance grid can be made from the mesh; the message says why."""


class _Trilinear(torch.autograd.Function):
    """Interpolated value with its analytic gradient, which is not differentiated further."""

    @staticmethod
    def forward(ctx, points: Tensor, index: Tensor, grids: SignedDistanceGrids) -> tuple[Tensor, Tensor]:
        value, gradient = grids._interpolate(points, index)
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(gradient)
        return value, gradient

    @staticmethod
    def backward(ctx, grad_value: Tensor, _grad_gradient: Tensor):
        (gradient,) = ctx.saved_tensors
        return grad_value.unsqueeze(-1) * gradient, None, None


class SignedDistanceGrids:
    """Signed distances of G objects: metres, each in its object's frame, negative inside.

    values (T,): all grids, x slowest, z fastest; offsets (G,): first value of a grid; shapes (G,3): nodes per axis;
    origins (G,3): place of node 0; spacings (G,): metres between nodes.
    """

    def __init__(self, values: Tensor, offsets: Tensor, shapes: Tensor, origins: Tensor, spacings: Tensor) -> None:
        self.values, self.offsets, self.shapes = values, offsets.long(), shapes.long()
        self.origins, self.spacings = origins.float(), spacings.float()

    @classmethod
    def from_meshes(
        cls, meshes: Sequence[tuple[np.ndarray, np.ndarray]], cells: int = 64, padding: float = 0.02,
        dtype: torch.dtype = torch.float16,
    ) -> SignedDistanceGrids:  # fmt: skip
        """Compute the grids of meshes (vertices (V,3) in metres, faces (F,3)).

        cells: nodes along the longest side, padding included; padding: metres of air around the object.
        Raises SignedDistanceError for no mesh, and for an empty or not finite one.
        """
        if not len(meshes):
            raise SignedDistanceError("no meshes were given; at least one is needed")
        grids, origins, spacings = zip(*(mesh_distance_grid(*mesh, cells, padding) for mesh in meshes), strict=True)
        return cls(
            torch.cat([torch.from_numpy(grid.reshape(-1)).to(dtype) for grid in grids]),
            torch.tensor(np.cumsum([0, *(grid.size for grid in grids[:-1])])),
            torch.tensor([grid.shape for grid in grids]), torch.tensor(np.stack(origins)), torch.tensor(spacings),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def device(self) -> torch.device:
        return self.values.device

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> SignedDistanceGrids:
        """Return the same grids on another device, or stored as another float type."""
        others = [t.to(device) for t in (self.offsets, self.shapes, self.origins, self.spacings)]
        return SignedDistanceGrids(self.values.to(device=device, dtype=dtype), *others)

    def query(self, points: Tensor, index: Tensor) -> Tensor:
        """Look up the signed distance (B,N) of points (B,N,3), row b to object index[b]. Differentiable."""
        return self.query_with_normals(points, index, unit=False)[0]

    def query_with_normals(self, points: Tensor, index: Tensor, unit: bool = True) -> tuple[Tensor, Tensor]:
        """Look up distances (B,N) and outward normals (B,N,3) at points (B,N,3) of objects index (B,).

        The distance is differentiable in the points, the normals are constants to autograd. Outside a grid: the
        distance at the nearest point of its box plus the distance to the box. Without `unit`: the plain gradient.
        """
        value, gradient = _Trilinear.apply(points, index, self)
        return value, gradient / gradient.norm(dim=-1, keepdim=True).clamp_min(1e-9) if unit else gradient

    def _interpolate(self, points: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Compute value (B,N) and gradient (B,N,3) of the interpolant; no autograd.

        Works on planes, (B,3,N) and (corners,B,N): points that are a transposed view of planes cost no copy.
        """
        spacing = self.spacings[index].to(points.dtype)[:, None, None]  # (B,1,1)
        local = points.transpose(1, 2).contiguous() - self.origins[index].to(points.dtype)[..., None]
        local = local.div_(spacing)  # (B,3,N) in cells
        shapes = self.shapes[index][..., None]  # (B,3,1)
        last = (shapes - 1).to(points.dtype)
        clamped = torch.minimum(local.clamp_min(0.0), last)
        cell = torch.minimum(clamped.floor(), last - 1)  # lower corner
        fx, fy, fz = (clamped - cell).unbind(1)  # (B,N)
        step_y = shapes[:, 2]  # (B,1)
        step_x = shapes[:, 1] * step_y
        x, y, z = cell.to(torch.int32).unbind(1)
        flat = (x * step_x.int()).add_(y * step_y.int()).add_(z).long().add_(self.offsets[index][:, None])
        corners = [dx * step_x + dy * step_y + dz for dx in (0, 1) for dz in (0, 1) for dy in (0, 1)]
        flat = flat + torch.stack(corners)  # (8,B,N)
        look = self.values.index_select(0, flat.view(-1)).view(flat.shape).to(points.dtype)
        slope_x = look[4:] - look[:4]  # at (z,y) = 00 01 10 11
        across = torch.addcmul(look[:4], slope_x, fx).view(2, 2, *fx.shape)  # (z,y,B,N)
        slope_x = slope_x.view(2, 2, *fx.shape)
        slope_x = torch.lerp(slope_x[:, 0], slope_x[:, 1], fy)  # (z,B,N)
        slope_y = across[:, 1] - across[:, 0]
        low, high = torch.addcmul(across[:, 0], slope_y, fy)
        slope_z = high - low
        slopes = torch.stack([torch.lerp(*slope_x, fz), torch.lerp(*slope_y, fz), slope_z], dim=1)
        outside = local.sub_(clamped).mul_(spacing)  # (B,3,N) zero within the box
        beyond = outside.square().sum(1).sqrt_()
        away = outside / beyond.clamp_min(1e-12)[:, None]
        slopes.mul_((1.0 - outside.sign().abs_()) / spacing)  # a clamped axis no longer moves the look-up
        return torch.addcmul(low, slope_z, fz).add_(beyond), slopes.add_(away).transpose(1, 2)


def mesh_distance_grid(
    vertices: np.ndarray, faces: np.ndarray, cells: int = 64, padding: float = 0.02
) -> tuple[np.ndarray, np.ndarray, float]:
    """Compute one object's grid: values (X,Y,Z) float32, origin (3,) and spacing, all in metres.

    Exact within `BAND` spacings of the surface; farther away interpolated from every `STRIDE`-th node, which is exact.
    """
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    faces = np.ascontiguousarray(faces, dtype=np.int64)
    if vertices.ndim != 2 or vertices.shape[1:] != (3,) or not len(faces) or not np.isfinite(vertices).all():
        raise SignedDistanceError(
            f"mesh of {vertices.shape} vertices and {faces.shape} faces: expected finite (V,3) and at least one face"
        )
    low, high = vertices.min(0) - padding, vertices.max(0) + padding
    spacing = float((high - low).max() / max(cells - 1, STRIDE))
    blocks = np.maximum(np.ceil((high - low) / (spacing * STRIDE) - 1e-6).astype(int), 1)
    axes = [low[a] + spacing * STRIDE * np.arange(blocks[a] + 1) for a in range(3)]
    coarse_points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    coarse = signed_distances(coarse_points.reshape(-1, 3), vertices, faces).reshape(blocks + 1)
    values = _refine(coarse)  # (X,Y,Z), X = 3 blocks + 1
    near = np.argwhere(np.abs(values) < (BAND + 0.5) * spacing)
    values[tuple(near.T)] = signed_distances(low + spacing * near, vertices, faces)
    return values.astype(np.float32), low.astype(np.float32), spacing


def _refine(values: np.ndarray) -> np.ndarray:
    """Interpolate a grid linearly to STRIDE times as many steps along each axis."""
    steps = np.arange(STRIDE).reshape(1, STRIDE, 1, 1) / STRIDE
    for axis in range(3):
        first = np.moveaxis(values, axis, 0)
        between = first[:-1, None] * (1 - steps) + first[1:, None] * steps  # (n, STRIDE, ., .)
        fine = np.concatenate([between.reshape(-1, *first.shape[1:]), first[-1:]])
        values = np.moveaxis(fine, 0, axis)
    return np.ascontiguousarray(values)


def signed_distances(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Compute exact signed distances (N,) float64 of points (N,3) to a mesh, negative inside.

    The sign comes from the pseudo-normal of the nearest feature where the mesh is closed, otherwise from the
    generalised winding number (Barill et al. 2018, "Fast winding numbers for soups and clouds").
    """
    import igl

    kinds = igl.SignedDistanceType
    points = np.ascontiguousarray(points, dtype=np.float64)
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    faces = np.ascontiguousarray(faces, dtype=np.int64)
    pseudonormal, winding = kinds.SIGNED_DISTANCE_TYPE_PSEUDONORMAL, kinds.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
    return igl.signed_distance(points, vertices, faces, sign_type=pseudonormal if is_closed(faces) else winding)[0]


def is_closed(faces: np.ndarray) -> bool:
    """Tell whether every edge of faces (F,3) is used exactly twice, once in each direction."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    stride = int(faces.max()) + 1
    forward, backward = edges[:, 0] * stride + edges[:, 1], edges[:, 1] * stride + edges[:, 0]
    forward.sort()
    backward.sort()
    return bool((np.diff(forward) > 0).all() and (forward == backward).all())
