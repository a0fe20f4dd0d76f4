"""One shard: a few objects from specification to verified grasps. The same seed gives the same shard."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import torch

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_evaluation.physics.slip import SlipSettings, slip_distances, unit_inertia
from fastgrasp_evaluation.physics.wrench import worst_wrench_residual
from fastgrasp_synthesis.grasp_set import GraspSet
from fastgrasp_synthesis.grasp_types import TYPE_NAMES
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.object_specs import ObjectSpecError, make_object
from fastgrasp_synthesis.optimise import Optimised, Optimiser, OptimiseSettings
from fastgrasp_synthesis.packing import place_in_group
from fastgrasp_synthesis.starts import Chords, StartSampler, find_chords
from fastgrasp_synthesis.verify import VerifySettings, cheap_tests, self_depths, shared_volumes, slip_limits


@dataclass(frozen=True)
class ShardSettings:
    """Everything that decides what is in a shard, but the seed."""

    objects_per_shard: int = 8
    grasps: int = 100  # kept for each object, at most
    candidates: int = 100  # optimised for each object in a round
    enough: int = 48  # an object with fewer verified grasps gets another round
    rounds: int = 6
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

    candidates: Counter = field(default_factory=Counter)
    kept: Counter = field(default_factory=Counter)
    rejected: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)


@dataclass
class Verified(Optimised):
    """N hands that passed, how deep each lies in its object (N,) and how far the object moved (N,6), metres."""

    depth: torch.Tensor
    moved: torch.Tensor


class ShardMaker:
    """Holds what all shards of a process share: the hand and its banks of postures."""

    def __init__(self, settings: ShardSettings, hands: Hands | None = None, device: str = "cpu",
                 make_object: Callable = make_object) -> None:  # fmt: skip
        self.settings, self.make_object = settings, make_object
        self.hands = hands or Hands(device=device)
        self.device = self.hands.device
        self.sampler = StartSampler(self.hands)
        self.optimiser = Optimiser(self.hands, settings.optimise)

    def make(self, specs: list[str], seed: int) -> tuple[GraspSet, ShardReport]:
        """Verified grasps on the objects of `specs`; an object that cannot be made or held keeps its row, empty.

        All objects get a round of candidates; those on which fewer than `enough` were verified get up to `rounds`.
        """
        report, clock, s = ShardReport(), _Clock(), self.settings
        generator = torch.Generator().manual_seed(seed)
        usable, meshes = self._meshes(specs)
        clock.lap("objects")
        pairs = [(mesh.vertices, mesh.faces) for mesh in meshes]
        grids = SignedDistanceGrids.from_meshes(pairs, s.cells, s.padding, torch.float32).to(self.device)
        chords = [_chords(mesh, grids, row, s.chords, seed, self.device) for row, mesh in enumerate(meshes)]
        clock.lap("distances")
        parts: list[Verified] = []
        under_filled = torch.arange(len(meshes), device=self.device)
        for _ in range(s.rounds):
            found = self._candidates(chords, grids, under_filled, generator)
            clock.lap("optimise")
            parts.append(self._verified(found, meshes, grids, report, clock))
            report.candidates += _by_type(found.kind)
            counts = sum(torch.bincount(part.object, minlength=len(meshes)) for part in parts)
            under_filled = (counts < s.enough).nonzero().squeeze(1)
            if not len(under_filled):
                break
        found = Verified.join(parts)
        kept = _best_of_each(found.pick(torch.argsort(found.object, stable=True)), s.grasps)
        report.kept, report.seconds = _by_type(kept.kind), clock.laps
        return self._grasp_set(kept, specs, usable, sum(report.candidates.values())), report

    def _candidates(self, chords: list[Chords], grids: SignedDistanceGrids, objects: torch.Tensor,
                    generator: torch.Generator) -> Optimised:  # fmt: skip
        """Optimised hands on the objects of these rows, `candidates` on each."""
        s = self.settings
        rows = objects.repeat_interleave(s.candidates * s.optimise.screen)
        starts = self.sampler.draw(chords, grids, rows, generator, s.beta_spread)
        starts = self.optimiser.screened(starts, grids, s.candidates * len(objects))
        return self.optimiser.run(starts, grids)

    def _verified(self, found: Optimised, meshes: list, grids: SignedDistanceGrids, report: ShardReport,
                  clock: _Clock) -> Verified:
        """The hands that pass every test, cheap tests first; what each test turned away goes into the report."""
        limits = self.settings.verify
        verdict = cheap_tests(self.hands, found, grids, limits)
        report.rejected.update(verdict.rejected)
        rows = verdict.passed.nonzero().squeeze(1)

        def passing(name: str, good: torch.Tensor, stage: str) -> torch.Tensor:
            report.rejected[name] += int((~good).sum())
            clock.lap(stage)
            return rows[good]

        residual = worst_wrench_residual(verdict.vertices[rows], self.hands.layer.closed_faces, verdict.distance[rows],
                                         grids, found.object[rows])
        rows = passing("gravity", residual <= limits.gravity, "tests")
        inertias = torch.stack([unit_inertia(mesh) for mesh in meshes]).to(self.device)
        slipped = slip_distances(verdict.vertices[rows], found.object[rows], grids, inertias, self.settings.slip)
        moved = slipped.new_zeros(len(verdict.passed), slipped.shape[1]).index_put_((rows,), slipped)
        allowed = torch.tensor(slip_limits(meshes, limits), dtype=moved.dtype, device=self.device)
        rows = passing("slip", slipped.amax(1) < allowed[found.object[rows]], "slip")
        volumes = shared_volumes(self.hands, verdict.vertices[rows], found.object[rows], meshes)
        rows = passing("volume", torch.from_numpy(volumes <= limits.volume).to(self.device), "volume")
        depths = self_depths(self.hands, verdict.vertices[rows])
        rows = passing("self_depth", torch.from_numpy(depths <= limits.self_depth).to(self.device), "self_depth")
        return Verified(**vars(found.pick(rows)), depth=verdict.depth[rows], moved=moved[rows])

    def _meshes(self, specs: list[str]) -> tuple[list[int], list]:
        """Rows and meshes of the objects that can be made. Raises ObjectSpecError if there are none."""
        made = {}
        for row, spec in enumerate(specs):
            with suppress(ObjectSpecError):
                made[row] = self.make_object(spec)
        if not made:
            raise ObjectSpecError(f"none of {', '.join(specs)} could be made")
        return list(made), list(made.values())

    def _grasp_set(self, kept: Verified, specs: list[str], usable: list[int], candidates: int) -> GraspSet:
        parameters = self.hands.parameters(kept.betas, kept.rotations, kept.transl).cpu().numpy()
        return GraspSet(betas=parameters[:, :10], global_orient=parameters[:, 10:13], hand_pose=parameters[:, 13:58],
                        transl=parameters[:, 58:], object=np.array(usable, dtype=np.int32)[kept.object.cpu().numpy()],
                        grasp_type=kept.kind.cpu().numpy().astype(np.int8), depth=kept.depth.cpu().numpy(),
                        displacement=kept.moved.cpu().numpy(), objects=list(specs), grasp_types=list(TYPE_NAMES),
                        hand=self.hands.layer.name, candidates=candidates)


def _chords(mesh, grids: SignedDistanceGrids, row: int, count: int, seed: int, device) -> Chords:
    import trimesh

    points, faces = trimesh.sample.sample_surface(mesh, count, seed=seed)
    normals = torch.tensor(mesh.face_normals[faces], dtype=torch.float32, device=device)
    return find_chords(torch.tensor(np.asarray(points), dtype=torch.float32, device=device), normals, grids, row)


def _best_of_each(found: Verified, keep: int) -> Verified:
    """At most `keep` grasps of each object, in order: of every grasp type in turn its steadiest."""
    objects, kinds = found.object.cpu().numpy(), found.kind.cpu().numpy()
    worst = found.moved.amax(1).cpu().numpy()
    turn = place_in_group(np.lexsort((worst, kinds, objects)), objects, kinds)  # 0 for the steadiest of its type
    place = place_in_group(np.lexsort((worst, turn, objects)), objects)
    return found.pick(torch.from_numpy(np.flatnonzero(place < keep)).to(found.depth.device))


def _by_type(kinds: torch.Tensor) -> Counter:
    return Counter({TYPE_NAMES[kind]: int((kinds == kind).sum()) for kind in kinds.unique().tolist()})


class _Clock:
    def __init__(self) -> None:
        self.laps, self._last = Counter(), time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] += now - self._last
        self._last = now
