"""The data card: Markdown whose figures stand between marker comments and are written anew, the prose around them kept.

A block begins with `<!-- figures: NAME -->` and ends with `<!-- end of NAME -->`, each on a line of its own.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from fastgrasp_model.files import write_text
from fastgrasp_synthesis.grasp_set import GraspSetError

_LIMITS = {  # field of VerifySettings: what it limits, factor to the unit, unit
    "depth": ("deepest hand vertex inside the object, at most", 1000, "mm"),
    "volume": ("volume shared by hand and object, at most", 1, "cm3"),
    "within": ("thumb and at least two other fingers are nearer than", 1000, "mm"),
    "faithful": ("what makes the grasp type, but one finger, is nearer than", 1000, "mm"),
    "overlap": ("overlap of two collision spheres of the hand, at most", 1000, "mm"),
    "self_depth": ("deepest skin of the hand inside the hand, at most", 1000, "mm"),
    "gravity": (
        "of the weight of 1 kg (9.8 N) the contacts leave unbalanced, worst of six directions, at most",
        1,
        "N",
    ),
    "slip": ("moved by gravity in 35 steps of 1/240 s, worst of six directions, less than", 1000, "mm"),
    "slip_large": ("the same on an object longer than the next line says, less than", 1000, "mm"),
    "large": ("such an object is longer than", 1000, "mm"),
}


def blocks(figures: dict, settings, audit: dict | None = None, cost: dict | None = None) -> dict[str, str]:
    """Markdown of each block by its name.

    Args:
        figures: of `set_figures.figures`.
        settings: the `ShardSettings` the set was made with.
        audit: report of `synthesis.audit`; cost: of `describe.read_cost`. Without them their blocks are left out.
    """
    made = {"size": _size(figures["size"]), "splits": _splits(figures["splits"]), "objects": _objects(
        figures["grasps_per_object"]), "families": _families(figures["families"]), "types": _types(figures["types"]),
            "hands": _hands(figures), "diversity": _diversity(figures["diversity"]), "limits": _limits(settings)}
    if audit is not None:
        made["audit"] = _audit(audit)
    if cost is not None:
        made["cost"] = _cost(cost)
    return made


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
        if len(_pattern(name).findall(text)) != 1:
            raise GraspSetError(
                f"{path}: expected the lines '<!-- figures: {name} -->' and '<!-- end of {name} -->' once each; take "
                "the card of the repository as the pattern")
        text = _pattern(name).sub(lambda match, block=block: f"{match[1]}\n{block}\n{match[3]}", text)
    write_text(path, text)


def _pattern(name: str) -> re.Pattern:
    return re.compile(rf"^(<!-- figures: {name} -->)\n(.*?)^(<!-- end of {name} -->)$", re.MULTILINE | re.DOTALL)


def table(heads: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def _size(size: dict) -> str:
    rows = [("verified grasps", f"{size['grasps']:,}"),
            ("objects that are held", f"{size['objects']:,} of {size['objects_listed']:,} tried"),
            ("families of objects", size["families"]), ("grasp types", size["grasp_types"]),
            ("hands optimised for them", f"{size['candidates']:,}"), ("kept of these", _percent(
                size["grasps"] / size["candidates"]) if size["candidates"] else "not known"), ("hand", size["hand"])]
    if "file_bytes" in size:
        rows.append(("packed file", f"{size['file_bytes']:,} bytes, {size['bytes_per_grasp']:.1f} a grasp"))
        rows.append(("its SHA-256", f"`{size['sha256']}`"))
    return table(("", "the set"), rows)


def _splits(splits: dict) -> str:
    rows = [(name, f"{s['grasps']:,}", f"{s['objects']:,}", s["families"]) for name, s in splits.items()]
    return table(("split", "grasps", "objects", "families"), rows)


def _objects(found: dict) -> str:
    row = (found["min"], f"{found['median']:g}", found["max"], found["without"], _percent(found["share_well_held"]),
           _percent(found["share_well_held_of_listed"]))
    heads = ("fewest", "median", "most", "objects without", "40 or more, of those held", "40 or more, of all tried")
    return table(heads, [row])


def _families(found: dict) -> str:
    rows = [(name, ", ".join(f["splits"]), f["objects"], f"{f['grasps']:,}") for name, f in found.items()]
    return table(("family", "split", "objects", "grasps"), rows)


def _types(found: dict) -> str:
    from fastgrasp_synthesis.grasp_types import GRASP_TYPES

    known = {kind.name: kind for kind in GRASP_TYPES}
    rows = []
    for name, kind in sorted(found.items(), key=lambda item: -item[1]["grasps"]):
        feix = known[name].feix if name in known else "-"
        moved = "-" if kind["moved_mm"] is None else f"{kind['moved_mm']:.1f}"
        counts = f"{kind['grasps']:,}", _percent(kind["share"], 1), _percent(kind["share_of_objects"])
        rows.append((name, feix, known[name].family if name in known else "-", *counts, moved))
    heads = ("type", "Feix", "family", "grasps", "share", "objects with it", "median worst move, mm")
    return table(heads, rows)


def _hands(figures: dict) -> str:
    moved = figures["displacement_mm"]
    lines = {"deepest vertex, mm": figures["depth_mm"], "moved, mean of six directions, mm": moved["mean_of_six"],
             "moved, worst of six directions, mm": moved["worst_of_six"], "thumb tip to index tip, mm": figures[
                 "aperture_mm"], "length of the flat hand, mm": figures["betas"]["hand_length_mm"]}
    heads = ("", "mean", "5 %", "median", "95 %", "greatest")
    text = table(heads, [(name, *_spread(value)) for name, value in lines.items()])
    faces = table(tuple(figures["palm_faces"]), [tuple(_percent(share) for share in figures["palm_faces"].values())])
    betas, saturated = figures["betas"], _percent(moved["share_saturated"], 1)
    return (
        f"{text}\n\n{saturated} of the grasps have a worst move of 25.5 mm or more. Shape numbers: standard deviation "
        f"{betas['sd']:.2f}, greatest {betas['greatest']:.2f}.\n\n"
        f"The palm faces nearest to this axis of the object's frame:\n\n{faces}")


def _diversity(found: dict) -> str:
    if not found["objects"]:
        return f"No object has {found['grasps_each']} grasps, so none is told."
    rows = [("distance of a joint in two grasps of an object, mean, cm", *_over_objects(found["joint_distance_cm"]))]
    if found["entropy_nats"] is not None:
        rows.append(("entropy of an object's grasps, nats", *_over_objects(found["entropy_nats"])))
        rows.append(("size of their clusters, cm", *_over_objects(found["cluster_size_cm"])))
    rows.append(("entropy of all these objects together, nats", f"{found['pooled_entropy_nats']:.2f}", "-", "-"))
    rows.append(("size of their clusters, cm", f"{found['pooled_cluster_size_cm']:.2f}", "-", "-"))
    text = f"{found['objects']} random objects with {found['grasps_each']} random grasps each; all together with "
    text += f"{found['pooled_grasps'] // found['objects']} of each."
    return f"{text}\n\n" + table(("", "mean", "5 % of objects", "95 % of objects"), rows)


def _over_objects(spread: dict) -> tuple[str, ...]:
    return tuple(f"{spread[key]:.2f}" for key in ("mean", "p5", "p95"))


def _limits(settings) -> str:
    verify = settings.verify
    known = [(*_LIMITS[field.name], getattr(verify, field.name)) for field in fields(verify) if field.name in _LIMITS]
    rows = [(text, f"{factor * value:g} {unit}") for text, factor, unit, value in known]
    rows.append(("friction of the slip test", f"{settings.slip.friction:g}"))
    return table(("every grasp of the set passed", "limit"), rows)


def _audit(audit: dict) -> str:
    held = audit["held"]
    if not held["grasps"]:
        return f"None of the {audit['sample']:,} grasps drawn could be tested."
    text = (f"{audit['sample']:,} grasps drawn with seed {audit['seed']}, {held['grasps']:,} tested: "
            f"**{_percent(held['share'], 1)}** hold for 1 s in all six directions at friction 0.8 (95 % interval "
            f"{_percent(held['low'], 1)} to {_percent(held['high'], 1)}).")
    parts = [*audit["held_by_split"].items(), *audit["held_by_type"].items()]
    rows = [(name, part["grasps"], _percent(part["share"]), _interval(part)) for name, part in parts if part["grasps"]]
    figures = [(name.rsplit("_", 1)[0].replace("_", " "), f"{f['mean']:.3f}", f"{f['p95']:.3f}", name.rsplit("_", 1)[1])
               for name, f in audit["figures"].items() if f["mean"] is not None]
    heads = ("split or type", "tested", "held", "95 % interval")
    return f"{text}\n\n{table(heads, rows)}\n\n" + table(("measured anew", "mean", "95 %", "unit"), figures)


def _cost(cost: dict) -> str:
    rows = [("hours of a processor core", f"{cost['core_hours']:.2f}"), ("hours of a GPU", f"{cost['gpu_hours']:.2f}")]
    rows.append(("hands optimised", f"{cost['candidates']:,}"))
    rows.append(("kept", f"{cost['grasps']:,} ({_percent(cost['yield'], 1)})"))
    rows.append(("grasps a core second", f"{cost['grasps_per_core_second']:.2f}"))
    rows += [(f"{key}", f"{cost[key]}") for key in ("seed", "shards", "version") if key in cost]
    rows += [(f"turned away by {name}", f"{count:,}") for name, count in cost["rejected"].items()]
    whole = sum(cost["seconds_by_stage"].values()) or 1.0
    rows += [(f"share of the time for {name}", _percent(s / whole)) for name, s in cost["seconds_by_stage"].items()]
    return table(("", "the run"), rows)


def _interval(part: dict) -> str:
    return f"{_percent(part['low'])} to {_percent(part['high'])}"


def _spread(value: dict) -> tuple[str, ...]:
    return tuple(f"{value[key]:.1f}" for key in ("mean", "p5", "median", "p95", "max"))


def _percent(share: float, places: int = 0) -> str:
    return f"{100 * share:.{places}f} %"
