"""Sources of `--data`: the open set, other data sets, own grasps, or several of them as one training set."""

from fastgrasp_synthesis.open_set import MadeObject
from fastgrasp_training.sources.object_source import MeshObject, ObjectSource, as_source, by_turns
from fastgrasp_training.sources.request import DataSourceError, Request
from fastgrasp_training.sources.resolve import TrainingGrasps, resolve

__all__ = [
    "DataSourceError", "MadeObject", "MeshObject", "ObjectSource", "Request", "TrainingGrasps", "as_source", "by_turns",
    "resolve",
]
