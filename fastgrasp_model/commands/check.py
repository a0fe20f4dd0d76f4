"""`fastgrasp check`: what is installed, which hand, weights and device are in use, and what to do about what
is missing."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from fastgrasp_model.commands.shared import Parser

# Package -> what it is for; the first group is needed, the second is not.
NEEDED = {
    "numpy": "", "scipy": "", "scikit-learn": "", "torch": "", "trimesh": "", "safetensors": "", "pyyaml": "",
    "rich": "", "tyro": "", "pillow": "pictures",
}  # fmt: skip
OPTIONAL = {
    "libigl": "evaluate, synthesize",
    "pybullet": "evaluate, synthesize",
    "lightning": "train",
    "tensorboard": "train",
    "manifold3d": "synthesize",
}

_NOT_CHECKED = {"name": None, "problem": None}


def main(argv: list[str]) -> int:
    """Print what is there; exit code 1 when grasps cannot be generated."""
    options = _parser().parse_args(argv)
    hand = _hand(options.mano)
    report = {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in (*NEEDED, *OPTIONAL)},
        "ros": _ros(),
        "device": _device(),
        "hand": hand,
        "weights": _weights(options.weights, options.mano) if not hand["problem"] else dict(_NOT_CHECKED),
    }
    problems = [f"{name} is missing: pip install {name}" for name in NEEDED if not report["packages"][name]]
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


def _ros() -> dict:
    """Whether the ROS side can run: rclpy and the built interfaces."""
    return {"rclpy": find_spec("rclpy") is not None, "interfaces": find_spec("fastgrasp") is not None}


def _device() -> dict:
    try:
        import torch
    except ImportError:
        return {"default": "cpu", "cuda": None, "threads": None}
    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"default": "cpu", "cuda": cuda, "threads": torch.get_num_threads()}


def _hand(path: str | None) -> dict:
    try:
        from fastgrasp_model.hand import ManoLayer

        layer = ManoLayer.from_file(path)
        return {"name": layer.name, "vertices": len(layer.v_template), "problem": None}
    except (ValueError, ImportError) as error:
        return {"name": None, "vertices": None, "problem": str(error)}


def _weights(path: str | None, mano: str | None) -> dict:
    try:
        from fastgrasp_model.generator import GraspGenerator

        generator = GraspGenerator.from_pretrained(path, mano)
        return {"name": generator.weights_name, "problem": None}
    except (ValueError, ImportError) as error:
        return {"name": None, "problem": str(error)}


def _print(report: dict, problems: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("python", report["python"])
    for name, found in report["packages"].items():
        use = {**NEEDED, **OPTIONAL}[name]
        table.add_row(name, found or "[yellow]not installed[/yellow]", f"[dim]{use}[/dim]")
    ros, device = report["ros"], report["device"]
    table.add_row("rclpy", "found" if ros["rclpy"] else "[yellow]not found[/yellow]", "[dim]the node[/dim]")
    table.add_row(
        "ROS interfaces",
        "found" if ros["interfaces"] else "[yellow]not built[/yellow]",
        "[dim]the node[/dim]",
    )
    table.add_row(
        "device",
        f"cpu, {device['threads']} threads"
        + (f"; cuda: {device['cuda']}" if device["cuda"] else "; no cuda"),
    )
    table.add_row("hand", report["hand"]["name"] or "[red]none[/red]")
    table.add_row("weights", report["weights"]["name"] or "[red]none[/red]")
    console = Console()
    console.print(table)
    for problem in problems:
        console.print(f"[red]problem:[/red] {problem}", soft_wrap=True)
    console.print("ready to generate grasps" if report["ready"] else "not ready to generate grasps")


def _parser() -> Parser:
    parser = Parser(
        prog="fastgrasp check", description="What is installed, which hand, weights and device are in use."
    )
    parser.add_argument("--mano", metavar="PATH", help="check this hand file instead of the default")
    parser.add_argument("--weights", metavar="DIR", help="check these weights instead of the shipped ones")
    parser.add_argument("--json", action="store_true", help="print a report as JSON")
    return parser
