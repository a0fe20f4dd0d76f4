"""Readers of published hand-object data sets from the user's copies; none of their data ships (docs/datasets.md)."""

from fastgrasp_evaluation.datasets.grab import read_grab
from fastgrasp_evaluation.datasets.ho3d import read_ho3d
from fastgrasp_evaluation.datasets.oakink_shape import read_oakink_shape
from fastgrasp_evaluation.datasets.records import DatasetError, GraspRecords, ObjectMesh

__all__ = ["DatasetError", "GraspRecords", "ObjectMesh", "read_grab", "read_ho3d", "read_oakink_shape"]
