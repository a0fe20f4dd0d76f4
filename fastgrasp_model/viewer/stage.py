"""Hand and object of a grasp as things to draw: made when asked for, the last ones kept."""

from __future__ import annotations

from functools import lru_cache
from threading import RLock

import numpy as np

from fastgrasp_model.render_scene import SceneHand, SceneObject
from fastgrasp_model.viewer.sets import BrowsableSet
from fastgrasp_model.viewer.sides import best_side


class ViewerScenes:
    """The grasps of a set as drawable things, in the frame of their object, metres. Safe to ask from many threads.

    layer: the hand, by default the one the set names; it is read when the first hand is asked for.
    """

    def __init__(self, grasps: BrowsableSet, layer=None) -> None:
        self._set, self._layer, self._lock = grasps, layer, RLock()
        self._objects = lru_cache(64)(self._make_object)
        self._hands = lru_cache(64)(self._make_hand)

    @property
    def layer(self):
        """The `ManoLayer` that poses the hands."""
        with self._lock:
            if self._layer is None:
                self._layer = self._set.layer()
            return self._layer

    def object(self, number: int) -> SceneObject:
        """The object, or nothing to draw where its specification makes no object any more (see `why_missing`)."""
        with self._lock:
            return self._objects(number)[0]

    def why_missing(self, number: int) -> str:
        """Why an object cannot be drawn; empty if it can."""
        with self._lock:
            return self._objects(number)[1]

    def hand(self, row: int) -> SceneHand:
        """The hand of a grasp."""
        with self._lock:
            return self._hands(row)[0]

    def side(self, row: int) -> np.ndarray:
        """Direction (3,) from which to look at a grasp."""
        with self._lock:
            hand, keypoints = self._hands(row)
            return best_side(self.object(int(self._set.object_of[row])), hand, keypoints)

    def _make_object(self, number: int) -> tuple[SceneObject, str]:
        try:
            return SceneObject(self._set.mesh(number)), ""
        except ValueError as error:
            return SceneObject(None), str(error)

    def _make_hand(self, row: int) -> tuple[SceneHand, np.ndarray]:
        from fastgrasp_model.grasps import Grasps

        posed = Grasps.from_parameters(self._set.parameters(np.array([row])), self.layer)
        return SceneHand(posed.vertices[0], posed.faces, posed.keypoints[0]), posed.keypoints[0]
