"""`fastgrasp train STAGE|all --config FILE`: the training command.

`fastgrasp train ablations` trains and measures the rows of the paper's ablations: `fastgrasp train ablations --help`.
"""

from __future__ import annotations

import argparse
import sys

from fastgrasp_model.commands.shared import positive


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 2 for a wrong request, 130 when interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["ablations"]:
        from fastgrasp_training.ablations import main as ablations

        return ablations(argv[1:])
    options = _parser().parse_args(argv)
    from fastgrasp_training.configuration import TrainingConfig, kind_of
    from fastgrasp_training.devices import Machine, launch, launched
    from fastgrasp_training.run import WRONG_REQUEST, train
    from fastgrasp_training.toy import toy

    try:
        config = TrainingConfig.from_yaml(options.config).with_sources(options.data)
        config = toy(config) if options.toy else config
        rounds = tuple(name for name in config.stages if options.stage in ("all", kind_of(name)))
        stages = rounds or (options.stage,)
        if options.devices * options.nodes > 1 and not launched():
            return launch(argv, options.devices, options.nodes)
        machine = Machine.chosen(options.device, options.precision, options.devices, options.nodes)
        train(config, stages, options.out, machine, options.quiet)
    except WRONG_REQUEST as error:
        print(f"fastgrasp train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fastgrasp train", description=__doc__)
    further = ("self_training", "refinement", "iterated_self_training")
    stages = ("completion", "autoencoder", "diffusion", "adaptation", *further, "cvae", "all")
    parser.add_argument("stage", choices=stages, help="which stage")
    parser.add_argument("--config", required=True, help="a file such as config/training/default.yaml")
    sources = "open, grab:/path, oakink:/path, ho3d:/path, your own grasps.npz; give several to mix them"
    parser.add_argument("--data", action="append", default=[], metavar="SOURCE", help=f"{sources} (docs/datasets.md)")
    parser.add_argument("--out", default="out/training", help="folder for checkpoints, TensorBoard and weights")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"), help="where to train")
    parser.add_argument("--precision", default="auto", choices=("auto", "32", "bf16"),
                        help="of the networks; auto: bf16 on a GPU, 32 on the CPU")  # fmt: skip
    parser.add_argument("--devices", type=positive, default=1, metavar="N", help="processes (GPUs) on this machine")
    parser.add_argument("--nodes", type=positive, default=1, metavar="M", help="machines (docs/training.md)")
    parser.add_argument("--toy", action="store_true", help="few objects, few steps: all stages within minutes")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


if __name__ == "__main__":
    sys.exit(main())
