"""One shard: a few objects from specification to verified grasps. The same seed gives the same shard."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import torch

from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
from fastgrasp_model.metrics.slip import SlipSettings, slip_distances, unit_inertia
from fastgrasp_training.synthesis.grasp_set import GraspSet
from fastgrasp_training.synthesis.hands import GRASP_TYPES, TYPE_NAMES, Hands
from fastgrasp_training.synthesis.objects import ObjectSpecError, make_object
from fastgrasp_training.synthesis.optimise import Optimised, Optimiser, OptimiseSettings
from fastgrasp_training.synthesis.starts import Chords, StartSampler, find_chords
from fastgrasp_training.synthesis.verify import REASONS, VerifySettings, cheap_tests, shared_volumes, slip_limits


@dataclass(frozen=True)
class ShardSettings:
    """Everything that decides what is in a shard, but the seed."""

    objects_per_shard: int = 8
    grasps: int = 24  # kept for each object, at most
    candidates: int = 40  # optimised for each object
    cells: int = 80  # of the signed distance grids
    padding: float = 0.02
    chords: int = 600  # surface points tried for chords
    beta_spread: float = 1.0
    optimise: OptimiseSettings = field(default_factory=OptimiseSettings)
    verify: VerifySettings = field(default_factory=VerifySettings)
    slip: SlipSettings = field(default_factory=SlipSettings)


@dataclass
class ShardReport:
    """What came of a shard: counts of candidates and kept by type, of rejections by reason, and seconds by stage."""

    candidates: Counter
    kept: Counter
    rejected: Counter
    seconds: Counter


class ShardMaker:
    """Holds what all shards of a process share: the hand and its banks of postures."""

    def __init__(self, settings: ShardSettings, hands: Hands | None = None) -> None:
        self.settings = settings
        self.hands = hands or Hands()
        self.sampler = StartSampler(self.hands)
        self.optimiser = Optimiser(self.hands, settings.optimise)

    def make(self, specs: list[str], seed: int) -> tuple[GraspSet, ShardReport]:
        """Verified grasps on the objects of `specs`; an object that cannot be made or held keeps its row, empty."""
        clock = _Clock()
        generator = torch.Generator().manual_seed(seed)
        usable, meshes = _meshes(specs)
        clock.lap("objects")
        s = self.settings
        pairs = [(mesh.vertices, mesh.faces) for mesh in meshes]
        grids = SignedDistanceGrids.from_meshes(pairs, s.cells, s.padding, torch.float32)
        clock.lap("distances")
        found = self._candidates(meshes, grids, seed, generator)
        clock.lap("optimise")
        verdict = cheap_tests(self.hands, found, grids, s.verify)
        rows = verdict.passed.nonzero().squeeze(1)
        clock.lap("tests")
        inertias = torch.stack([unit_inertia(mesh) for mesh in meshes])
        moved = slip_distances(verdict.vertices[rows], found.object[rows], grids, inertias, s.slip)
        clock.lap("slip")
        worst = moved.amax(1).numpy()
        held = worst < slip_limits(meshes, s.verify)[found.object[rows].numpy()]
        volumes = np.full(len(rows), np.inf)
        volumes[held] = shared_volumes(self.hands, verdict.vertices[rows[held]], found.object[rows[held]], meshes)
        shallow = volumes <= s.verify.volume
        clock.lap("volume")
        chosen = _best_of_each(found.object[rows].numpy(), worst, held & shallow, s.grasps)
        turned_away = {"slip": int((~held).sum()), "volume": int((held & ~shallow).sum())}
        rejected = Counter(verdict.rejected) + Counter(turned_away)
        report = ShardReport(_by_type(found.kind), _by_type(found.kind[rows[chosen]]), rejected, clock.laps)
        picked = rows[chosen]
        grasps = self._grasp_set(
            found.pick(picked), verdict.depth[picked], moved[chosen], specs, usable, len(found.kind)
        )
        return grasps, report

    def _candidates(self, meshes: list, grids: SignedDistanceGrids, seed: int, generator: torch.Generator) -> Optimised:
        s = self.settings
        chords = [_chords(mesh, grids, row, s.chords, seed) for row, mesh in enumerate(meshes)]
        objects = torch.arange(len(meshes)).repeat_interleave(s.candidates * s.optimise.screen)
        shares = torch.tensor([kind.share for kind in GRASP_TYPES])
        kinds = torch.multinomial(shares, len(objects), replacement=True, generator=generator)
        starts = self.sampler.draw(chords, grids, kinds, objects, generator, s.beta_spread)
        starts = self.optimiser.screened(starts, grids, s.candidates * len(meshes))
        return self.optimiser.run(starts, grids)

    def _grasp_set(self, found: Optimised, depth: torch.Tensor, moved: torch.Tensor, specs: list[str],
                   usable: list[int], candidates: int) -> GraspSet:  # fmt: skip
        parameters = self.hands.parameters(found.betas, found.rotations, found.transl).numpy()
        return GraspSet(
            betas=parameters[:, :10],
            global_orient=parameters[:, 10:13],
            hand_pose=parameters[:, 13:58],
            transl=parameters[:, 58:],
            object=np.array(usable, dtype=np.int32)[found.object.numpy()],
            grasp_type=found.kind.numpy().astype(np.int8),
            depth=depth.numpy(),
            displacement=moved.numpy(),
            objects=list(specs),
            grasp_types=list(TYPE_NAMES),
            hand=self.hands.layer.name,
            candidates=candidates,
        )


def _meshes(specs: list[str]) -> tuple[list[int], list]:
    usable, meshes = [], []
    for row, spec in enumerate(specs):
        try:
            meshes.append(make_object(spec))
            usable.append(row)
        except ObjectSpecError:
            continue
    if not meshes:
        raise ObjectSpecError(f"none of {', '.join(specs)} could be made")
    return usable, meshes


def _chords(mesh, grids: SignedDistanceGrids, row: int, count: int, seed: int) -> Chords:
    import trimesh

    points, faces = trimesh.sample.sample_surface(mesh, count, seed=seed)
    normals = torch.tensor(mesh.face_normals[faces], dtype=torch.float32)
    return find_chords(torch.tensor(np.asarray(points), dtype=torch.float32), normals, grids, row)


def _best_of_each(objects: np.ndarray, worst: np.ndarray, held: np.ndarray, keep: int) -> torch.Tensor:
    """Rows of the `keep` steadiest grasps of each object, in order."""
    chosen: list[int] = []
    for obj in np.unique(objects):
        rows = np.flatnonzero((objects == obj) & held)
        chosen.extend(rows[np.argsort(worst[rows], kind="stable")[:keep]])
    return torch.tensor(sorted(chosen), dtype=torch.long)


def _by_type(kinds: torch.Tensor) -> Counter:
    return Counter({TYPE_NAMES[kind]: int((kinds == kind).sum()) for kind in kinds.unique().tolist()})


class _Clock:
    def __init__(self) -> None:
        self.laps, self._last = Counter(), time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] += now - self._last
        self._last = now


__all__ = ["REASONS", "ShardMaker", "ShardReport", "ShardSettings"]
