"""`fastgrasp train autoencoder|diffusion|adaptation|all --config FILE`: the training command."""

from __future__ import annotations

import argparse
import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 2 for a wrong request, 130 when interrupted."""
    options = _parser().parse_args(argv)
    from fastgrasp_model.hand import HandModelError
    from fastgrasp_model.model import WeightsError
    from fastgrasp_training.configuration import STAGES, TrainingConfig, TrainingConfigError
    from fastgrasp_training.run import MissingStageError, train
    from fastgrasp_training.synthesis.grasp_set import GraspSetError

    stages = STAGES if options.stage == "all" else (options.stage,)
    try:
        config = TrainingConfig.from_yaml(options.config)
        train(config, stages, options.out, options.device, options.quiet)
    except (TrainingConfigError, MissingStageError, GraspSetError, HandModelError, WeightsError, OSError) as error:
        print(f"fastgrasp train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fastgrasp train", description=__doc__)
    parser.add_argument("stage", choices=("autoencoder", "diffusion", "adaptation", "all"), help="which stage to train")
    parser.add_argument("--config", required=True, help="a file such as config/training/default.yaml")
    parser.add_argument("--out", default="out/training", help="folder for checkpoints, TensorBoard and weights")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"), help="where to train")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


if __name__ == "__main__":
    sys.exit(main())
