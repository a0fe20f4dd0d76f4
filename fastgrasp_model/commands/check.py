"""`fastgrasp check`: report what is installed and which hand, weights and device are in use, with remedies."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from fastgrasp_model.commands.extras import CORE, EXTRAS, remedy
from fastgrasp_model.commands.shared import parse


@dataclass
class CheckOptions:
    """Report what is installed and which hand, weights and device are in use."""

    mano: Path | None = None
    """check this hand file instead of the default"""
    weights: Annotated[Path | None, arg(metavar="DIR")] = None
    """check these weights instead of the shipped ones"""
    json: bool = False
    """print a report as JSON"""


def main(argv: list[str]) -> int:
    """Print the report; the exit code is 1 when grasps cannot be generated."""
    options = parse(CheckOptions, argv, "fastgrasp check")
    hand = _hand(options.mano)
    nothing = {"name": None, "problem": None}
    report = {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in CORE},
        "extras": {name: {package: _version(package) for package in extra.packages} for name, extra in EXTRAS.items()},
        "ros": {"rclpy": find_spec("rclpy") is not None, "interfaces": find_spec("fastgrasp") is not None},
        "device": _device(),
        "hand": hand,
        "weights": nothing if hand["problem"] else _weights(options.weights, options.mano),
    }
    problems = [f"{name} is missing: pip install {name}" for name in CORE if not report["packages"][name]]
    problems += [report[part]["problem"] for part in ("hand", "weights") if report[part]["problem"]]
    report["ready"] = not problems
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report, problems)
    return 0 if report["ready"] else 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> dict:
    try:
        import torch
    except ImportError:
        return {"default": "cpu", "cuda": None, "threads": None}
    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"default": "cpu", "cuda": cuda, "threads": torch.get_num_threads()}


def _hand(path: Path | None) -> dict:
    try:
        from fastgrasp_model.hand import ManoLayer

        layer = ManoLayer.from_file(path)
        return {"name": layer.name, "vertices": len(layer.v_template), "problem": None}
    except (ValueError, ImportError) as error:
        return {"name": None, "vertices": None, "problem": str(error)}


def _weights(path: Path | None, mano: Path | None) -> dict:
    try:
        from fastgrasp_model.generator import GraspGenerator

        return {"name": GraspGenerator.from_pretrained(path, mano).weights_name, "problem": None}
    except (ValueError, ImportError) as error:
        return {"name": None, "problem": str(error)}


def _print(report: dict, problems: list[str]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for name, found in {"python": report["python"], **report["packages"]}.items():
        table.add_row(name, found or "[red]missing[/red]")
    for name, packages in report["extras"].items():
        missing = [package for package in packages if not packages[package]]
        state = f"[yellow]without {', '.join(missing)}[/yellow]: {escape(remedy(name))}" if missing else "installed"
        table.add_row(escape(f"extra [{name}]"), f"{state} [dim]({EXTRAS[name].purpose})[/dim]")
    device = report["device"]
    table.add_row("ROS 2 node", _ros_state(report["ros"]))
    cuda = f"cuda: {device['cuda']}" if device["cuda"] else "no cuda"
    table.add_row("device", f"cpu, {device['threads']} threads; {cuda}")
    for part in ("hand", "weights"):
        table.add_row(part, report[part]["name"] or "[red]none[/red]")
    console = Console()
    console.print(table)
    for problem in problems:
        console.print(f"[red]problem:[/red] {escape(problem)}", soft_wrap=True)
    console.print("ready to generate grasps" if report["ready"] else "not ready to generate grasps")


def _ros_state(ros: dict) -> str:
    if not ros["rclpy"]:
        return "[yellow]no rclpy[/yellow]: source a ROS 2 distribution, or run `make env`"
    if not ros["interfaces"]:
        return "[yellow]interfaces not built[/yellow]: install this package again with ROS 2 present"
    return "installed"
