"""What is measured of a row of the ablations: its grasps by the benchmark, its autoencoder by reconstruction."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from argparse import Namespace
from pathlib import Path

import torch

from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import TrainingConfig

CONTACT = 0.002  # metres; a hand nearer than this touches


def measure_row(row, config: TrainingConfig, trained: dict, weights: Path, options: Namespace) -> dict:
    """{"generated": {object set: report}, "reconstructed": report or None}; kept in files, measured once."""
    folder = weights.parent
    generated = {}
    if 1 in row.tables:
        for name, arguments in object_sets(config, options).items():
            generated[name] = _benchmark(arguments, weights, folder / f"{name}.json", row.label, options)
    reconstructed = None
    if 4 in row.tables:
        path = folder / f"reconstructed-{options.split}-{options.reconstructed}.json"
        if not path.exists():
            _write(path, reconstruct(config, trained["autoencoder"], row.label, options))
        reconstructed = json.loads(path.read_text())
    return {"generated": generated, "reconstructed": reconstructed}


def object_sets(config: TrainingConfig, options: Namespace) -> dict[str, list[str]]:
    """What the benchmark is told for each set of objects: held-out families of ours, and the ten of HO-3D."""
    asked = f"{options.samples}x{options.seeds}{'' if options.simulate else '-geometry'}"
    folder = held_out_meshes(config, options)
    sets = {f"held_out-{options.split}-{options.held_out}-{asked}": ["objects", "--objects", str(folder)]}
    if options.ho3d:
        sets[f"ho3d-{asked}"] = ["ho3d-objects", "--objects", str(options.ho3d)]
    return sets


def held_out_meshes(config: TrainingConfig, options: Namespace) -> Path:
    """A folder with the meshes of objects of the split, of as many different families as there are.

    Raises DataSourceError or what else `sources.resolve` raises: there are no objects in that split.
    """
    from fastgrasp_training.sources import resolve

    turn: dict[str, int] = {}
    order = []
    for source in sorted(resolve(config.data.wanted, options.split).objects, key=lambda one: one.name):
        turn[source.family] = turn.get(source.family, 0) + 1  # the first of every family, then the second, ...
        order.append((turn[source.family], source.name, source))
    chosen = [source for _, _, source in sorted(order, key=lambda one: one[:2])[: options.held_out]]
    key = hashlib.sha256("\n".join(source.identity() for source in chosen).encode()).hexdigest()[:8]
    folder = Path(options.out) / "objects" / f"{options.split}-{options.held_out}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    for source in chosen:
        path = folder / f"{source.name}.ply"
        if not path.exists():
            part = path.with_name(f"{source.name}.part")
            part.write_bytes(source.load()[0].export(file_type="ply"))
            part.replace(path)
    return folder


def _benchmark(arguments: list[str], weights: Path, path: Path, label: str, options: Namespace) -> dict:
    """The report of `fastgrasp benchmark` on a row's weights."""
    from fastgrasp_training.benchmark import main

    if not path.exists():
        part = path.with_name(f"part-{path.name}")
        command = [
            *arguments, "--weights", str(weights), "--samples", str(options.samples), "--seeds", str(options.seeds),
            "--protocol", "both", "--label", label, "--workers", str(options.workers), "--json", str(part), "--quiet",
        ]  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            main(command if options.simulate else [*command, "--no-simulation"])
        part.replace(path)
    return json.loads(path.read_text())


@torch.no_grad()
def reconstruct(config: TrainingConfig, weights: Path, label: str, options: Namespace) -> dict:
    """Grasps of held-out objects through the autoencoder and back: the benchmark's report, with three columns more.

    Added under "reconstruction": vertex_error_mm (mean distance of corresponding vertices), contact_kept_share (of the
    hands that touched, those that still do), and "true", the report of the grasps themselves.
    """
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_training.data import build_bank, load_training_data

    hand = ManoLayer.from_file()
    model = FastGraspModel.from_pretrained(weights, hand)
    data = load_training_data(config.data, hand, split=options.split)
    torch.manual_seed(0)
    bank = build_bank(data, model, 1, seed=0)
    index = torch.arange(min(options.reconstructed, len(bank)))
    frames, grasp = bank.frames_of(index), bank.grasp[index]
    true = data.rows(grasp)
    latents = [model.encode(part) for part in _chunks(true.moved_back(*frames))]
    made = model.decode(torch.cat(latents)).moved(*frames)
    shapes = [torch.cat([model.hands(part) for part in _chunks(state)]) for state in (true, made)]
    touches = [(data.objects.grids.query(v, data.object[grasp]).amin(1) < CONTACT) for v in shapes]
    reports = [_measured(state, hand, data, grasp, label, options) for state in (made, true)]
    reports[0]["reconstruction"] = {
        "grasps": len(index),
        "vertex_error_mm": float((shapes[0] - shapes[1]).norm(dim=-1).mean() * 1000),
        "contact_kept_share": float((touches[0] & touches[1]).sum() / touches[0].sum().clamp(min=1)),
        "true": reports[1]["table"],
    }
    return reports[0]


def _chunks(state, size: int = 256):
    return [type(state)(*parts) for parts in zip(*(value.split(size) for value in state), strict=True)]


def _measured(state, hand, data, grasp, label: str, options: Namespace) -> dict:
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.metrics.hand_set import HandSet
    from fastgrasp_model.metrics.parallel import Task, measure_tasks
    from fastgrasp_model.metrics.protocols import protocol_names
    from fastgrasp_model.metrics.summary import build_report

    parameters = state.parameters(hand.rest_joints(state.betas)[:, 0])
    owner, tasks = data.object[grasp], []
    for number in owner.unique().tolist():
        target = data.specs[number]
        grasps = Grasps.from_parameters(parameters[owner == number], hand)
        tasks.append(Task(target, 0, HandSet.from_grasps(grasps, target.name)))
    protocols = protocol_names("both")
    measured = measure_tasks(tasks, protocols, options.simulate, options.workers, True, None)
    settings = {"command": "reconstruction", "label": label, "simulated": options.simulate, "hand": hand.name}
    return build_report(sorted(measured, key=lambda part: part.object_name), protocols, settings)


def _write(path: Path, report: dict) -> None:
    part = path.with_name(f".{path.name}")
    part.write_text(json.dumps(report, indent=1) + "\n")
    part.replace(path)
