"""What is measured of a row of the ablations: its grasps by the benchmark, its autoencoder by reconstruction."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from argparse import Namespace
from pathlib import Path

import torch

from fastgrasp_model.weights import load_model
from fastgrasp_training.configuration import TrainingConfig


def measure_row(row, config: TrainingConfig, trained: dict, weights: Path, options: Namespace) -> dict:
    """{"generated": {object set: report}, "reconstructed": report or None}; kept in files, measured once."""
    folder = weights.parent
    generated = {}
    if 1 in row.tables:
        for name, arguments in object_sets(config, options).items():
            generated[name] = _benchmark(arguments, weights, folder / f"{name}.json", row.label, options)
    back = None
    if 4 in row.tables:
        path = folder / f"reconstructed-{options.split}-{options.reconstructed}.json"
        if not path.exists():
            _write(path, reconstructed(config, trained["autoencoder"], row.label, options))
        back = json.loads(path.read_text())
    return {"generated": generated, "reconstructed": back}


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
    from fastgrasp_training.sources import by_turns, resolve

    objects = sorted(resolve(config.data.wanted, options.split).objects, key=lambda one: one.name)
    chosen = [objects[number] for number in by_turns(objects)[: options.held_out]]
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
    from fastgrasp_evaluation.benchmark import main

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


def reconstructed(config: TrainingConfig, weights: Path, label: str, options: Namespace) -> dict:
    """Grasps of held-out objects through the autoencoder and back: the benchmark's report, with three columns more.

    Added under "reconstruction": vertex_error_mm and contact_kept_share (of `reconstruction.Reconstruction`), and
    "true", the report of the grasps themselves.
    """
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_training.data import build_bank, load_training_data
    from fastgrasp_training.reconstruction import reconstruct

    hand = ManoLayer.from_file()
    model = load_model(weights, hand)
    data = load_training_data(config.data, hand, split=options.split)
    torch.manual_seed(0)
    bank = build_bank(data, model, 1, seed=0)
    index = torch.arange(min(options.reconstructed, len(bank)))
    found = reconstruct(model, data, bank, index)
    reports = [_measured(state, found.object, hand, data, label, options) for state in (found.made, found.true)]
    reports[0]["reconstruction"] = {
        "grasps": len(index),
        "vertex_error_mm": found.vertex_error_mm,
        "contact_kept_share": found.contact_kept_share,
        "true": reports[1]["table"],
    }
    return reports[0]


def _measured(state, owner, hand, data, label: str, options: Namespace) -> dict:
    from fastgrasp_evaluation.metrics.hand_set import HandSet
    from fastgrasp_evaluation.metrics.parallel import Task, measure_tasks
    from fastgrasp_evaluation.metrics.protocols import protocol_names
    from fastgrasp_evaluation.metrics.summary import build_report
    from fastgrasp_model.grasps import Grasps

    parameters = state.parameters(hand)
    tasks = []
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
