"""Triangle meshes from files: one mesh in metres, checked, made watertight or refused, and points sampled on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh

_LARGEST_OBJECT, _SMALLEST_OBJECT = 3.0, 0.005  # metres, longest side; what is longer is most likely in millimetres
_REMEDY = "Close it in a mesh editor (such as MeshLab's or Blender's repair tools), or remesh it."
MESH_ENDINGS = (".obj", ".ply", ".stl", ".off", ".glb")


class MeshError(ValueError):
    """A mesh file is missing, unreadable, or holds no surface; the message names the file and the remedy."""


def load_mesh(path: str | Path) -> trimesh.Trimesh:
    """Read .ply, .obj, .stl, .off or .glb as one mesh in metres; its parts are joined.

    Warns (UserWarning) where the size looks like millimetres. Raises MeshError: no file, not readable, no faces,
    vertices that are not finite.
    """
    import trimesh

    path = Path(path).expanduser()
    if not path.is_file():
        raise MeshError(f"No mesh at {path}. Give a .ply, .obj, .stl, .off or .glb file.")
    try:
        raw = trimesh.load(path, force="mesh", process=False)
        mesh = trimesh.load(path, force="mesh", process=True)
    except Exception as error:  # trimesh lets the errors of many parsers through
        # For text that is not UTF-8 trimesh asks for a package that guesses encodings.
        reason = "its text is not UTF-8" if isinstance(error, ImportError) else error
        remedy = "Give a .ply, .obj, .stl, .off or .glb file."
        raise MeshError(f"{path} cannot be read as a mesh ({reason}). {remedy}") from error
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise MeshError(f"{path} holds no faces. Give a triangle mesh; point clouds go through `read_cloud`.")
    if not np.isfinite(raw.vertices).all():  # processing drops them silently
        raise MeshError(f"{path} has vertices that are not finite. Repair the mesh first.")
    extent = float(mesh.extents.max())
    if extent > _LARGEST_OBJECT:
        warnings.warn(f"{path} is {extent:.3g} m long; it looks like millimetres. Scale it by 0.001.", stacklevel=2)
    return mesh


def mesh_files(places: Iterable[Path]) -> dict[str, Path]:
    """List mesh files by their stems, sorted: `places` are such files, or folders with some of `MESH_ENDINGS`.

    Raises MeshError where two have the same name.
    """
    found: dict[str, list[Path]] = {}
    for place in places:
        for path in place.iterdir() if place.is_dir() else [place]:
            if path == place or path.suffix.lower() in MESH_ENDINGS:
                found.setdefault(path.stem, []).append(path)
    twice = sorted(name for name, paths in found.items() if len(paths) > 1)
    if twice:
        raise MeshError(f"Several meshes are called {', '.join(twice)}; keep one file for each object.")
    return {name: found[name][0] for name in sorted(found)}


def watertight_with_notes(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, list[str]]:
    """Return a closed copy of a mesh (metres) with outward faces, and notes such as "2 holes of up to 11 mm filled".

    Vertices in one place are merged, duplicate faces dropped, faces turned to agree and outwards, small or flat holes
    closed (`geometry.holes`). A mesh that is closed already keeps its vertices and faces in order. Raises MeshError: no
    faces, values that are not finite, another unit than metres (`check_size`), or a surface that cannot be closed.
    """
    import trimesh

    if not len(mesh.faces):
        raise MeshError("The mesh has no faces. Give a triangle mesh; a point cloud has no inside.")
    if not np.isfinite(mesh.vertices).all():
        raise MeshError("The mesh has vertices that are not finite. Repair the mesh first.")
    check_size(mesh)
    closed = trimesh.Trimesh(np.array(mesh.vertices), np.array(mesh.faces), process=False)
    notes: list[str] = []
    if not closed.is_watertight:
        notes += _welded(closed)
        _require_surface(closed)
    if not closed.is_winding_consistent:
        trimesh.repair.fix_normals(closed, multibody=True)
        notes.append("faces turned to agree")
    if not closed.is_watertight:
        closed, filled = _filled(closed)
        notes.append(filled)
    notes += _outwards(closed)
    if not (closed.is_watertight and closed.is_winding_consistent and closed.volume > 0):
        raise MeshError(f"The mesh encloses no volume even after mending ({'; '.join(notes)}). {_REMEDY}")
    return closed, notes


def check_size(mesh: trimesh.Trimesh) -> None:
    """Refuse a mesh that cannot be in metres. Raises MeshError: longer than 3 m, or shorter than 5 mm."""
    extent = float(mesh.extents.max())
    if extent > _LARGEST_OBJECT:
        raise MeshError(
            f"The object is {extent:.4g} m long; a hand grasps none above {_LARGEST_OBJECT:g} m. If the mesh is in "
            f"millimetres ({extent:.4g} mm), scale it by 0.001; if in centimetres, by 0.01."
        )
    if extent < _SMALLEST_OBJECT:
        raise MeshError(
            f"The object is {1000 * extent:.3g} mm long, too small to grasp (at least {1000 * _SMALLEST_OBJECT:g} mm). "
            "Meshes are in metres: scale it to its true size."
        )


def _welded(mesh: trimesh.Trimesh) -> list[str]:
    """Merge vertices in one place and drop faces that are double or have no area, in place; return notes."""
    vertices, faces = len(mesh.vertices), len(mesh.faces)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    corners = np.sort(mesh.faces, axis=1)
    mesh.update_faces(mesh.unique_faces() & (np.diff(corners, axis=1) > 0).all(axis=1))
    mesh.remove_unreferenced_vertices()
    notes = []
    if vertices > len(mesh.vertices):
        notes.append(f"{vertices - len(mesh.vertices)} double or loose vertices dropped")
    if faces > len(mesh.faces):
        notes.append(f"{faces - len(mesh.faces)} double or empty faces dropped")
    return notes


def _require_surface(mesh: trimesh.Trimesh) -> None:
    """Raise MeshError where edges belong to more than two faces, so that inside and outside are undefined."""
    _, count = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    crossed = int((count > 2).sum())
    if crossed:
        raise MeshError(f"The mesh has {crossed} edges of more than two faces, so it bounds no solid. {_REMEDY}")


def _filled(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, str]:
    """Return the mesh with its holes closed, and a note. Raises MeshError where a hole must not be closed."""
    import trimesh

    from fastgrasp_model.geometry.holes import find_holes

    try:
        holes = find_holes(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    except ValueError as error:
        raise MeshError(f"The mesh is open and has {error}. {_REMEDY}") from None
    widest_first = sorted(holes, key=lambda hole: -hole.width)
    surface = float(mesh.area) + sum(hole.area for hole in holes)
    for hole in widest_first:
        reason = hole.refusal(float(mesh.extents.max()), surface)
        if reason:
            raise MeshError(f"The mesh is open: it has {reason}; {len(holes)} in all. {_REMEDY}")
    faces = np.concatenate([mesh.faces, *(hole.cap for hole in holes)])
    width = 1000 * widest_first[0].width
    plural = f"{len(holes)} holes of up to {width:.0f} mm" if len(holes) > 1 else f"a hole of {width:.0f} mm"
    return trimesh.Trimesh(mesh.vertices, faces, process=False), f"{plural} filled"


def _outwards(mesh: trimesh.Trimesh) -> list[str]:
    """Turn closed parts that face inwards, except hollows inside other parts, in place; return notes."""
    import trimesh

    parts = trimesh.graph.connected_component_labels(mesh.face_adjacency, node_count=len(mesh.faces))
    corners = np.asarray(mesh.triangles, dtype=np.float64) - mesh.vertices.mean(axis=0)
    shares = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    volumes = np.bincount(parts, shares)
    inside_out = volumes.sum() < 0
    inwards = volumes > 0 if inside_out else volumes < 0  # after the whole mesh was turned
    faces = mesh.faces[:, ::-1] if inside_out else mesh.faces
    if inwards.any():
        inwards &= ~_hollows(mesh.vertices, faces, parts, inwards)
    if not inside_out and not inwards.any():
        return []
    mesh.faces = np.where(inwards[parts][:, None], faces[:, ::-1], faces)
    return ["faces turned outwards"]


def _hollows(vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray, inwards: np.ndarray) -> np.ndarray:
    """Tell for each part whether it lies inside the parts that face outwards."""
    import igl

    first = np.array([vertices[faces[np.argmax(parts == part), 0]] for part in range(len(inwards))])
    solid = np.ascontiguousarray(faces[~inwards[parts]], dtype=np.int64)
    return igl.fast_winding_number(np.ascontiguousarray(vertices, dtype=np.float64), solid, first) > 0.5


def sample_surface(mesh: trimesh.Trimesh, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` points, uniform by area, and the unit normals of their faces: two (count, 3) float32 arrays.

    The same seed gives the same points. Raises MeshError for a mesh without area.
    """
    corners = np.asarray(mesh.triangles, dtype=np.float64)  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    if not areas.sum() > 0:
        raise MeshError("The mesh has no area to sample points on.")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(areas), count, p=areas / areas.sum())
    # Folding the unit square onto the triangle keeps the density uniform.
    u, v = rng.random((2, count, 1))
    outside = u + v > 1
    u, v = np.where(outside, 1 - u, u), np.where(outside, 1 - v, v)
    first, second, third = corners[chosen].transpose(1, 0, 2)
    points = first + u * (second - first) + v * (third - first)
    return points.astype(np.float32), (normals[chosen] / areas[chosen, None]).astype(np.float32)
