"""Grasps as other programs read them: one file for each consumer, with a class that writes what it reads.

A new consumer is a subclass of `Exporter` in a file of its own, and a line in `EXPORTERS`: its name is what
`fastgrasp export --to` takes. docs/export.md says what is in each file.
"""

from fastgrasp_model.export.exporter import Exporter, ExportError, ExportScene
from fastgrasp_model.export.meshes import GlbExporter, ObjExporter, PlyExporter
from fastgrasp_model.export.usd import UsdExporter

EXPORTERS: dict[str, Exporter] = {
    "obj": ObjExporter(), "ply": PlyExporter(), "glb": GlbExporter(), "usd": UsdExporter(),
}  # fmt: skip

__all__ = ["EXPORTERS", "ExportError", "ExportScene", "Exporter"]
