"""Tell what is in a grasp set, and write its data card.

    python -m fastgrasp_synthesis.describe [SET] [--json] [--card docs/grasp_set_card.md]
        [--audit audit.json] [--cost set/progress.jsonl] [--config config/synthesis.yaml]

SET is a packed set or a folder of shards (default: the set that comes with the package). The card keeps its prose:
what stands between the marker comments is written anew, the blocks "audit" and "cost" only if their files are given.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from fastgrasp_model.commands.shared import InputError, NotNegative, check_output, parse

_COST = ("core_hours", "gpu_hours", "candidates", "grasps", "yield", "grasps_per_core_second", "rejected")
_AUDIT = ("sample", "seed", "held", "held_by_split", "held_by_type", "figures")


@dataclass
class DescribeOptions:
    """Print the figures of a grasp set, or write them into its data card."""

    set: Annotated[Positional[Path | None], arg(metavar="SET")] = None
    """a packed set or a folder of shards (default: the shipped set)"""
    json: bool = False
    """print all figures as JSON"""
    card: Annotated[Path | None, arg(metavar="FILE.md")] = None
    """write the figures into this data card"""
    audit: Annotated[Path | None, arg(metavar="FILE.json")] = None
    """report of the audit, for the card"""
    cost: Annotated[Path | None, arg(metavar="FILE")] = None
    """progress.jsonl of the run, or the JSON of its summary, for the card"""
    config: Path | None = None
    """the YAML the set was made with (default: the built-in values)"""
    seed: NotNegative = 0
    """of the samples of postures and diversity"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 when done, 2 for a mistake in the call or a file that cannot be read."""
    from fastgrasp_model.hand.mano_layer import HandModelError
    from fastgrasp_synthesis.grasp_set import GraspSetError
    from fastgrasp_synthesis.pipeline import SettingsError, load_settings

    try:
        words = sys.argv[1:] if argv is None else argv
        options = parse(DescribeOptions, words, "python -m fastgrasp_synthesis.describe")
        check_output(options.card, (".md",))
        report = describe(options.set, options.audit, options.cost, options.seed)
        if options.card is not None:
            from fastgrasp_synthesis.card import blocks, write_card

            settings = load_settings(options.config)
            write_card(options.card, blocks(report["figures"], settings, report.get("audit"), report.get("cost")))
    except (InputError, GraspSetError, HandModelError, SettingsError, OSError) as error:
        print(f"describe: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        print("\n".join(lines(report["figures"])))
        if options.card is not None:
            print(f"wrote the figures into {options.card}")
    return 0


def describe(path: Path | None = None, audit: Path | None = None, cost: Path | None = None, seed: int = 0) -> dict:
    """Return {"set", "figures"} of a set (default: the shipped one), and {"audit", "cost"} of their files where given.

    Raises GraspSetError, naming the file and the remedy, for what cannot be read; HandModelError if the hand cannot.
    """
    from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, load_grasp_set
    from fastgrasp_synthesis.packing import hand_layer
    from fastgrasp_synthesis.set_figures import figures

    path = path or PACKED_GRASPS
    more = {}
    if audit is not None:
        found = read_report(audit, _AUDIT, "python -m fastgrasp_synthesis.audit")
        more["audit"] = {name: found[name] for name in _AUDIT}
    if cost is not None:
        more["cost"] = read_cost(cost)
    grasps = load_grasp_set(path)
    return {"set": path.name, "figures": figures(grasps, path, hand_layer(grasps.hand), seed)} | more


def read_report(path: Path, names: tuple[str, ...], maker: str) -> dict:
    """Return a JSON object with at least these names. Raises GraspSetError naming the command that makes the file."""
    from fastgrasp_synthesis.grasp_set import GraspSetError

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GraspSetError(f"{path}: cannot be read as JSON ({error}); `{maker}` makes it") from error
    missing = [name for name in names if name not in found] if isinstance(found, dict) else list(names)
    if missing:
        raise GraspSetError(f"{path}: lacks {', '.join(missing)}; `{maker}` makes it")
    return found


def read_cost(path: Path) -> dict:
    """Return what a set cost, from the log of a run (progress.jsonl) or what `fastgrasp synthesize --json` prints.

    The log counts the last line of each shard, and the cost of all lines; seed from set.json beside it. Raises
    GraspSetError.
    """
    from fastgrasp_model import __version__
    from fastgrasp_synthesis.grasp_set import GraspSetError
    from fastgrasp_synthesis.tally import LOG, logged_shards, read_log

    if path.name != LOG:
        found = read_report(path, _COST, "fastgrasp synthesize --json")
        names = [name for name in (*_COST, "shards") if name in found]
        return {name: found[name] for name in names} | {
            "seconds_by_stage": found.get("seconds_by_stage", {}), "version": __version__}
    if not path.is_file():
        raise GraspSetError(f"{path}: no such file; `fastgrasp synthesize --out` writes it beside the shards")
    numbers = logged_shards(path.parent)
    if not numbers:
        raise GraspSetError(f"{path}: holds no line of a shard; `fastgrasp synthesize --out` writes it")
    cost = read_log(path.parent, dict.fromkeys(numbers, path)).summary() | {"version": __version__}
    settings = path.with_name("set.json")
    if settings.is_file():
        cost["seed"] = read_report(settings, ("seed",), "fastgrasp synthesize")["seed"]
    return cost


def lines(figures: dict) -> list[str]:
    """Return the figures for a terminal."""
    size, each, found = figures["size"], figures["grasps_per_object"], figures["diversity"]
    text = [
        f"{size['grasps']} grasps of {size['objects']} objects in {size['families']} families, hand: {size['hand']}"]
    if "file_bytes" in size:
        text.append(f"{size['file_bytes']} bytes, {size['bytes_per_grasp']:.1f} a grasp")
    text += [f"  {name:12s} {s['grasps']:7d} on {s['objects']} objects" for name, s in figures["splits"].items()]
    text.append(f"on an object {each['min']} to {each['max']}, median {each['median']:g}; 40 or more on "
                f"{each['share_well_held']:.0%} of them")
    for name, kind in sorted(figures["types"].items(), key=lambda item: -item[1]["grasps"]):
        text.append(
            f"  {name:20s} {kind['grasps']:7d} {kind['share']:6.1%}, on {kind['share_of_objects']:.0%} of objects")
    for name, spread in (("depth", figures["depth_mm"]), ("worst move", figures["displacement_mm"]["worst_of_six"])):
        text.append(name + " mm: median {median:.1f}, 95 % {p95:.1f}, greatest {max:.1f}".format(**spread))
    if found["objects"]:
        text.append(f"two grasps of an object lie {found['joint_distance_cm']['mean']:.1f} cm apart, joint by joint; "
                    f"entropy of {found['objects']} objects {found['pooled_entropy_nats']:.2f} nats")
    return text


if __name__ == "__main__":
    raise SystemExit(main())
