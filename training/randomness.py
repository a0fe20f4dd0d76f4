"""The random numbers of a training step: a function of seed, stage and step, on every device and for any processes.

They are drawn on the CPU for the whole batch, and every process keeps its rows: a run that was killed and goes on, or
that is shared between processes, sees the numbers that one uninterrupted process would have seen.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def step_seed(seed: int, stage: str, step: int | str) -> int:
    """A seed of its own for every step of every stage."""
    digest = hashlib.sha256(f"{seed} {stage} {step}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class StepGenerator:
    """Random rows for the samples of one process: rank r of `world` has rows r, r + world, ... of the batch's."""

    def __init__(
        self, seed: int = 0, rank: int = 0, world: int = 1, device: torch.device | str = "cpu",
    ):  # fmt: skip
        self._numbers = torch.Generator().manual_seed(seed)
        self.rank, self.world, self.device = rank, world, device

    def normal(self, rows: int, *shape: int) -> Tensor:
        """Standard normal numbers (rows, *shape)."""
        return self._mine(torch.randn(rows * self.world, *shape, generator=self._numbers))

    def uniform(self, rows: int, *shape: int) -> Tensor:
        """Numbers (rows, *shape) from 0 to 1."""
        return self._mine(torch.rand(rows * self.world, *shape, generator=self._numbers))

    def integers(self, high: int, rows: int) -> Tensor:
        """Whole numbers (rows,) from 0 to high - 1."""
        return self._mine(torch.randint(high, (rows * self.world,), generator=self._numbers))

    def shared(self, high: int) -> int:
        """One whole number from 0 to high - 1, the same in all processes."""
        return int(torch.randint(high, (1,), generator=self._numbers))

    def _mine(self, whole: Tensor) -> Tensor:
        return whole[self.rank :: self.world].to(self.device)
