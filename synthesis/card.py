"""The data card: Markdown whose figures stand between marker comments and are written anew, the prose around them kept.

A block begins with `<!-- figures: NAME -->` and ends with `<!-- end of NAME -->`, each on a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from fastgrasp_model.files import write_text
from fastgrasp_synthesis.grasp_set import GraspSetError
from fastgrasp_synthesis.grasp_types import GRASP_TYPES

_LIMITS = {  # field of VerifySettings: what it limits, factor to the unit, unit
    "depth": ("deepest hand vertex inside the object, at most", 1000, "mm"),
    "within": ("thumb and at least two other fingers are nearer than", 1000, "mm"),
    "faithful": ("what makes the grasp type, but one finger, is nearer than", 1000, "mm"),
    "overlap": ("overlap of two collision spheres of the hand, at most", 1000, "mm"),
    "gravity": ("of the weight of 1 kg (9.8 N) the contacts leave unbalanced, worst of six directions, at most", 1,
                "N"),
    "slip": ("moved by gravity in 35 steps of 1/240 s, worst of six directions, less than", 1000, "mm"),
    "slip_large": ("the same on an object longer than the next line says, less than", 1000, "mm"),
    "large": ("such an object is longer than", 1000, "mm"),
    "self_depth": ("deepest skin of the hand inside the hand, at most", 1000, "mm"),
    "volume": ("volume shared by hand and object, at most", 1, "cm3"),
}
_SIZE = ("verified grasps | {grasps:,}", "objects that are held | {objects:,} of {objects_listed:,} tried",
         "families of objects | {families}", "grasp types | {grasp_types}", "hands optimised for them | {candidates:,}",
         "kept of these | {kept}", "hand | {hand}")
_FILE = ("packed file | {file_bytes:,} bytes, {bytes_per_grasp:.1f} a grasp", "its SHA-256 | `{sha256}`")
_OBJECTS = "{min} | {median:g} | {max} | {without} | {share_well_held:.0%} | {share_well_held_of_listed:.0%}"
_SPREAD = "{name} | {mean:.1f} | {p5:.1f} | {median:.1f} | {p95:.1f} | {max:.1f}"
_OVER_OBJECTS = "{name} | {mean:.2f} | {p5:.2f} | {p95:.2f}"
_AUDIT = ("{sample:,} grasps drawn with seed {seed}, {held[grasps]:,} tested: **{held[share]:.1%}** hold for 1 s in "
          "all six directions at friction 0.8 (95 % interval {held[low]:.1%} to {held[high]:.1%}).")
_COST = ("hours of a processor core | {core_hours:.2f}", "hours of a GPU | {gpu_hours:.2f}",
         "hands optimised | {candidates:,}", "kept | {grasps:,} ({yield:.1%})",
         "grasps a core second | {grasps_per_core_second:.2f}")


def blocks(figures: dict, settings, audit: dict | None = None, cost: dict | None = None) -> dict[str, str]:
    """Return the Markdown of each block by its name.

    figures: of `set_figures.figures`; settings: the `ShardSettings` the set was made with; audit: the report of
    `synthesis.audit`; cost: of `describe.read_cost`. Without the last two their blocks are left out.
    """
    made = {"size": _size(figures["size"]),
            "splits": _table("split | grasps | objects | families",
                             _rows("{name} | {grasps:,} | {objects:,} | {families}", figures["splits"])),
            "objects": _table("fewest | median | most | objects without | 40 or more, of those held | 40 or more, of "
                              "all tried", [_fill(_OBJECTS, figures["grasps_per_object"])]),
            "families": _table("family | split | objects | grasps", _rows(
                "{name} | {split} | {objects} | {grasps:,}",
                {name: part | {"split": ", ".join(part["splits"])} for name, part in figures["families"].items()})),
            "types": _types(figures["types"]), "hands": _hands(figures), "diversity": _diversity(figures["diversity"]),
            "limits": _limits(settings)}
    return made | ({} if audit is None else {"audit": _audit(audit)}) | ({} if cost is None else {"cost": _cost(cost)})


def write_card(path: Path, made: dict[str, str]) -> None:
    """Put blocks into the card, in one step; blocks that are not given stay as they are.

    Raises GraspSetError if there is no card, or if it has no place for one of the blocks.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise GraspSetError(
            f"{path}: the card cannot be read ({error}); copy docs/grasp_set_card.md there first, its prose is kept"
        ) from error
    for name, block in made.items():
        text, count = _pattern(name).subn(lambda match, block=block: f"{match[1]}\n{block}\n{match[3]}", text)
        if count != 1:
            raise GraspSetError(
                f"{path}: expected the lines '<!-- figures: {name} -->' and '<!-- end of {name} -->' once each; take "
                "the card of the repository as the pattern")
    write_text(path, text)


def _pattern(name: str) -> re.Pattern:
    return re.compile(rf"^(<!-- figures: {name} -->)\n(.*?)^(<!-- end of {name} -->)$", re.MULTILINE | re.DOTALL)


def _fill(template: str, values: dict) -> str:
    """Fill a format string; a percentage gets a space before its sign."""
    return re.sub(r"(?<=\d)%", " %", template.format_map(values))


def _rows(template: str, parts: dict[str, dict]) -> list[str]:
    return [_fill(template, {"name": name, **values}) for name, values in parts.items()]


def _table(heads: str, rows: Iterable[str]) -> str:
    """A Markdown table of cells between bars; the first column to the left, the others to the right."""
    return "\n".join([f"| {heads} |", "|---|" + "---:|" * heads.count("|"), *(f"| {row} |" for row in rows)])


def _size(size: dict) -> str:
    kept = f"{size['grasps'] / size['candidates']:.0%}" if size["candidates"] else "not known"
    parts = _SIZE + (_FILE if "file_bytes" in size else ())
    return _table(" | the set", [_fill(part.replace("{kept}", kept), size) for part in parts])


def _types(found: dict) -> str:
    known, rows = {kind.name: (kind.feix, kind.family) for kind in GRASP_TYPES}, []
    for name, kind in sorted(found.items(), key=lambda item: -item[1]["grasps"]):
        feix, family = known.get(name, ("-", "-"))
        moved = "-" if kind["moved_mm"] is None else f"{kind['moved_mm']:.1f}"
        counts = _fill("{grasps:,} | {share:.1%} | {share_of_objects:.0%}", kind)
        rows.append(f"{name} | {feix} | {family} | {counts} | {moved}")
    return _table("type | Feix | family | grasps | share | objects with it | median worst move, mm", rows)


def _hands(figures: dict) -> str:
    moved, betas, faces = figures["displacement_mm"], figures["betas"], figures["palm_faces"]
    parts = {"deepest vertex, mm": figures["depth_mm"], "moved, mean of six directions, mm": moved["mean_of_six"],
             "moved, worst of six directions, mm": moved["worst_of_six"],
             "thumb tip to index tip, mm": figures["aperture_mm"],
             "length of the flat hand, mm": betas["hand_length_mm"]}
    text = (f"{{share_saturated:.1%}} of the grasps have a worst move of 25.5 mm or more. Shape numbers: standard "
            f"deviation {betas['sd']:.2f}, greatest {betas['greatest']:.2f}.")
    return "\n\n".join([
        _table(" | mean | 5 % | median | 95 % | greatest", _rows(_SPREAD, parts)), _fill(text, moved),
        "The palm faces nearest to this axis of the object's frame:",
        _table(" | ".join(faces), [_fill(" | ".join(f"{{{name}:.0%}}" for name in faces), faces)])])


def _diversity(found: dict) -> str:
    if not found["objects"]:
        return f"No object has {found['grasps_each']} grasps, so none is told."
    parts = {"distance of a joint in two grasps of an object, mean, cm": found["joint_distance_cm"],
             "entropy of an object's grasps, nats": found["entropy_nats"],
             "size of their clusters, cm": found["cluster_size_cm"]}
    rows = _rows(_OVER_OBJECTS, {name: spread for name, spread in parts.items() if spread is not None})
    rows += [f"entropy of all these objects together, nats | {found['pooled_entropy_nats']:.2f} | - | -",
             f"size of their clusters, cm | {found['pooled_cluster_size_cm']:.2f} | - | -"]
    return (f"{found['objects']} random objects with {found['grasps_each']} random grasps each; all together with "
            f"{found['pooled_grasps'] // found['objects']} of each.\n\n"
            + _table(" | mean | 5 % of objects | 95 % of objects", rows))


def _limits(settings) -> str:
    values = asdict(settings.verify)
    rows = [f"{_LIMITS[name][0]} | {_LIMITS[name][1] * value:g} {_LIMITS[name][2]}" for name, value in values.items()]
    return _table("every grasp of the set passed | limit", [
        *rows, f"friction of the slip test | {settings.slip.friction:g}"])


def _audit(audit: dict) -> str:
    if not audit["held"]["grasps"]:
        return f"None of the {audit['sample']:,} grasps drawn could be tested."
    parts = {name: part for name, part in (audit["held_by_split"] | audit["held_by_type"]).items() if part["grasps"]}
    figures = [f"{what.replace('_', ' ')} | {f['mean']:.3f} | {f['p95']:.3f} | {unit}"
               for name, f in audit["figures"].items() if f["mean"] is not None for what, unit in [name.rsplit("_", 1)]]
    held = _table("split or type | tested | held | 95 % interval",
                  _rows("{name} | {grasps} | {share:.0%} | {low:.0%} to {high:.0%}", parts))
    return "\n\n".join([_fill(_AUDIT, audit), held, _table("measured anew | mean | 95 % | unit", figures)])


def _cost(cost: dict) -> str:
    whole = sum(cost["seconds_by_stage"].values()) or 1.0
    rows = [*(_fill(part, cost) for part in _COST),
            *(f"{key} | {cost[key]}" for key in ("seed", "shards", "version") if key in cost),
            *(f"turned away by {name} | {count:,}" for name, count in cost["rejected"].items()),
            *_rows("share of the time for {name} | {share:.0%}",
                   {name: {"share": seconds / whole} for name, seconds in cost["seconds_by_stage"].items()})]
    return _table(" | the run", rows)
