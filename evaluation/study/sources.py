"""The methods of a study: their hands by object, and the meshes of the objects."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_evaluation.study.draw import StudyError

if TYPE_CHECKING:
    import trimesh

    from fastgrasp_evaluation.metrics.hand_set import HandSet

FEWEST_METHODS, MOST_METHODS = 2, 4  # methods that fit on one page


def labels_for(paths: Sequence[Path], given: str | None) -> list[str]:
    """Return one label for each path: the words of `given`, separated by commas, else the files' names.

    Raises StudyError: not 2 to 4 methods; labels that are equal, or not as many as the methods.
    """
    if not FEWEST_METHODS <= len(paths) <= MOST_METHODS:
        raise StudyError(f"a study compares {FEWEST_METHODS} to {MOST_METHODS} methods, got {len(paths)}")
    labels = [word.strip() for word in given.split(",")] if given else [path.stem for path in paths]
    if len(labels) != len(paths):
        raise StudyError(f"--labels names {len(labels)} methods, but {len(paths)} are given")
    if not all(labels) or len(set(labels)) < len(labels):
        remedy = "name each one differently" if given else "name them, as in --labels ours,theirs"
        raise StudyError(f"the methods' labels are not distinct ({', '.join(labels)}); {remedy}")
    return labels


def read_methods(
    paths: Sequence[Path], labels: Sequence[str], meshes: dict[str, Path], read: Callable[[Path], list[HandSet]]
) -> dict[str, dict[str, HandSet]]:
    """Read each method's hands, by its label and the objects' names, matched with those of `meshes`.

    `read` reads one path, such as `fastgrasp_evaluation.formats.read_hands`; raises what it raises. Right and left
    hands of one object, which are separate sets, are merged.
    """
    methods = {}
    for path, label in zip(paths, labels, strict=True):
        sets = read(path)
        single = len({hand_set.object_name for hand_set in sets}) == 1
        hands = methods[label] = {}
        for hand_set in sets:
            name = _object_of(hand_set.object_name, path, meshes, single)
            hands[name] = hands[name].with_other_side(hand_set) if name in hands else hand_set
    return methods


def _object_of(name: str, path: Path, meshes: dict[str, Path], single: bool) -> str:
    """Return the mesh name of a set of hands. A file with one object may be named after it, or there is one mesh."""
    if name in meshes or not single:
        return name
    if path.stem in meshes:
        return path.stem
    return next(iter(meshes)) if len(meshes) == 1 else name or path.stem


def common_objects(methods: dict[str, dict[str, HandSet]], meshes: dict[str, Path]) -> tuple[list[str], list[str]]:
    """Return the objects that every method and `meshes` have, sorted, and a note for each of the others.

    Raises StudyError if there is no such object.
    """
    common, notes = [], []
    for name in sorted({name for hands in methods.values() for name in hands}):
        lacking = [label for label, hands in methods.items() if name not in hands]
        if name not in meshes:
            notes.append(f"{name}: left out, --objects has no mesh of this name")
        elif lacking:
            notes.append(f"{name}: left out, no grasps from {', '.join(lacking)}")
        else:
            common.append(name)
    if not common:
        raise StudyError("the methods have no object in common with each other and --objects. " + "; ".join(notes))
    return common, notes


def load_object_mesh(path: Path) -> trimesh.Trimesh:
    """Read a mesh in metres. Raises MeshError for a bad file, StudyError for one that looks like millimetres."""
    from fastgrasp_model.geometry.meshes import load_mesh

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return load_mesh(path)
        except UserWarning as warning:
            raise StudyError(str(warning)) from None
