"""Generate grasps and measure them, or measure the grasps of a set.

    fastgrasp benchmark ho3d-objects --objects YCB --samples 10 --seeds 5 --protocol both --html report.html
    fastgrasp benchmark objects --objects my_meshes --cloud partial --json figures.json
    fastgrasp benchmark open-set --grasps 1000 --json ceiling.json
    fastgrasp benchmark objects --data grab:/path --ceiling 200   # GRAB's test objects, with its own grasps beside
    fastgrasp benchmark open-set --data ho3d:/path                # the grasps of a data set alone

Every object gets one cloud per seed, of its whole surface or of one view from a random direction, and --samples grasps,
measured as they are generated. With --candidates N every grasp is the best of N by the generator's score; such figures
are labelled. The same seed gives the same figures for any number of processes. docs/benchmark.md explains the columns.
"""

from __future__ import annotations

from fastgrasp_evaluation.benchmark.options import BenchmarkOptions
from fastgrasp_model.commands.shared import check_output, parse


def main(argv: list[str] | None = None) -> int:
    """Run `fastgrasp benchmark`. Returns the exit code."""
    options = parse(BenchmarkOptions, argv or [], "fastgrasp benchmark", __doc__)
    check_output(options.json, (".json",))
    check_output(options.html, (".html",))
    check_output(options.out and options.out / "name.npz", (".npz",))
    from fastgrasp_evaluation.benchmark.run import run

    run(options)
    return 0
