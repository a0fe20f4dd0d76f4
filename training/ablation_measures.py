"""What is measured of a row of the ablations: its grasps by the benchmark, its autoencoder by reconstruction."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from pathlib import Path

import torch

from fastgrasp_evaluation.benchmark import main as benchmark
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.parallel import Task, measure_tasks
from fastgrasp_evaluation.metrics.protocols import protocol_names
from fastgrasp_evaluation.metrics.summary import build_report
from fastgrasp_model.files import write_bytes, write_json
from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.weights import load_model
from fastgrasp_training.ablation_rows import Ablation, AblationOptions
from fastgrasp_training.configuration import TrainingConfig
from fastgrasp_training.data import build_bank, load_training_data
from fastgrasp_training.reconstruction import reconstruct
from fastgrasp_training.sources import by_turns, resolve


def measure_row(
    row: Ablation, config: TrainingConfig, trained: dict, weights: Path, options: AblationOptions
) -> dict:  # fmt: skip
    """Return {"generated": {object set: report}, "reconstructed": report or None}; kept in files, measured once."""
    folder, generated, back = weights.parent, {}, None
    if 1 in row.tables:
        for name, objects in object_sets(config, options).items():
            generated[name] = _benchmark(objects, weights, folder / f"{name}.json", row.label, options)
    if 4 in row.tables:
        path = folder / f"reconstructed-{options.split}-{options.reconstructed}.json"
        if not path.exists():
            write_json(path, reconstructed(config, trained["autoencoder"], row.label, options))
        back = json.loads(path.read_text())
    return {"generated": generated, "reconstructed": back}


def object_sets(config: TrainingConfig, options: AblationOptions) -> dict[str, list[str]]:
    """Return the benchmark's arguments for each set of objects: held-out families of ours, and the ten of HO-3D."""
    asked = f"{options.samples}x{options.seeds}{'' if options.simulation else '-geometry'}"
    folder = held_out_meshes(config, options)
    sets = {f"held_out-{options.split}-{options.held_out}-{asked}": ["objects", "--objects", str(folder)]}
    if options.ho3d:
        sets[f"ho3d-{asked}"] = ["ho3d-objects", "--objects", str(options.ho3d)]
    return sets


def held_out_meshes(config: TrainingConfig, options: AblationOptions) -> Path:
    """Write the meshes of objects of the split, of as many families as possible; returns their folder.

    Raises DataSourceError or what else `sources.resolve` raises where there are none.
    """
    objects = sorted(resolve(config.data.wanted, options.split).objects, key=lambda one: one.name)
    chosen = [objects[number] for number in by_turns(objects)[: options.held_out]]
    key = hashlib.sha256("\n".join(source.identity() for source in chosen).encode()).hexdigest()[:8]
    folder = options.out / "objects" / f"{options.split}-{options.held_out}-{key}"
    for source in chosen:
        path = folder / f"{source.name}.ply"
        if not path.exists():
            write_bytes(path, source.load()[0].export(file_type="ply"))
    return folder


def _benchmark(objects: list[str], weights: Path, path: Path, label: str, options: AblationOptions) -> dict:
    """Return the report of `fastgrasp benchmark` on a row's weights."""
    if not path.exists():
        command = [
            *objects, "--weights", str(weights), "--samples", str(options.samples), "--seeds", str(options.seeds),
            "--protocol", "both", "--label", label, "--workers", str(options.workers), "--json", str(path), "--quiet",
            *([] if options.simulation else ["--no-simulation"]),
        ]  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()):
            benchmark(command)
    return json.loads(path.read_text())


def reconstructed(config: TrainingConfig, weights: Path, label: str, options: AblationOptions) -> dict:
    """Return the benchmark's report on grasps of held-out objects that went through the autoencoder and back.

    Added under "reconstruction": vertex_error_mm and contact_kept_share (of `reconstruction.Reconstruction`), and
    "true", the table of the grasps themselves.
    """
    hand = ManoLayer.from_file()
    model = load_model(weights, hand)
    data = load_training_data(config.data, hand, split=options.split)
    torch.manual_seed(0)
    bank = build_bank(data, model, 1, seed=0)
    index = torch.arange(min(options.reconstructed, len(bank)))
    found = reconstruct(model, data, bank, index)
    report, true = (_measured(state, found.object, hand, data, label, options) for state in (found.made, found.true))
    report["reconstruction"] = {
        "grasps": len(index), "vertex_error_mm": found.vertex_error_mm,
        "contact_kept_share": found.contact_kept_share, "true": true["table"],
    }  # fmt: skip
    return report


def _measured(state, owner, hand, data, label: str, options: AblationOptions) -> dict:
    parameters = state.parameters(hand)
    tasks = []
    for number in owner.unique().tolist():
        target = data.specs[number]
        grasps = Grasps.from_parameters(parameters[owner == number], hand)
        tasks.append(Task(target, 0, HandSet.from_grasps(grasps, target.name)))
    protocols = protocol_names("both")
    measured = measure_tasks(tasks, protocols, options.simulation, options.workers, True, None)
    settings = {"command": "reconstruction", "label": label, "simulated": options.simulation, "hand": hand.name}
    return build_report(sorted(measured, key=lambda part: part.object_name), protocols, settings)
