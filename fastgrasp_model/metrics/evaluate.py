"""Every figure of a set of grasps on one object, and the table a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.grasps import GraspFileError
from fastgrasp_model.metrics import contact_ratio, diversity, penetration
from fastgrasp_model.metrics.displacement import displacement
from fastgrasp_model.metrics.solid import closed_hand, signed_distance, solid_of

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps

# Column -> (heading in two lines, unit, digits). Shares are kept as 0..1 and shown in percent.
COLUMNS = {
    "penetration_volume_cm3": ("volume\nsolid", "cm3", 2),
    "penetration_volume_legacy_cm3": ("volume\nlegacy", "cm3", 2),
    "penetration_depth_cm": ("depth\n", "cm", 2),
    "contact_within_5mm": ("touch\n< 5 mm", "%", 0),
    "contact_inside": ("touch\ninside", "%", 0),
    "contact_thumb_and_two": ("thumb+2\n< 2 mm", "%", 0),
    "displacement_six_directions_cm": ("moved\n6 ways", "cm", 2),
    "displacement_legacy_cm": ("moved\nlegacy", "cm", 2),
    "held_in_six_directions": ("held\n< 2 cm", "%", 0),
}


def evaluate_grasps(
    grasps: Grasps, object_mesh, simulate: bool = True, simulator=None, progress=None
) -> dict:
    """Measure grasps on their object.

    Args:
        grasps: B grasps in the frame of the mesh, metres; either side.
        object_mesh: `trimesh.Trimesh` in metres. If it is open, inside is decided by the winding number and
            `object_closed` says so.
        simulate: also run the physics (half a second to a second a grasp).
        simulator: a `GraspSimulator` of this object, to reuse its convex decomposition.
        progress: called after each simulated grasp.

    Returns:
        {"count", "object_closed", "simulated", "simulator_failures",
         "per_grasp": {column: list of B numbers}, "mean": {column: number},
         "diversity": {"entropy_nats", "entropy_nats_sd", "cluster_size_cm", "cluster_size_cm_sd",
                       "mean_pairwise_joint_distance_cm"}}
        with the columns of `COLUMNS` (the last three only when simulated; entropy and cluster size None below
        40 grasps).

    Raises:
        GraspFileError: no grasps, or values that are not finite.
        MeshError: an object without faces.
    """
    if len(grasps) == 0:
        raise GraspFileError("There are no grasps to measure.")
    if not (np.isfinite(grasps.vertices).all() and np.isfinite(grasps.keypoints).all()):
        raise GraspFileError(
            "The grasps hold values that are not finite (NaN or infinity); generate them again."
        )
    target = solid_of(object_mesh)
    columns = _geometry_columns(grasps, target, object_mesh)
    report = {"count": len(grasps), "object_closed": target.closed, "simulated": bool(simulate)}
    if simulate:
        if simulator is None:
            from fastgrasp_model.metrics.simulation import GraspSimulator

            simulator = GraspSimulator(object_mesh, preset="legacy")
        moved = displacement(grasps.vertices, grasps.faces, simulator, progress)
        columns["displacement_six_directions_cm"] = moved.six_directions_cm
        columns["displacement_legacy_cm"] = moved.legacy_cm
        columns["held_in_six_directions"] = moved.held
        report["simulator_failures"] = int(moved.failed.sum())
    report["per_grasp"] = {name: [float(value) for value in column] for name, column in columns.items()}
    report["mean"] = {name: float(np.mean(column)) for name, column in columns.items()}
    report["diversity"] = {
        **grasp_diversity(grasps.keypoints),
        "mean_pairwise_joint_distance_cm": diversity.mean_pairwise_joint_distance_cm(grasps.keypoints),
    }
    return report


def grasp_diversity(keypoints: np.ndarray) -> dict[str, float | None]:
    """`diversity_halo`, or None for its figures where there are fewer than two samples for each cluster."""
    if len(keypoints) >= 2 * diversity.CLUSTERS:
        return diversity.diversity_halo(keypoints)
    return dict.fromkeys(("entropy_nats", "entropy_nats_sd", "cluster_size_cm", "cluster_size_cm_sd"))


def _geometry_columns(grasps: Grasps, target, object_mesh) -> dict[str, np.ndarray]:
    """The columns that need no simulator, (B,) each."""
    faces = closed_hand(grasps.faces)
    distances = signed_distance(target, grasps.vertices)
    fingers = contact_ratio.finger_vertices(grasps.vertices[0], faces, grasps.keypoints[0])
    return {
        "penetration_volume_cm3": penetration.penetration_volume_solid_cm3(grasps.vertices, faces, target),
        "penetration_volume_legacy_cm3": penetration.penetration_volume_legacy_cm3(
            grasps.vertices, faces, object_mesh
        ),
        "penetration_depth_cm": penetration.depth_from_distances_cm(distances),
        "contact_within_5mm": contact_ratio.contact_within_5mm(distances),
        "contact_inside": contact_ratio.contact_inside(distances),
        "contact_thumb_and_two": contact_ratio.contact_thumb_and_two_fingers(distances, fingers),
    }


def format_value(column: str, value: float) -> str:
    """A value as the tables show it: percent for shares, fixed digits for the rest."""
    _, unit, digits = COLUMNS[column]
    return f"{100 * value if unit == '%' else value:.{digits}f}"


def evaluation_table(report: dict, title: str = "Grasps", rows: bool = True):
    """The report of `evaluate_grasps` as a `rich.table.Table`; `rows` adds a line for each grasp above the
    means."""
    names = [name for name in COLUMNS if name in report["mean"]]
    table = metrics_table(title, _caption(report), "grasp", names)
    if rows:
        for i in range(report["count"]):
            table.add_row(str(i), *(_cell(name, report["per_grasp"][name][i]) for name in names))
        table.add_section()
    means = (format_value(name, report["mean"][name]) for name in names)
    table.add_row("mean", *means, style="bold")
    return table


def metrics_table(title: str, caption: str, first: str, names: list[str]):
    """An empty `rich.table.Table` that fits 80 columns: the column `first`, then one for each of `names` (of
    `COLUMNS`)."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    table.add_column(first, no_wrap=True)
    for name in names:
        heading, unit, _ = COLUMNS[name]
        table.add_column(f"{heading}\n[dim]{unit}[/dim]", justify="right", no_wrap=True)
    return table


def _cell(name: str, value: float) -> str:
    return ("yes" if value else "no") if COLUMNS[name][1] == "%" else format_value(name, value)


def diversity_line(found: dict) -> str:
    """The diversity part of a report in words."""
    line = f"mean pairwise joint distance {found['mean_pairwise_joint_distance_cm']:.1f} cm"
    if found["entropy_nats"] is None:
        return line
    return (
        f"entropy {found['entropy_nats']:.2f} +- {found['entropy_nats_sd']:.2f} nats, "
        f"cluster size {found['cluster_size_cm']:.2f} cm, {line}"
    )


def _caption(report: dict) -> str:
    line = f"{report['count']} grasps; {diversity_line(report['diversity'])}."
    if not report["object_closed"]:
        line += " The object's mesh is not watertight: inside is decided by its winding number."
    if report.get("simulator_failures"):
        line += f" The simulator failed on {report['simulator_failures']} grasps, each counted as 10 cm."
    return line
