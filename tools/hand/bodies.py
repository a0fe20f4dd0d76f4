"""Bodies of the source: the neutral one behind the template, and seeded samples behind the shape space.

The source mixes a body from "macro" targets (race x gender x age, and gender x age x muscle x weight) and local ones,
linearly in products of the axis weights, as in MakeHuman.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from .source import read_target

RACES = ("african", "asian", "caucasian")
LOCAL = {  # each with the endings -decr and -incr
    "diameter": "hands/r-hand-fingers-diameter", "length": "hands/r-hand-fingers-length",
    "distance": "hands/r-hand-fingers-distance", "scale": "hands/r-hand-scale", "wrist": "hands/measure-wrist-circ",
    "forearm": "arms/r-lowerarm-fat",
}  # fmt: skip
# The default fingers of the source are thin: 45 % of its own "thicker fingers" target makes them human.
NEUTRAL_DIAMETER = 0.45
# Standard deviation of hand length over its mean; with it three units of shape 0 reach from the 1st percentile of
# women to the 99th of men (docs/open_hand_provenance.md).
LENGTH_DEVIATION = 0.0613
# Standard deviation along each local axis of the source; at more than 0.6 of an axis thumbs and fingers turn lumpy.
LOCAL_DEVIATION = 0.16


@dataclass(frozen=True)
class BodyParameters:
    """Where a body lies on the source's axes: 0..1 each, local ones -1..1; `size` is its hand length over the mean's.

    The source has no targets for the breadth of the palm and the thickness of the thumb; `palm` and `thumb` are their
    relative changes, applied in `unpose.py`.
    """

    gender: float = 0.5
    age: float = 0.0
    muscle: float = 0.5
    weight: float = 0.5
    races: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    size: float = 1.0
    palm: float = 0.0
    thumb: float = 0.0
    local: dict[str, float] = field(default_factory=lambda: {"diameter": NEUTRAL_DIAMETER})


def sample_bodies(count: int, seed: int) -> list[BodyParameters]:
    """Draw seeded people: all the source's axes, hand length, 4 % deviation in the palm, 6 % in the thumb."""
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(count):
        deviation = rng.normal(size=len(LOCAL))
        local = dict(zip(LOCAL, np.clip(LOCAL_DEVIATION * deviation, -0.6, 0.6), strict=True))
        local |= {"diameter": float(np.clip(NEUTRAL_DIAMETER + 0.25 * deviation[0], -0.2, 1.1)), "scale": 0.0}
        gender, age = rng.uniform(), rng.uniform(0, 0.8)
        muscle, weight = (float(np.clip(rng.normal(0.5, 0.2), 0, 1)) for _ in range(2))
        races = tuple(rng.dirichlet(np.ones(3)))
        size = 1 + LENGTH_DEVIATION * float(np.clip(rng.normal(), -2.5, 2.5))
        palm, thumb = (float(np.clip(s * rng.normal(), -2.5 * s, 2.5 * s)) for s in (0.04, 0.06))
        people.append(BodyParameters(gender, age, muscle, weight, races, size, palm, thumb, local))
    return people


def _levels(value: float) -> dict[str, float]:
    """Weigh min, average and max at a value 0..1: piecewise linear, as the source defines them."""
    high, low = max(0.0, 2 * value - 1), max(0.0, 1 - 2 * value)
    return {"min": low, "average": 1 - high - low, "max": high}


class BodyFactory:
    """Turns parameters into vertices (B, 3) of the whole base mesh, in decimetres."""

    def __init__(self, folder: Path, base: np.ndarray) -> None:
        self._folder, self._base = folder, base
        self._target = lru_cache(maxsize=None)(lambda name: read_target(folder, name, len(base)))

    def _macro_terms(self, body: BodyParameters):
        """Yield the name and the share of every macro target."""
        genders = {"female": 1 - body.gender, "male": body.gender}
        ages = {"young": 1 - body.age, "old": body.age}
        muscle, weight = _levels(body.muscle), _levels(body.weight)
        for gender, age in product(genders, ages):
            share = genders[gender] * ages[age]
            for race, part in zip(RACES, body.races, strict=True):
                yield f"macrodetails/{race}-{gender}-{age}", share * part
            for m, w in product(muscle, weight):
                yield f"macrodetails/universal-{gender}-{age}-{m}muscle-{w}weight", share * muscle[m] * weight[w]

    def vertices(self, body: BodyParameters) -> np.ndarray:
        """Add all targets of a body to the base mesh (B, 3); `size`, `palm` and `thumb` are not applied here."""
        result = self._base.copy()
        for name, share in self._macro_terms(body):
            if share > 1e-9:
                result += share * self._target(name)
        for name, value in body.local.items():
            if value:
                result += abs(value) * self._target(f"{LOCAL[name]}-{'incr' if value > 0 else 'decr'}")
        return result
