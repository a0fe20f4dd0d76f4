"""The paper's ablations, all rows by one command, on the same data and the same budget, and the generated table.

    fastgrasp train ablations --budget small --out out/ablations --ho3d YCB
    python -m fastgrasp_training.ablations --budget toy --out out/toy

Each row is a configuration in config/training/ablations/. Stages that rows have in common are trained once. The command
may be interrupted at any time; the same command goes on where it stopped, and what is done is not done again.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from fastgrasp_model.commands.shared import not_negative, positive
from fastgrasp_training.configuration import STAGES, TrainingConfig

CONFIGS = Path("config/training/ablations")


@dataclass(frozen=True)
class Ablation:
    """One row: its file in `CONFIGS`, its name in the tables, the paper's tables it stands in."""

    name: str
    label: str
    tables: tuple[int, ...]


ROWS = (
    Ablation("cvae", "CVAE", (1,)),
    Ablation("diffusion", "diffusion", (1,)),
    Ablation("diffusion_physical", "diffusion + physical loss", (1,)),
    Ablation("whole", "whole pipeline; autoencoder: vertices in", (1, 4)),
    Ablation("autoencoder_plain", "autoencoder without physical losses", (4,)),
    Ablation("autoencoder_parameters", "autoencoder, hand parameters in", (4,)),
)


@dataclass(frozen=True)
class Budget:
    """What every row may spend: steps of the three stages (a CVAE has them all), the largest batch and cloud."""

    steps: tuple[int, int, int]
    batch: int
    points: int
    views: int
    repeats: int
    cells: int = 64


BUDGETS = {
    "toy": Budget((12, 12, 6), 8, 64, 2, 1, 32),
    "small": Budget((800, 2000, 800), 64, 256, 6, 4),
    "medium": Budget((4000, 10_000, 4000), 128, 1024, 6, 8),
    "full": None,  # as the configuration says
}


def budgeted(config: TrainingConfig, budget: Budget | None) -> TrainingConfig:
    """The configuration within a budget, with the paper's three stages. A CVAE has one, of as many steps as those."""
    config = dataclasses.replace(config, self_training=None, refinement=None)
    if budget is None:
        total = sum(getattr(config, name).steps for name in STAGES)
        return dataclasses.replace(config, cvae=dataclasses.replace(config.cvae, steps=total))
    stages = {
        name: dataclasses.replace(
            getattr(config, name), steps=steps, batch=min(budget.batch, getattr(config, name).batch)
        )
        for name, steps in zip((*STAGES, "cvae"), (*budget.steps, sum(budget.steps)), strict=True)
    }
    model = dataclasses.replace(config.model, points=min(config.model.points, budget.points))
    data = dataclasses.replace(
        config.data, views=min(config.data.views, budget.views), repeats=min(config.data.repeats, budget.repeats),
        cells=min(config.data.cells, budget.cells), view_points=min(config.data.view_points, max(1024, model.points)),
    )  # fmt: skip
    return dataclasses.replace(config, model=model, data=data, **stages)


def stages_of(row: Ablation, config: TrainingConfig) -> tuple[str, ...]:
    """The stages that a row trains: of the rows of Table 4 alone only the first."""
    return config.stages[:1] if row.tables == (4,) else config.stages


# -- training ---------------------------------------------------------------------------------------------------------


def train_row(config: TrainingConfig, stages: tuple[str, ...], out: Path, device: str, quiet: bool) -> dict:
    """Train what is missing of a row; stages lie in `out`/stages by what they depend on, and are shared.

    Returns {"weights": folder, "stages": {stage: key}, "autoencoder": folder or None, "steps": in all}.
    """
    from fastgrasp_training.run import train

    keys, folder, before = {}, None, None
    for stage in stages:
        keys[stage] = stage_key(config, stage)
        here = out / "stages" / f"{stage}-{keys[stage]}"
        if folder is not None:
            copy_weights(folder / before / "weights", here / before / "weights", config)
        if not (here / stage / "weights" / "config.json").exists():
            train(config, (stage,), here, device, quiet)
        folder, before = here, stage
    first = out / "stages" / f"{stages[0]}-{keys[stages[0]]}" / stages[0] / "weights"
    return {
        "weights": folder / before / "weights", "stages": keys,
        "autoencoder": first if stages[0] == "autoencoder" else None,
        "steps": sum(getattr(config, stage).steps for stage in stages),
    }  # fmt: skip


def stage_key(config: TrainingConfig, stage: str) -> str:
    """A name for what a stage comes out as: of everything that it and the stages before it depend on."""
    model = config.model.to_dict()
    later = {"sampler", "sampling_steps", "guidance", "spread"}  # how weights are used, and the sampled latents
    if stage != "adaptation":
        model = {key: value for key, value in model.items() if key not in {*later, "rounds"}}
    order = ("cvae",) if stage == "cvae" else STAGES[: STAGES.index(stage) + 1]
    parts = [dataclasses.asdict(getattr(config, name)) for name in order]
    data = {key: value for key, value in dataclasses.asdict(config.data).items() if key not in ("cache", "workers")}
    content = json.dumps([model, data, parts, config.seed], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def copy_weights(source: Path, target: Path, config: TrainingConfig) -> None:
    """A stage's weights for a row that goes on from them, with the row's own model configuration."""
    if (target / "config.json").exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    content = json.loads((source / "config.json").read_text())
    content["model"] = config.model.to_dict()
    for path in source.iterdir():
        if path.name != "config.json" and path.is_file():
            shutil.copyfile(path, target / path.name)
    part = target / ".config.json.part"
    part.write_text(json.dumps(content, indent=2) + "\n")
    part.replace(target / "config.json")  # last: a folder with a configuration is whole


def row_folder(row: Ablation, config: TrainingConfig, trained: dict) -> str:
    """A folder name for a row's figures: another budget or base in the same `--out` gets another."""
    content = json.dumps([config.model.to_dict(), trained["stages"]], sort_keys=True)
    return f"{row.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def row_weights(trained: dict, config: TrainingConfig, target: Path) -> Path:
    """The weights of a row in a folder of its own, with its own model configuration (rounds, sampler)."""
    copy_weights(trained["weights"], target, config)
    return target


# -- the command ------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> Path:
    """Train and measure the rows that were asked for; returns the table's Markdown file."""
    from fastgrasp_training.ablation_measures import measure_row
    from fastgrasp_training.ablation_table import write_tables

    out, rows = Path(options.out), []
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        config = TrainingConfig.from_yaml(Path(options.configs) / f"{row.name}.yaml", options.base)
        config = budgeted(with_data(config, options), BUDGETS[options.budget])
        stages = stages_of(row, config)
        print(f"{row.label}: {', '.join(stages)}", file=sys.stderr)
        trained = train_row(config, stages, out, options.device, options.quiet)
        weights = row_weights(trained, config, out / "rows" / row_folder(row, config, trained) / "weights")
        figures = measure_row(row, config, trained, weights, options)
        rows.append({"name": row.name, "label": row.label, "tables": row.tables, "stages": trained["stages"],
                     "steps": trained["steps"], "model": config.model.name, **figures})  # fmt: skip
        path = write_tables(rows, out, options)
    print(f"wrote {path} and {path.with_suffix('.json')}")
    return path


def with_data(config: TrainingConfig, options: argparse.Namespace) -> TrainingConfig:
    """The same data for every row: the sources and cache that the command names, else the configuration's."""
    config = dataclasses.replace(config.with_sources(options.data), seed=options.seed)
    if options.cache:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, cache=str(options.cache)))
    return config


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 2 for a wrong request, 130 when interrupted."""
    options = parser().parse_args(argv)
    from fastgrasp_evaluation.metrics.summary import BenchmarkError
    from fastgrasp_training.run import WRONG_REQUEST

    try:
        run(options)
    except (*WRONG_REQUEST, BenchmarkError) as error:
        print(f"fastgrasp train ablations: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="fastgrasp train ablations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("--budget", choices=sorted(BUDGETS), default="small", help="what every row may spend (default small)")
    add("--out", default="out/ablations", help="folder for stages, weights, figures and tables")
    add("--configs", default=str(CONFIGS), metavar="DIR", help="folder of the rows' configurations")
    add("--base", metavar="FILE", help="the configuration that the rows change (default paper.yaml)")
    add("--only", nargs="+", choices=[row.name for row in ROWS], metavar="ROW", help="some rows only")
    add("--data", action="append", default=[], metavar="SOURCE", help="other data to train on (docs/datasets.md)")
    add("--cache", metavar="DIR", help="folder of prepared objects")
    add("--ho3d", metavar="DIR", help="YCB meshes: measure on the ten objects of HO-3D as well")
    add("--held-out", type=positive, default=20, metavar="N", help="objects of held-out families (default 20)")
    add("--split", choices=("validation", "train"), default="validation", help="where those objects come from")
    add("--samples", type=positive, default=10, help="grasps for each object and seed (default 10)")
    add("--seeds", type=positive, default=1, help="seeds of the measurement (default 1)")
    add("--reconstructed", type=positive, default=200, metavar="N", help="grasps to reconstruct (default 200)")
    add("--workers", type=positive, default=1, help="processes that measure (default 1)")
    add("--no-simulation", dest="simulate", action="store_false", help="leave out the columns of the simulator")
    add("--seed", type=not_negative, default=0, help="of training (default 0)")
    add("--device", default="auto", choices=("auto", "cpu", "gpu"), help="where to train")
    add("--quiet", action="store_true", help="no progress")
    return made


if __name__ == "__main__":
    sys.exit(main())
