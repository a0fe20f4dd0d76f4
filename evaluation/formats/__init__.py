"""Readers of saved grasps as `HandSet`s: our own files, plain arrays, hand meshes, and the output of published code.

`read_hands` recognizes the format by the content; docs/foreign_grasps.md describes all formats. No code from a file is
run. Meshes keep their vertices and their order.
"""

from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_evaluation.formats.ours import save_collection
from fastgrasp_evaluation.formats.read import read_hands

__all__ = ["HandFileError", "read_hands", "save_collection"]
