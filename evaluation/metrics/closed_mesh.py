"""Object meshes for measuring: listed by name, checked for their size, closed or refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import trimesh

from fastgrasp_evaluation.metrics.holes import find_holes
from fastgrasp_model.geometry.meshes import LARGEST_OBJECT, MESH_SUFFIXES, MeshError
from fastgrasp_model.geometry.units import unit_remedy

_SMALLEST_OBJECT = 0.005  # metres, longest side
_REMEDY = "Close it in a mesh editor (such as MeshLab's or Blender's repair tools), or remesh it."


def meshes_by_name(places: Iterable[Path]) -> dict[str, Path]:
    """List mesh files by their stems, sorted: `places` are such files, or folders with some of `MESH_SUFFIXES`.

    Raises MeshError where two have the same name.
    """
    found: dict[str, list[Path]] = {}
    for place in places:
        for path in place.iterdir() if place.is_dir() else [place]:
            if path == place or path.suffix.lower() in MESH_SUFFIXES:
                found.setdefault(path.stem, []).append(path)
    twice = sorted(name for name, paths in found.items() if len(paths) > 1)
    if twice:
        raise MeshError(f"Several meshes are called {', '.join(twice)}; keep one file for each object.")
    return {name: found[name][0] for name in sorted(found)}


def watertight_with_notes(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, list[str]]:
    """Return a closed copy of a mesh (metres) with outward faces, and notes such as "2 holes of up to 11 mm filled".

    Vertices in one place are merged, duplicate faces dropped, faces turned to agree and outwards, small or flat holes
    closed (`holes`). A mesh that is closed already keeps its vertices and faces in order. Raises MeshError: no
    faces, values that are not finite, another unit than metres (`check_size`), or a surface that cannot be closed.
    """
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
    if extent > LARGEST_OBJECT:
        raise MeshError(
            f"The object is {extent:.4g} m long; a hand grasps none above {LARGEST_OBJECT:g} m: {unit_remedy(extent)}"
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
