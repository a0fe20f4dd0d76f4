"""`fastgrasp export-hand --format mjcf|urdf`: write the hand as an articulated model for simulators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from fastgrasp_model.commands.shared import AboveZero, InputError, check_output, parse


@dataclass
class ExportHandOptions:
    """Write the hand as an articulated model: convex bodies, 45 hinges with limits, position actuators.

    examples: fastgrasp export-hand --format mjcf --out hand.xml
              fastgrasp export-hand --format urdf --out hand/hand.urdf --side left --grasp mug.npz
    """

    format: Literal["mjcf", "urdf"]
    """mjcf: one file for MuJoCo; urdf: one file, and a folder meshes/ beside it"""
    out: Annotated[Path, arg(metavar="FILE")]
    """.xml for mjcf, .urdf for urdf"""
    side: Literal["right", "left"] = "right"
    """which hand"""
    mano: Path | None = None
    """your MANO file, .pkl or .npz (default: the open hand)"""
    grasp: Annotated[Path | None, arg(metavar="FILE.npz")] = None
    """take the hand's shape (betas) from the first grasp of this file (default: the mean hand)"""
    wrist: Literal["mocap", "joints"] = "mocap"
    """mjcf: a free wrist welded to a mocap body, or six joints with position actuators"""
    mass: AboveZero = 0.4
    """of the whole hand, kg"""
    friction: AboveZero = 0.6
    """sliding friction of the skin (mjcf)"""
    stiffness: AboveZero = 5.0
    """of each hinge's actuator, N m/rad (mjcf)"""
    torque: AboveZero = 3.0
    """the most that a hinge's actuator gives, N m"""
    contact_time: AboveZero = 0.005
    """time constant of the skin's soft contact, s (mjcf)"""
    self_collision: bool = False
    """let the fingers of the hand touch each other (mjcf)"""


def main(argv: list[str]) -> int:
    """Write the model and print its path."""
    options = parse(ExportHandOptions, argv, "fastgrasp export-hand")
    check_output(options.out, (".xml",) if options.format == "mjcf" else (".urdf",))

    from fastgrasp_model.export.articulated_hand import HandArticulator
    from fastgrasp_model.hand.mano_layer import ManoLayer

    layer = ManoLayer.from_file(options.mano, side=options.side)
    hand = HandArticulator(layer)(_betas(options.grasp))
    paths = _write(hand, options)
    bodies = sum(len(link.pieces) for link in hand.links)
    print(f"wrote {options.out}: {options.side} {layer.name}, {len(hand.links)} links, {bodies} convex bodies", end="")
    print(f", {len(paths) - 1} meshes" if len(paths) > 1 else "")
    return 0


def _betas(path: Path | None):
    """Return the shape (10,) of a file's first grasp, None without a file."""
    if path is None:
        return None
    from fastgrasp_model.grasps import Grasps

    grasps = Grasps.load(path)
    if not len(grasps):
        raise InputError(f"{path} holds no grasps")
    return grasps.betas[0]


def _write(hand, options: ExportHandOptions) -> list[Path]:
    """Write the files of the model, the one that names the others last."""
    from fastgrasp_model.export.mjcf import HandDynamics, mjcf
    from fastgrasp_model.export.urdf import urdf
    from fastgrasp_model.files import write_text

    default = HandDynamics()
    dynamics = HandDynamics(
        mass=options.mass, friction=(options.friction, *default.friction[1:]), stiffness=options.stiffness,
        torque=options.torque, solref=(options.contact_time, 1.0), self_collision=options.self_collision,
    )  # fmt: skip
    if options.format == "mjcf":
        return [write_text(options.out, mjcf(hand, dynamics, options.wrist))]
    text, meshes = urdf(hand, dynamics)
    folder = options.out.parent
    return [*(write_text(folder / name, mesh) for name, mesh in meshes.items()), write_text(options.out, text)]
