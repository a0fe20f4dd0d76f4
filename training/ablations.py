"""Train and measure the rows of the paper's ablations (Tables 1 and 4), on the same data and the same budget.

    fastgrasp train ablations --budget small --out out/ablations --ho3d YCB
    fastgrasp train ablations --base config/training/lean.yaml --only whole cvae

Each row is a file in config/training/ablations/, laid over the configuration --base. Stages that rows have in common
are trained once. The same command goes on where an interrupted one stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from fastgrasp_model.commands.shared import parse
from fastgrasp_model.files import write_json
from fastgrasp_training.ablation_measures import measure_row
from fastgrasp_training.ablation_rows import BUDGETS, ROWS, AblationOptions, budgeted, row_config, stages_of, with_data
from fastgrasp_training.ablation_table import write_tables
from fastgrasp_training.checkpoints import identity
from fastgrasp_training.configuration import TrainingConfig
from fastgrasp_training.run import train


def train_row(config: TrainingConfig, stages: tuple[str, ...], out: Path, device: str, quiet: bool) -> dict:
    """Train what is missing of a row; stages lie in `out`/stages by what they depend on, and are shared.

    Returns {"weights": folder, "stages": {stage: key}, "autoencoder": folder or None, "steps": of all stages}.
    """
    keys = {stage: stage_key(config, stage) for stage in stages}
    weights = []
    for number, stage in enumerate(stages):
        here = out / "stages" / f"{stage}-{keys[stage]}"
        if weights:
            copy_weights(weights[-1], here / stages[number - 1] / "weights", config)
        weights.append(here / stage / "weights")
        if not (weights[-1] / "config.json").exists():
            train(config, (stage,), here, device, quiet)
    return {
        "weights": weights[-1], "stages": keys, "autoencoder": weights[0] if stages[0] == "autoencoder" else None,
        "steps": sum(config.stage(stage).steps for stage in stages),
    }  # fmt: skip


def stage_key(config: TrainingConfig, stage: str) -> str:
    """Return a name for the weights of a stage: a digest of everything they depend on."""
    return _digest(identity(config, stage, str(config.data.wanted), ""), 12)


def copy_weights(source: Path, target: Path, config: TrainingConfig) -> Path:
    """Copy weights for a row, with the row's own model configuration; returns `target`."""
    if not (target / "config.json").exists():
        content = json.loads((source / "config.json").read_text()) | {"model": config.model.to_dict()}
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("config.json"), dirs_exist_ok=True)
        write_json(target / "config.json", content, indent=2)  # last: a folder with a configuration is complete
    return target


def _digest(content: object, digits: int) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:digits]


def run(options: AblationOptions) -> Path:
    """Train and measure the rows that were asked for; returns the table's Markdown file."""
    rows = []
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        config = row_config(options.configs / f"{row.name}.yaml", options.base)
        config = budgeted(with_data(config, options), BUDGETS[options.budget])
        stages = stages_of(row, config)
        print(f"{row.label}: {', '.join(stages)}", file=sys.stderr)
        trained = train_row(config, stages, options.out, options.device, options.quiet)
        folder = options.out / "rows" / f"{row.name}-{_digest([config.model.to_dict(), trained['stages']], 8)}"
        weights = copy_weights(trained["weights"], folder / "weights", config)
        figures = measure_row(row, config, trained, weights, options)
        rows.append({"name": row.name, "label": row.label, "tables": row.tables, "stages": trained["stages"],
                     "steps": trained["steps"], "model": config.model.name, **figures})  # fmt: skip
        path = write_tables(rows, options)
    print(f"wrote {path} and {path.with_suffix('.json')}")
    return path


def main(argv: list[str]) -> int:
    """Run the command; returns the exit code."""
    run(parse(AblationOptions, argv, "fastgrasp train ablations", __doc__))
    return 0
