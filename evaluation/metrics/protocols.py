"""The two protocols, as the columns of their tables.

`strict` is what the figures ought to mean: solid volume, six directions of gravity, a hold of one second under
ordinary friction, contact that can hold something. `legacy` is what the published tables count, bit by bit
(ObMan, GraspTTA, HALO, ContactGen, FastGrasp), and is kept to compare with them. A column belongs to one grasp or
to the whole set; its name ends in its unit, and a share is 0..1 in data and percent in tables.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Column:
    """One figure of a table: title (two lines, for narrow heads), unit, digits shown, which way is better ("lower",
    "higher" or None), and what it counts. `of_set`: known only for all grasps together."""

    title: str
    unit: str
    digits: int
    better: str | None
    explanation: str
    of_set: bool = False


COLUMNS = {
    # strict, per grasp
    "penetration_volume_cm3": Column(
        "volume\nsolid", "cm3", 2, "lower", "Volume that hand and object share, counted in columns of 1 mm x 1 mm."
    ),
    "penetration_depth_cm": Column(
        "depth\n", "cm", 2, "lower",
        "Greatest distance of a hand vertex inside the object from the object's surface (the paper's Table 4).",
    ),
    "displacement_six_directions_cm": Column(
        "moved\n6 ways", "cm", 2, "lower",
        "How far the object moves in the still hand in 35 steps of 1/240 s: the mean over gravity along +-x, +-y, +-z.",
    ),
    "kept_35_steps_share": Column(
        "kept\n0.15 s", "%", 0, "higher",
        "Share of grasps that let the object move less than 2 cm in all six runs of 35 steps.",
    ),
    "held_1s_share": Column(
        "held\n1 s", "%", 0, "higher",
        "Share of hands, gripping with 200 kPa, that keep the object within 2 cm for 1 s under a friction coefficient "
        "of 0.8 in all six directions of gravity.",
    ),
    "contact_thumb_and_two_share": Column(
        "thumb\nand 2", "%", 0, "higher", "Share of grasps with the thumb and two other fingers within 2 mm."
    ),
    "self_penetration_cm": Column(
        "self\ndepth", "cm", 2, "lower", "How deep one part of the hand lies inside another."
    ),
    "joint_limit_violation_deg": Column(
        "joint\nlimit", "deg", 1, "lower", "How far the worst joint of the hand lies outside its anatomical limits."
    ),
    # strict, per set
    "entropy_nats": Column(
        "entropy\n", "nats", 2, "higher",
        "Entropy of 20 k-means clusters of canonical hands (HALO), at most ln 20 = 3.00; differences below 0.1 mean "
        "nothing with 100 samples.", of_set=True,
    ),
    "cluster_size_cm": Column(
        "cluster\nsize", "cm", 2, "higher",
        "Mean distance of a canonical hand (63 numbers, cm) to the centre of its cluster (HALO).", of_set=True,
    ),
    "pairwise_joint_distance_cm": Column(
        "joints\napart", "cm", 1, "higher",
        "Mean distance between the same joint of two grasps of one object, in the object's frame.", of_set=True,
    ),
    # legacy, per grasp
    "penetration_volume_surface_cm3": Column(
        "volume\nsurface", "cm3", 2, "lower",
        "5 mm voxels of the object's surface inside the hand (GraspTTA, FastGrasp); falls to zero for a buried hand.",
    ),
    "penetration_volume_halo_cm3": Column(
        "volume\nHALO", "cm3", 2, "lower",
        "The solid volume, zero where no hand vertex is inside (HALO, ContactGen).",
    ),
    "displacement_legacy_cm": Column(
        "moved\n+y", "cm", 2, "lower",
        "How far the object moves in 35 steps of 1/240 s with gravity along +y (ObMan); a simulator failure is 10 cm.",
    ),
    "contact_within_5mm_share": Column(
        "touch\n< 5 mm", "%", 0, "higher", "Share with a hand vertex inside the object or within 5 mm (HO-3D tables)."
    ),
    "contact_inside_share": Column(
        "touch\ninside", "%", 0, "higher", "Share with a hand vertex strictly inside the object (HALO)."
    ),
    "contact_volume_share": Column(
        "touch\nvolume", "%", 0, "higher", "Share whose surface volume is not zero (FastGrasp on GRAB and OakInk)."
    ),
    # legacy, per set (with HALO's two above)
    "entropy_whitened_nats": Column(
        "entropy\nwhite", "nats", 2, "higher",
        "Entropy of the clusters after each of the 63 numbers is divided by its deviation (FastGrasp).", of_set=True,
    ),
    "cluster_size_whitened": Column(
        "cluster\nwhite", "", 2, "higher", "Cluster size after that division; it has no unit.", of_set=True
    ),
    "entropy_whitened_raw_nats": Column(
        "entropy\nraw", "nats", 2, "higher",
        "The whitened entropy of hands as they lie in the objects' frames, not made canonical (FastGrasp's other "
        "variant).", of_set=True,
    ),
    "cluster_size_whitened_raw": Column(
        "cluster\nraw", "", 2, "higher", "The whitened cluster size of the same.", of_set=True
    ),
}  # fmt: skip

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
SIMULATED = (
    "displacement_six_directions_cm", "kept_35_steps_share", "held_1s_share", "displacement_legacy_cm",
)  # fmt: skip


def protocol_names(asked: str) -> tuple[str, ...]:
    """"strict", "legacy" or "both" as the names of protocols."""
    return tuple(PROTOCOLS) if asked == "both" else (asked,)


def columns_of(protocols, simulated: bool = True) -> list[str]:
    """Names of all columns of some protocols, each once, in order; without those of the simulator on request."""
    names = dict.fromkeys(name for protocol in protocols for name in PROTOCOLS[protocol])
    return [name for name in names if simulated or name not in SIMULATED]


def described(names) -> dict[str, dict]:
    """The meaning of columns as plain data for JSON."""
    return {name: asdict(COLUMNS[name]) for name in names}


def shown(name: str, value: float | None) -> str:
    """A value as tables show it: percent for shares, fixed digits for the rest, a dash for what is not known."""
    if value is None:
        return "-"
    column = COLUMNS[name]
    return f"{100 * value if column.unit == '%' else value:.{column.digits}f}"
