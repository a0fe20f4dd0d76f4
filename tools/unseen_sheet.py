"""Draw docs/images/unseen_objects.png: grasps drawn at random, unranked, on the ten YCB objects of HO-3D.

    python tools/unseen_sheet.py YCB [--cloud partial] [--out docs/images/unseen_objects.png] [--seed 0]
                                         [--only pitcher drill --each 6]

YCB is a folder of the meshes, as for `fastgrasp benchmark ho3d-objects`. Takes about half a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from fastgrasp_evaluation.benchmark.measured_objects import cloud_generator, find_ho3d_meshes, object_cloud
from fastgrasp_model import GraspGenerator
from fastgrasp_model.pictures import render_sheet

GRASPS, ACROSS = 10, 6  # generated of every object; panels in a row


def panels(folder: Path, kind: str, seed: int, weights: Path | None, only: list[str], each: int) -> list[tuple]:
    """Return what `render_sheet` draws: grasps, which of them, the mesh, the object's name. `only`: parts of names."""
    generator, rng, items = GraspGenerator.from_pretrained(weights), np.random.default_rng(seed), []
    for target in find_ho3d_meshes([folder]):
        if only and not any(word in target.name for word in only):
            continue
        mesh, _ = target.load()
        cloud, camera = object_cloud(mesh, kind, cloud_generator(target.name, seed))
        grasps = generator.generate(cloud, num_grasps=GRASPS, seed=seed, viewpoint=camera)
        name = target.name.split("_", 1)[1].replace("_", " ")
        items += [(grasps, int(i), mesh, name) for i in rng.choice(GRASPS, each, replace=False)]
    return items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ycb", type=Path, help="folder of the YCB meshes")
    parser.add_argument("--cloud", choices=("full", "partial"), default="full", help="what the generator sees")
    parser.add_argument("--weights", type=Path, help="others than the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("docs/images") / "unseen_objects.png")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these of the ten")
    parser.add_argument("--each", type=int, default=3, help="grasps shown of every object, at most 10 (default 3)")
    options = parser.parse_args()
    items = panels(options.ycb, options.cloud, options.seed, options.weights, options.only, options.each)
    render_sheet(items, options.out, columns=ACROSS, panel=226)
    with Image.open(options.out) as picture:
        small = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT)
    small.save(options.out, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
