"""Where the objects of a grasp set come from: procedural ones, lists of them, and the user's own mesh files.

An own mesh has the specification `file:<path relative to its folder>`. It is mended where that is possible, thinned to
at most `MAX_FACES` faces, and moved so that its centre of mass is the origin; `OwnMesh.centre` says by how much.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.metrics.closed_mesh import watertight_with_notes
from fastgrasp_model.geometry.meshes import MESH_SUFFIXES, MeshError, load_mesh
from fastgrasp_model.geometry.units import unit_remedy
from fastgrasp_synthesis import object_specs as procedural
from fastgrasp_synthesis.grasp_set import GraspSetError
from fastgrasp_synthesis.object_specs import MAX_FACES, ObjectSpecError

OWN = "file:"
LONGEST, SHORTEST = 1.0, 0.005  # metres: the longest side of a mesh somebody could grasp
_THINNED = 1e-3  # metres: thinning moves no surface further


class SourceError(ValueError):
    """`--objects` names something no objects can be made from. The message says what, and what is expected."""


@dataclass(frozen=True)
class OwnMesh:
    """A mesh file ready for synthesis.

    mesh: watertight trimesh.Trimesh, metres, origin at the centre of mass; centre (3,): that centre in the file's frame
    (add it to a point of the mesh, or to the `transl` of a grasp); digest: SHA-256 of the file; notes on its mending.
    """

    mesh: object
    centre: tuple[float, float, float]
    digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """Objects in the order in which they are taken: specifications, the folder of the own meshes (or None), and what
    is known of each own mesh by its specification: centre_of_mass, sha256, notes."""

    specs: list[str]
    root: Path | None = None
    own: dict[str, dict] = field(default_factory=dict)


def resolve(objects: int | str | list[str], seed: int = 0) -> Sources:
    """Return the objects that `--objects` asks for.

    objects: a number (so many of `object_list` with this seed); or one or several of: specifications with commas
    between them, a mesh file, a folder of mesh files (with its subfolders), `@file` with one of these a line.

    Raises SourceError: nothing there, the same object twice, an unknown family, a mesh that cannot be used.
    """
    items = [objects] if isinstance(objects, (int, str)) else list(objects)
    if len(items) == 1 and str(items[0]).lstrip("-").isdigit():
        if int(items[0]) < 1:
            raise SourceError(f"--objects {items[0]}: expected at least 1 object")
        return Sources(procedural.object_list(int(items[0]), seed))
    found = [one for item in items for one in _expanded(str(item), Path())]
    meshes = [one for one in found if isinstance(one, Path)]
    root = Path(os.path.commonpath([path.parent for path in meshes])) if meshes else None
    if len(items) == 1 and Path(str(items[0])).is_dir():
        root = Path(str(items[0])).resolve()
    specs = [_own_spec(one, root) if isinstance(one, Path) else one for one in found]
    twice = [spec for spec, count in sorted(Counter(specs).items()) if count > 1]
    if twice:
        raise SourceError(f"--objects names {', '.join(twice[:5])} more than once; name each object once")
    if not specs:
        raise SourceError("--objects names no object; give a number, specifications, @file, or mesh files")
    return Sources(specs, root, _checked(specs, root))


def load_object(spec: str, root: str | Path | None = None):
    """Return the watertight trimesh.Trimesh of any specification: metres, origin at the centre of mass.

    root: folder of the own meshes, which `file:` specifications are relative to. Raises ObjectSpecError: as
    `make_object`, or an own mesh without `root`, outside it, or not usable.
    """
    if not spec.startswith(OWN):
        return procedural.make_object(spec)
    if root is None:
        raise ObjectSpecError(f"{spec}: a mesh of the user's own; give the folder it lies in")
    folder = Path(root).resolve()
    path = (folder / spec[len(OWN) :]).resolve()
    if folder not in path.parents:
        raise ObjectSpecError(f"{spec}: leads out of the folder {folder}")
    try:
        return own_mesh(path).mesh
    except MeshError as error:
        raise ObjectSpecError(f"{spec}: {error}") from error


def mesh_folder(place: Path) -> Path | None:
    """Return the folder of the own meshes of a set, of its objects.json, or None. Raises GraspSetError."""
    about = place / "objects.json"
    if not about.is_file():
        return None
    try:
        return Path(json.loads(about.read_text(encoding="utf-8"))["root"])
    except (ValueError, KeyError, TypeError) as error:
        raise GraspSetError(f"{about}: not readable ({error}); run synthesize again") from error


def own_mesh(path: Path) -> OwnMesh:
    """Read a mesh file in metres and make it ready: closed, thinned, moved to its centre of mass.

    Raises MeshError: no readable mesh, longer than 1 m or shorter than 5 mm, or open beyond mending.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the size; it is refused below
        raw = load_mesh(path)
    longest = float(raw.extents.max())
    if longest > LONGEST:
        raise MeshError(
            f"it is {longest:.4g} m long, more than the {LONGEST:g} m a hand could grasp. Meshes are in metres: "
            f"{unit_remedy(longest, option=False)}")
    if longest < SHORTEST:
        raise MeshError(
            f"it is {1000 * longest:.3g} mm long, less than the {1000 * SHORTEST:g} mm a hand could grasp. Meshes are "
            "in metres, not in millimetres or kilometres: scale it to its true size")
    mesh, notes = watertight_with_notes(raw)
    mesh, thinned = _thinned(mesh)
    centre = np.asarray(mesh.center_mass, dtype=np.float64)
    mesh.vertices = mesh.vertices - centre
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return OwnMesh(mesh, tuple(float(x) for x in centre), digest, (*notes, *thinned))


def _expanded(item: str, base: Path) -> list[str | Path]:
    """Return the specifications and mesh files (absolute) of one item; relative paths start at `base`."""
    item = item.strip()
    if item.startswith("@"):
        return _listed(base / item[1:])
    path = base / Path(item).expanduser()
    if path.is_dir():
        found = sorted(inner.resolve() for inner in path.rglob("*") if inner.suffix.lower() in MESH_SUFFIXES)
        if not found:
            raise SourceError(f"--objects {path}: no mesh in this folder; expected {', '.join(MESH_SUFFIXES)}")
        return found
    if path.suffix.lower() in MESH_SUFFIXES or path.is_file():
        if not path.is_file():
            raise SourceError(f"--objects {item}: no such mesh file")
        return [path.resolve()]
    return [_known(spec.strip()) for spec in item.split(",") if spec.strip()]


def _listed(path: Path) -> list[str | Path]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"--objects @{path}: cannot be read ({error}); expected one object a line") from error
    used = [line.strip() for line in lines if line.strip() and not line.strip().startswith(("#", "@"))]
    return [one for line in used for one in _expanded(line, path.parent)]


def _known(spec: str) -> str:
    try:
        procedural.parse(spec)
    except ObjectSpecError as error:
        family = spec.split(":")[0]
        if ":" in spec and family in (*procedural.families(), "urdf"):
            raise SourceError(f"--objects: {error}") from error
        near = ", ".join(get_close_matches(family, procedural.families(), 3, 0.5))
        raise SourceError(f"--objects: {spec!r} is no file or folder here, and no object such as mug:12 or urdf:017"
                          + (f" (families with a similar name: {near})" if ":" in spec and near else "")) from error
    return spec


def _own_spec(path: Path, root: Path) -> str:
    relative = path.relative_to(root).as_posix()
    if ":" in relative or "\n" in relative:
        raise SourceError(f"{path}: a mesh file's name must not hold a colon or a line break; rename it")
    return OWN + relative


def _checked(specs: list[str], root: Path | None) -> dict[str, dict]:
    """What must be known of each own mesh. Raises SourceError that names all that cannot be used."""
    known, refused = {}, []
    for spec in specs:
        if spec.startswith(OWN):
            try:
                own = own_mesh(root / spec[len(OWN) :])
                known[spec] = {"centre_of_mass": list(own.centre), "sha256": own.digest, "notes": list(own.notes)}
            except MeshError as error:
                refused.append(f"{spec[len(OWN) :]}: {error}")
    if refused:
        raise SourceError(
            f"{len(refused)} of {len(refused) + len(known)} meshes cannot be used; mend them, or name the others in a "
            "list (--objects @FILE):\n  " + "\n  ".join(refused))
    return known


def _thinned(mesh) -> tuple[object, list[str]]:
    """The mesh with at most MAX_FACES faces where that moves no surface by more than a millimetre, and a note."""
    faces = len(mesh.faces)
    if faces <= MAX_FACES:
        return mesh, []
    import manifold3d
    import trimesh

    data = manifold3d.Mesh64(np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.uint64))
    solid = manifold3d.Manifold(data)
    if solid.status() != manifold3d.Error.NoError or solid.is_empty():
        raise MeshError(f"it has {faces} faces and is no simple solid ({solid.status()}); remesh it")
    tolerance = 1e-4
    thin = solid.simplify(tolerance)
    while thin.num_tri() > MAX_FACES and tolerance * 1.5 <= _THINNED:
        tolerance *= 1.5
        thin = solid.simplify(tolerance)
    data = thin.to_mesh64()
    made = trimesh.Trimesh(np.asarray(data.vert_properties)[:, :3], np.asarray(data.tri_verts), process=False)
    if not made.is_watertight or made.volume < 0.9 * mesh.volume:
        raise MeshError(f"it has {faces} faces and does not survive thinning; remesh it to under {MAX_FACES}")
    return made, [f"{faces} faces thinned to {len(made.faces)} (within {1000 * tolerance:.1f} mm)"]
