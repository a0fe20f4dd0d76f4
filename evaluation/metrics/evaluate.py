"""All figures of hands on one object.

    report = evaluate_grasps(grasps, mesh)                       # one object, one table for each protocol
    measured = measure_hands(hands, mesh, notes=notes)           # many objects: gather, then `build_report`
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_evaluation.metrics import contact_ratio, penetration
from fastgrasp_evaluation.metrics.closed_mesh import watertight_with_notes
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.protocols import COLUMNS, PROTOCOLS, columns_of
from fastgrasp_evaluation.metrics.summary import Measured, build_report
from fastgrasp_model.grasps import GraspFileError, Grasps
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.hand.fingers import finger_vertices

if TYPE_CHECKING:
    import trimesh

    from fastgrasp_model.hand import ManoLayer


def evaluate_grasps(
    grasps: Grasps | HandSet, object_mesh: trimesh.Trimesh, simulate: bool = True,
    protocols: Sequence[str] = tuple(PROTOCOLS), layer: ManoLayer | None = None,
) -> dict:
    """Measure grasps on their object; return the report of `metrics.summary.build_report`.

    Args:
        grasps: in the frame of the mesh, metres; either side.
        object_mesh: metres; made watertight, or refused.
        simulate: also run the simulators (one to three seconds a grasp).
        protocols: "strict", "legacy" or both.
        layer: hand layer that the parameters belong to, for the joint limits; the open hand by default.

    Raises:
        GraspFileError: no grasps. MeshError: the object cannot be made watertight.
    """
    if len(grasps) == 0:
        raise GraspFileError("There are no grasps to measure.")
    hands = HandSet.from_grasps(grasps) if isinstance(grasps, Grasps) else grasps
    mesh, notes = watertight_with_notes(object_mesh)
    measured = measure_hands(hands, mesh, protocols, simulate, layer=layer, notes=notes)
    return build_report([measured], protocols, {"command": "evaluate", "simulated": simulate})


def load_object(path: Path, unit: str = "m") -> tuple[trimesh.Trimesh, list[str]]:
    """Read a mesh file, lengths in `unit`, as a watertight solid in metres, with notes on repairs. Raises MeshError."""
    from fastgrasp_model.geometry.meshes import load_mesh

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a mesh in millimetres is refused in the next line
        mesh = load_mesh(path, unit)
    return watertight_with_notes(mesh)


def measure_hands(
    hands: HandSet, mesh: trimesh.Trimesh, protocols: Sequence[str] = tuple(PROTOCOLS), simulate: bool = True,
    seed: int = 0, layer: ManoLayer | None = None, notes: Sequence[str] = (),
) -> Measured:
    """Measure every hand without a problem; the others keep their problem and have no figures.

    Args as `evaluate_grasps`, but mesh is watertight already, with `notes` on repairs; seed is kept in the rows.
    """
    names = [name for name in columns_of(protocols, simulate) if not COLUMNS[name].of_set]
    hands = dataclasses.replace(hands, problems=_problems(hands))
    good = np.array([problem is None for problem in hands.problems], dtype=bool)
    columns = {name: np.full(len(hands), np.nan) for name in names}
    if good.any():
        for name, values in _geometry_columns(hands, np.flatnonzero(good), mesh, names, layer).items():
            columns[name][good] = values
    failures: list[str | None] = [None] * len(hands)
    if simulate:
        moved, failures = _simulation_columns(hands, mesh, "held_1s_share" in names)
        columns.update({name: values for name, values in moved.items() if name in names})
    rows = [
        {"seed": seed, "index": number, "problem": hands.problems[i], "simulator_problem": failures[i]}
        | {name: float(columns[name][i]) if np.isfinite(columns[name][i]) else None for name in names}
        for i, number in enumerate(hands.numbers)
    ]
    flip = np.array([-1.0 if hands.side == "left" else 1.0, 1.0, 1.0])
    keypoints = None if hands.keypoints is None else hands.keypoints[good] * flip
    return Measured(hands.object_name, seed, rows, keypoints, notes=list(notes))


def refused(name: str, seed: int, numbers: Iterable[int], reason: str) -> Measured:
    """Return the rows of an object that cannot be measured: its hands by their numbers, each with the reason."""
    row = {"seed": seed, "problem": f"object refused: {reason}", "simulator_problem": None}
    return Measured(name, seed, [{**row, "index": number} for number in numbers], refused=reason)


def _geometry_columns(
    hands: HandSet, rows: np.ndarray, mesh: trimesh.Trimesh, names: list[str], layer: ManoLayer | None
) -> dict[str, np.ndarray]:
    """Compute those of the columns `names` that need no simulator, for the hands `rows`."""
    from fastgrasp_evaluation.metrics.self_penetration import self_penetration_cm

    vertices, faces = [hands.vertices[i] for i in rows], [hands.faces[i] for i in rows]
    target = penetration.ObjectSolid(mesh)
    near = penetration.hand_distances(vertices, target)
    solid = penetration.penetration_volume_solid_cm3(vertices, faces, target)
    surface = penetration.penetration_volume_legacy_cm3(vertices, faces, target)
    found = {
        "penetration_volume_cm3": solid,
        "penetration_volume_halo_cm3": penetration.halo_volume_cm3(solid, near),
        "penetration_volume_surface_cm3": surface,
        "penetration_depth_cm": penetration.depth_from_distances_cm(near),
        "contact_within_5mm_share": contact_ratio.contact_within_5mm(near),
        "contact_inside_share": contact_ratio.contact_inside(near),
        "contact_volume_share": contact_ratio.contact_legacy_volume(surface),
    }
    if "self_penetration_cm" in names:
        found["self_penetration_cm"] = self_penetration_cm(vertices, faces)
    if "contact_thumb_and_two_share" in names and hands.keypoints is not None:
        found["contact_thumb_and_two_share"] = _thumb_and_two(vertices, faces, hands.keypoints[rows], near)
    if "joint_limit_violation_deg" in names and hands.hand_pose is not None:
        from fastgrasp_evaluation.metrics.joint_limits import joint_limit_violation_deg
        from fastgrasp_model.hand import ManoLayer

        layer = layer or ManoLayer.from_file(side=hands.side)
        found["joint_limit_violation_deg"] = joint_limit_violation_deg(hands.hand_pose[rows], layer)
    return {name: values for name, values in found.items() if name in names}


def _thumb_and_two(vertices: list, faces: list, keypoints: np.ndarray, near: list) -> np.ndarray:
    """Test for contact of thumb and two fingers (B,); NaN for hands without MANO's topology."""
    column = np.full(len(vertices), np.nan)
    mano = [i for i, hand in enumerate(vertices) if len(hand) == VERTICES]
    if mano:
        fingers = finger_vertices(vertices[mano[0]], faces[mano[0]], keypoints[mano[0]])
        column[mano] = contact_ratio.contact_thumb_and_two_fingers(np.stack([near[i] for i in mano]), fingers)
    return column


def _simulation_columns(hands: HandSet, mesh: trimesh.Trimesh, hold: bool) -> tuple[dict, list[str | None]]:
    from fastgrasp_evaluation.metrics.displacement import measure_displacement

    moved = measure_displacement(hands, mesh, hold=hold)
    return {
        "displacement_six_directions_cm": moved.six_directions_cm,
        "displacement_legacy_cm": moved.legacy_cm,
        "kept_35_steps_share": moved.kept_35_steps,
        "held_1s_share": moved.held_1s,
    }, moved.problems


def _problems(hands: HandSet) -> list[str | None]:
    """Return the problems of the hands, with those of degenerate keypoints added."""
    from fastgrasp_evaluation.metrics.diversity import degenerate_hands

    if hands.keypoints is None:
        return list(hands.problems)
    reason = "its keypoints are no hand's: wrist and knuckles coincide or lie on one line"
    sound = [problem is None for problem in hands.problems]
    degenerate = np.zeros(len(hands), dtype=bool)
    degenerate[sound] = degenerate_hands(hands.keypoints[sound])
    return [problem or (reason if flat else None) for problem, flat in zip(hands.problems, degenerate, strict=True)]
