"""The commands of `fastgrasp`, and the optional packages ("extras") that some of them need."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

DISTRIBUTION = "fastgrasp-ros2"

# The core: what every installation has (pyproject.toml, `dependencies`).
CORE = (
    "numpy", "scipy", "torch", "trimesh", "safetensors", "libigl", "embreex", "pyyaml", "pydantic", "rich", "tyro",
    "pillow",
)  # fmt: skip


@dataclass(frozen=True)
class Extra:
    """An extra of the distribution: what it is for, and its packages, as pyproject.toml lists them."""

    purpose: str
    packages: tuple[str, ...]


EXTRAS = {
    "eval": Extra("evaluate, benchmark, study", ("jinja2", "matplotlib")),
    "legacy": Extra("the simulator of the published protocol", ("pybullet",)),
    "training": Extra("train, synthesize", ("lightning", "tensorboard", "manifold3d")),
    "export": Extra("export --to usd, export --rigged", ("usd-core", "pygltflib")),
    "viewer": Extra("view in the browser", ("viser",)),
    "ray": Extra("synthesize --ray", ("ray",)),
}

MODULES = {"usd-core": "pxr"}  # packages that are imported under another name

# Command -> what it does, and the extra that brings what it needs beyond the core.
COMMANDS = {
    "check": ("report what is installed, and the hand, weights and device in use", None),
    "generate": ("generate grasps for a point cloud or a mesh", None),
    "export": ("write saved grasps for other programs", None),
    "export-hand": ("write the hand as a model for simulators", None),
    "view": ("draw saved grasps, or page through a grasp set", None),
    "evaluate": ("measure saved grasps on their objects", "eval"),
    "benchmark": ("generate grasps for many objects and measure them", "eval"),
    "study": ("make a user study of several methods' grasps, or count its answers", "eval"),
    "synthesize": ("make a grasp set by optimisation", "training"),
    "train": ("train the networks", "training"),
}


def extra_of(module: str | None) -> str | None:
    """Return the extra that brings a module, None for one that no extra lists."""
    package = (module or "").partition(".")[0]
    return next((name for name, extra in EXTRAS.items() if package in map(module_of, extra.packages)), None)


def module_of(package: str) -> str:
    """Return the name under which a package is imported."""
    return MODULES.get(package, package)


def remedy(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


class MissingExtraError(ImportError):
    """A package of an extra is not installed. The message names the remedy."""


def require(package: str, purpose: str, extra: str = "eval") -> ModuleType:
    """Import a package of an extra. Raises MissingExtraError."""
    try:
        return import_module(package)
    except ImportError as error:
        word = "evaluation" if extra == "eval" else extra
        raise MissingExtraError(f"{purpose} needs the {word} extra: {remedy(extra)}") from error
