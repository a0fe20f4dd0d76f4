"""A `ShardMaker` that works in milliseconds, for tests of what runs around it; also in processes that tests start.

Specifications: `fail:1` raises, `kill:1` kills its process, `once:1` only the first time (a file in $TOY_FOLDER
remembers), `sleep:1` takes a minute; anything else gives `grasps` random grasps.
"""

import os
import signal
import sys
import time
import types
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fastgrasp_synthesis.grasp_set import GraspSet

NAME = "fastgrasp_synthesis.shard"


@dataclass(frozen=True)
class Settings:
    objects_per_shard: int = 2
    grasps: int = 3
    optimise: dict = field(default_factory=lambda: {"steps": 7})

    def __setstate__(self, state: dict) -> None:
        """Unpickled in a worker: from here on the toy is what makes shards."""
        self.__dict__.update(state)
        sys.modules[NAME] = types.SimpleNamespace(ShardMaker=ShardMaker)


class ShardMaker:
    def __init__(self, settings: Settings, hands=None, device: str = "cpu", make_object=None) -> None:
        if device == "no hand":
            raise OSError("no hand file")
        self.settings, self.make_object = settings, make_object

    def make(self, specs: list[str], seed: int):
        for spec in specs:
            _act(spec)
        count = self.settings.grasps * len(specs)
        rng = np.random.default_rng(seed)
        drawn = {name: rng.normal(size=(count, n)).astype(np.float32) for name, n in _WIDTHS.items()}
        kinds = np.arange(count, dtype=np.int8) % 2
        grasps = GraspSet(**drawn, object=np.repeat(np.arange(len(specs), dtype=np.int32), self.settings.grasps),
                          grasp_type=kinds, depth=np.zeros(count, np.float32), objects=list(specs),
                          grasp_types=["wrap", "pinch"], hand="toy", candidates=2 * count)
        kept = Counter({name: int((kinds == n).sum()) for n, name in enumerate(("wrap", "pinch"))})
        tried = Counter({name: 2 * n for name, n in kept.items()})
        report = types.SimpleNamespace(candidates=tried, kept=kept, rejected=Counter(slip=count),
                                       seconds=Counter(optimise=0.5))
        return grasps, report


_WIDTHS = {"betas": 10, "global_orient": 3, "hand_pose": 45, "transl": 3, "displacement": 6}


def _act(spec: str) -> None:
    kind = spec.split(":")[0]
    memory = Path(os.environ.get("TOY_FOLDER", ".")) / f"{kind}_{spec.split(':')[1]}"
    if kind == "fail":
        raise ValueError(f"{spec} cannot be made")
    if kind == "kill" or (kind == "once" and not memory.exists()):
        memory.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "sleep":
        time.sleep(60)
