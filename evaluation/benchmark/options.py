"""The options of `fastgrasp benchmark`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from fastgrasp_model.commands.shared import AtLeastOne, NotNegative, Seed


@dataclass
class BenchmarkOptions:
    kind: Positional[Literal["ho3d-objects", "objects", "open-set"]]
    """the ten objects of HO-3D; meshes of your own, in metres; the open grasp set"""
    objects: Annotated[tuple[Path, ...], arg(metavar="PATH...")] = ()
    """mesh files, or folders of them"""
    samples: AtLeastOne = 10
    """grasps for each object"""
    candidates: AtLeastOne = 1
    """measure the best of N by the score"""
    protocol: Literal["strict", "legacy", "both"] = "both"
    """which table"""
    cloud: Literal["full", "partial"] = "full"
    """whole surface, or one camera's view"""
    viewpoint: Literal["known", "unknown", "wrong"] = "known"
    """of a partial cloud: the camera's position is told, not told, or told on the object's other side"""
    seed: Seed = 0
    """the first seed"""
    seeds: AtLeastOne = 1
    """number of seeds; with several the tables show mean and standard deviation"""
    grasps: AtLeastOne = 100
    """open-set: number of grasps drawn from the set"""
    set: Annotated[Path | None, arg(metavar="PATH")] = None
    """open-set: another grasp set than the shipped one"""
    data: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="SOURCE")]] = ()
    """grab:/path, oakink:/path, ho3d:/path, ...: its objects, its grasps (docs/datasets.md); may be repeated"""
    split: Literal["train", "validation", "all"] = "all"
    """open-set: of which objects"""
    json: Annotated[Path | None, arg(metavar="FILE.json")] = None
    """write every figure of every grasp"""
    html: Annotated[Path | None, arg(metavar="FILE.html")] = None
    """write a page with tables, plots and pictures"""
    compare: Annotated[tuple[Path, ...], arg(metavar="FILE.json...")] = ()
    """reports to show beside this one"""
    ceiling: Annotated[AtLeastOne | None, arg(metavar="N")] = None
    """show N grasps of the set beside: what training aims at"""
    pictures: NotNegative = 20
    """number of objects that the page shows"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """save the first seed's grasps of each object to this folder"""
    label: str | None = None
    """name of these grasps in the tables"""
    weights: Annotated[Path | None, arg(metavar="DIR")] = None
    """weights folder (default: the shipped weights)"""
    mano: Annotated[Path | None, arg(metavar="FILE")] = None
    """your MANO file (default: the open hand)"""
    device: str = "cpu"
    """cpu or cuda, for generating"""
    workers: AtLeastOne = os.cpu_count() or 1
    """processes"""
    timing: bool = False
    """also measure how long generating takes"""
    simulation: bool = True
    """leave out the columns of the simulator"""
    quiet: bool = False
    """no progress bars"""
