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
        """Value (B,N) and gradient (B,N,3) of the interpolant; no autograd."""
        shapes = self.shapes[index]  # (B,3)
        spacing = self.spacings[index].to(points.dtype)[:, None]  # (B,1)
        local = (points - self.origins[index].to(points.dtype)[:, None]) / spacing[..., None]  # (B,N,3) in cells
        last = (shapes - 1).to(points.dtype)[:, None]
        clamped = torch.minimum(local.clamp_min(0.0), last)
        corner = torch.minimum(clamped.long(), (shapes - 2)[:, None])  # (B,N,3) lower corner of the cell
        f = clamped - corner
        step_y = shapes[:, 2:3]  # (B,1)
        step_x = shapes[:, 1:2] * step_y
        flat = self.offsets[index][:, None] + corner[..., 0] * step_x + corner[..., 1] * step_y + corner[..., 2]
        look = [
            self.values[flat + dx * step_x + dy * step_y + dz].to(points.dtype)
            for dx in (0, 1)
            for dy in (0, 1)
            for dz in (0, 1)
        ]  # eight times (B,N): 000 001 010 011 100 101 110 111
        fx, fy, fz = f.unbind(-1)
        c00, c01 = torch.lerp(look[0], look[4], fx), torch.lerp(look[1], look[5], fx)
        c10, c11 = torch.lerp(look[2], look[6], fx), torch.lerp(look[3], look[7], fx)
        c0, c1 = torch.lerp(c00, c10, fy), torch.lerp(c01, c11, fy)
        low = torch.lerp(look[4] - look[0], look[6] - look[2], fy)  # slope in x at z = 0 and 1
        high = torch.lerp(look[5] - look[1], look[7] - look[3], fy)
        gradient = torch.stack([torch.lerp(low, high, fz), torch.lerp(c10 - c00, c11 - c01, fz), c1 - c0], dim=-1)
        value = torch.lerp(c0, c1, fz)
        gradient = gradient / spacing[..., None]
        outside = (local - clamped) * spacing[..., None]  # (B,N,3) zero within the box
        beyond = outside.norm(dim=-1)
        away = outside / beyond.clamp_min(1e-12)[..., None]
        inside_axes = (outside == 0).to(points.dtype)  # a clamped axis no longer moves the look-up
        return value + beyond, gradient * inside_axes + away

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
