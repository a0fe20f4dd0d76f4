"""FastGrasp: human grasps for an object's point cloud, in milliseconds.

    from fastgrasp_model import GraspGenerator
    grasps = GraspGenerator.from_pretrained().generate(points, num_grasps=16, seed=0)

The names below load what they need (PyTorch, a hand) when they are first used.
"""

from __future__ import annotations

from importlib import import_module

_FACE = {
    "CloudError": "fastgrasp_model.geometry.clouds",
    "FastGraspModel": "fastgrasp_model.model",
    "GraspFileError": "fastgrasp_model.grasps",
    "GraspGenerator": "fastgrasp_model.generator",
    "Grasps": "fastgrasp_model.grasps",
    "HandModelError": "fastgrasp_model.hand",
    "ManoLayer": "fastgrasp_model.hand",
    "WeightsError": "fastgrasp_model.weights",
    "load_model": "fastgrasp_model.weights",
}
__version__ = "0.1.0"
__all__ = sorted(_FACE)


def __getattr__(name: str):
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FACE[name]), name)
