"""The two protocols, as the columns of their tables.

`strict` measures what the figures are meant to say: solid volume, six directions of gravity, a hold of one second under
ordinary friction, contact of the thumb and two fingers. `legacy` repeats what the published tables count, to the digit
(ObMan, GraspTTA, HALO, ContactGen, FastGrasp), and serves to compare with them. A column belongs to one grasp or to the
whole set; its name ends in its unit, and a share is 0..1 in data and percent in tables.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Column:
    """One column: title (two lines), unit, digits shown, which way is better ("lower", "higher" or None), and what it
    measures. `of_set`: defined only for all grasps together."""

    title: str
    unit: str
    digits: int
    better: str | None
    explanation: str
    of_set: bool = False


_PER_GRASP = {
    # strict
    "penetration_volume_cm3": (
        "volume\nsolid", "cm3", 2, "lower", "Volume that hand and object share, counted in columns of 1 mm x 1 mm."),
    "penetration_depth_cm": (
        "depth\n", "cm", 2, "lower",
        "Greatest distance of a hand vertex inside the object from the object's surface (the paper's Table 4)."),
    "displacement_six_directions_cm": (
        "moved\n6 ways", "cm", 2, "lower",
        "Displacement of the object in the still hand in 35 steps of 1/240 s: mean over gravity along +-x, +-y, +-z."),
    "kept_35_steps_share": (
        "kept\n0.15 s", "%", 0, "higher",
        "Share of grasps that let the object move less than 2 cm in all six runs of 35 steps."),
    "held_1s_share": (
        "held\n1 s", "%", 0, "higher",
        "Share of hands, gripping with 200 kPa, that keep the object within 2 cm for 1 s under a friction coefficient "
        "of 0.8 in all six directions of gravity."),
    "contact_thumb_and_two_share": (
        "thumb\nand 2", "%", 0, "higher", "Share of grasps with the thumb and two other fingers within 2 mm."),
    "self_penetration_cm": ("self\ndepth", "cm", 2, "lower", "Depth of one part of the hand inside another."),
    "joint_limit_violation_deg": (
        "joint\nlimit", "deg", 1, "lower", "Greatest excess of a joint over its anatomical limits."),
    # legacy
    "penetration_volume_surface_cm3": (
        "volume\nsurface", "cm3", 2, "lower",
        "5 mm voxels of the object's surface inside the hand (GraspTTA, FastGrasp); falls to zero for a buried hand."),
    "penetration_volume_halo_cm3": (
        "volume\nHALO", "cm3", 2, "lower", "The solid volume, zero where no hand vertex is inside (HALO, ContactGen)."),
    "displacement_legacy_cm": (
        "moved\n+y", "cm", 2, "lower",
        "Displacement of the object in 35 steps of 1/240 s with gravity along +y (ObMan); 10 cm if it fails."),
    "contact_within_5mm_share": (
        "touch\n< 5 mm", "%", 0, "higher", "Share with a hand vertex inside the object or within 5 mm (HO-3D tables)."),
    "contact_inside_share": (
        "touch\ninside", "%", 0, "higher", "Share with a hand vertex strictly inside the object (HALO)."),
    "contact_volume_share": (
        "touch\nvolume", "%", 0, "higher", "Share whose surface volume is not zero (FastGrasp on GRAB and OakInk)."),
}  # fmt: skip
_PER_SET = {
    # strict; legacy too, but for the last
    "entropy_nats": (
        "entropy\n", "nats", 2, "higher",
        "Entropy of 20 k-means clusters of canonical hands (HALO), at most ln 20 = 3.00; with 100 samples differences "
        "below 0.1 are not significant."),
    "cluster_size_cm": (
        "cluster\nsize", "cm", 2, "higher",
        "Mean distance of a canonical hand (63 numbers, cm) to the centre of its cluster (HALO)."),
    "pairwise_joint_distance_cm": (
        "joints\napart", "cm", 1, "higher",
        "Mean distance between the same joint of two grasps of one object, in the object's frame."),
    # legacy
    "entropy_whitened_nats": (
        "entropy\nwhite", "nats", 2, "higher",
        "Entropy of the clusters after each of the 63 numbers is divided by its deviation (FastGrasp)."),
    "cluster_size_whitened": (
        "cluster\nwhite", "", 2, "higher", "Cluster size after that division; it has no unit."),
    "entropy_whitened_raw_nats": (
        "entropy\nraw", "nats", 2, "higher",
        "The whitened entropy of hands in the objects' frames, not canonical (FastGrasp's other variant)."),
    "cluster_size_whitened_raw": ("cluster\nraw", "", 2, "higher", "The whitened cluster size of the same."),
}  # fmt: skip
COLUMNS = {name: Column(*values) for name, values in _PER_GRASP.items()}
COLUMNS |= {name: Column(*values, of_set=True) for name, values in _PER_SET.items()}

PROTOCOLS = {
    "strict": (
        "penetration_volume_cm3", "penetration_depth_cm", "displacement_six_directions_cm", "kept_35_steps_share",
        "held_1s_share", "contact_thumb_and_two_share", "self_penetration_cm", "joint_limit_violation_deg",
        "entropy_nats", "cluster_size_cm", "pairwise_joint_distance_cm",
    ),
    "legacy": (
        "penetration_volume_surface_cm3", "penetration_volume_halo_cm3", "penetration_depth_cm",
        "displacement_legacy_cm", "contact_within_5mm_share", "contact_inside_share", "contact_volume_share",
        "entropy_nats", "cluster_size_cm", "entropy_whitened_nats", "cluster_size_whitened",
        "entropy_whitened_raw_nats", "cluster_size_whitened_raw",
    ),
}  # fmt: skip
SIMULATED = ("displacement_six_directions_cm", "kept_35_steps_share", "held_1s_share", "displacement_legacy_cm")


def protocol_names(choice: str) -> tuple[str, ...]:
    """Return the protocols of the choice "strict", "legacy" or "both"."""
    return tuple(PROTOCOLS) if choice == "both" else (choice,)


def columns_of(protocols, simulated: bool = True) -> list[str]:
    """Return the names of all columns of some protocols in order, without those of the simulator if not `simulated`."""
    names = dict.fromkeys(name for protocol in protocols for name in PROTOCOLS[protocol])
    return [name for name in names if simulated or name not in SIMULATED]


def described(names) -> dict[str, dict]:
    """Return the columns as plain data for JSON."""
    return {name: asdict(COLUMNS[name]) for name in names}


def shown(name: str, value: float | None) -> str:
    """Format a value for a table: percent for shares, the column's digits, a dash for None."""
    if value is None:
        return "-"
    column = COLUMNS[name]
    return f"{100 * value if column.unit == '%' else value:.{column.digits}f}"
