"""Signed distance grids of many objects in one flat store, looked up by trilinear interpolation.

Synthesis, losses and the score ask the same question thousands of times a second: how far is this point of the hand
from that object, and on which side? A grid answers in eight look-ups. All grids lie one behind the other in a single
float16 (or float32) array, so that one batch mixes objects of different extent, and the gradient of the interpolant is
computed together with its value: one autograd node instead of fifty.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

STRIDE = 3  # every third node is computed first; the fine nodes in between only near the surface
BAND = 3.0  # nodes nearer than this many spacings get an exact distance
FORMAT_VERSION = 1


class SignedDistanceError(ValueError):
    """A mesh or a file no signed distance grid can be made from."""


class _Trilinear(torch.autograd.Function):
    """Interpolated value with its analytic gradient; the gradient itself is not differentiated further."""

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

    values: (T,) all grids, x slowest, z fastest; offsets (G,) first value of a grid; shapes (G,3) nodes per axis;
    origins (G,3) place of node 0; spacings (G,) metres between nodes.
    """

    def __init__(self, values: Tensor, offsets: Tensor, shapes: Tensor, origins: Tensor, spacings: Tensor) -> None:
        self.values, self.offsets, self.shapes = values, offsets.long(), shapes.long()
        self.origins, self.spacings = origins.float(), spacings.float()

    @classmethod
    def from_meshes(
        cls,
        meshes: Sequence[tuple[np.ndarray, np.ndarray]],
        cells: int = 64,
        padding: float = 0.02,
        dtype: torch.dtype = torch.float16,
    ) -> SignedDistanceGrids:
        """Compute the grids of meshes (vertices (V,3) in metres, faces (F,3)).

        cells: nodes along the longest side, padding included; padding: metres of air around the object.
        Raises SignedDistanceError for an empty or not finite mesh.
        """
        if not len(meshes):
            raise SignedDistanceError("no meshes were given; at least one is needed")
        fields = [mesh_distance_grid(vertices, faces, cells, padding) for vertices, faces in meshes]
        sizes = [field.size for field, _, _ in fields]
        return cls(
            torch.cat([torch.from_numpy(field.reshape(-1)).to(dtype) for field, _, _ in fields]),
            torch.tensor(np.cumsum([0, *sizes[:-1]])),
            torch.tensor([field.shape for field, _, _ in fields]),
            torch.tensor(np.stack([origin for _, origin, _ in fields])),
            torch.tensor([spacing for _, _, spacing in fields]),
        )

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def device(self) -> torch.device:
        return self.values.device

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> SignedDistanceGrids:
        """The same grids on another device, or stored as another float type."""
        moved = [t.to(device) for t in (self.offsets, self.shapes, self.origins, self.spacings)]
        return SignedDistanceGrids(self.values.to(device=device, dtype=dtype), *moved)

    def query(self, points: Tensor, index: Tensor) -> Tensor:
        """Signed distance (B,N) of points (B,N,3), row b asked of object index[b]; index (B,). Differentiable."""
        return self.query_with_normals(points, index, unit=False)[0]

    def query_with_normals(self, points: Tensor, index: Tensor, unit: bool = True) -> tuple[Tensor, Tensor]:
        """Distance (B,N) and outward normals (B,N,3) at points (B,N,3) of objects index (B,).

        The distance is differentiable in the points, the normals are constants to autograd.
        Outside a grid: the distance at the nearest point of its box plus the distance to the box.
        """
        value, gradient = _Trilinear.apply(points, index, self)
        if not unit:
            return value, gradient
        return value, gradient / gradient.norm(dim=-1, keepdim=True).clamp_min(1e-9)

    def _interpolate(self, points: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Value (B,N) and gradient (B,N,3) of the interpolant; no autograd.

        Works on whole planes, (B,3,N) and (corners,B,N): points that are a transposed view of planes cost no copy.
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

    def save(self, path: str | Path) -> Path:
        """Write one .npz (values, offsets, shapes, origins, spacings, version), atomically."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        arrays = {name: getattr(self, name).cpu().numpy() for name in _ARRAYS}
        with open(part, "wb") as stream:
            np.savez_compressed(stream, version=np.int64(FORMAT_VERSION), **arrays)
        os.replace(part, path)
        return path

    @classmethod
    def load(cls, path: str | Path) -> SignedDistanceGrids:
        """Read what `save` wrote. Raises SignedDistanceError if the file is missing or something else."""
        try:
            with np.load(path, allow_pickle=False) as data:
                return cls(*(torch.from_numpy(data[name]) for name in _ARRAYS))
        except (OSError, KeyError, ValueError) as error:
            raise SignedDistanceError(
                f"{path}: not a file of signed distance grids ({error}); compute it again"
            ) from error


_ARRAYS = ("values", "offsets", "shapes", "origins", "spacings")


def mesh_distance_grid(
    vertices: np.ndarray, faces: np.ndarray, cells: int = 64, padding: float = 0.02
) -> tuple[np.ndarray, np.ndarray, float]:
    """One object's grid: field (X,Y,Z) float32, origin (3,) and spacing, all in metres.

    Exact within three spacings of the surface; farther away interpolated from every third node, which is exact.
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
    field = _refined(coarse)  # (X,Y,Z), X = 3 blocks + 1
    near = np.argwhere(np.abs(field) < (BAND + 0.5) * spacing)
    field[tuple(near.T)] = signed_distances(low + spacing * near, vertices, faces)
    return field.astype(np.float32), low.astype(np.float32), spacing


def _refined(coarse: np.ndarray) -> np.ndarray:
    """Linear interpolation of a coarse grid to STRIDE times as many steps along each axis."""
    field = coarse
    for axis in range(3):
        moved = np.moveaxis(field, axis, 0)
        steps = np.arange(STRIDE).reshape(1, STRIDE, 1, 1) / STRIDE
        between = moved[:-1, None] * (1 - steps) + moved[1:, None] * steps  # (n, STRIDE, ., .)
        fine = np.concatenate([between.reshape(-1, *moved.shape[1:]), moved[-1:]])
        field = np.moveaxis(fine, 0, axis)
    return np.ascontiguousarray(field)


def signed_distances(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Exact signed distances (N,) float64 of points (N,3) to a mesh, negative inside.

    The sign comes from the pseudo-normal of the nearest feature when the mesh is closed, otherwise from the
    generalised winding number (Barill et al. 2018, "Fast winding numbers for soups and clouds").
    """
    import igl

    kinds = igl.SignedDistanceType
    points = np.ascontiguousarray(points, dtype=np.float64)
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    faces = np.ascontiguousarray(faces, dtype=np.int64)
    closed = is_closed(faces)
    kind = kinds.SIGNED_DISTANCE_TYPE_PSEUDONORMAL if closed else kinds.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
    return igl.signed_distance(points, vertices, faces, sign_type=kind)[0]


def is_closed(faces: np.ndarray) -> bool:
    """True if every edge of faces (F,3) is used exactly twice, once in each direction."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    stride = int(faces.max()) + 1
    forward, backward = edges[:, 0] * stride + edges[:, 1], edges[:, 1] * stride + edges[:, 0]
    forward.sort()
    backward.sort()
    return bool((np.diff(forward) > 0).all() and (forward == backward).all())
