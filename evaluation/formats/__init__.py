"""Anybody's saved grasps as `HandSet`s: our own files, plain arrays, hand meshes, and what published code writes.

`read_hands` tells the kinds apart by their content. docs/foreign_grasps.md describes them all, with an example each.
Nothing here runs code from a file; meshes keep their vertices and the order of them.
"""

from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_evaluation.formats.ours import save_collection
from fastgrasp_evaluation.formats.read import read_hands

__all__ = ["HandFileError", "read_hands", "save_collection"]
