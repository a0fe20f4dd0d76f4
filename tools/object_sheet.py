"""Draw docs/images/objects.png: 100 of the training objects, each fitted to its cell, its longest side beneath.

    python tools/object_sheet.py [--out docs/images/objects.png] [--seed 0]

Needs pybullet for the random solids (a fifth of the list). Takes about half a minute; the picture stays below 600 kB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from fastgrasp_model.pictures.camera import Camera
from fastgrasp_model.pictures.scene import UP, SceneObject
from fastgrasp_model.pictures.shading import panel as draw_panel
from fastgrasp_model.pictures.sheets import compose
from fastgrasp_synthesis.object_specs import make_object, object_list

LIST = 1600  # objects of the released set
ACROSS, PANEL = 10, 132  # cells in a row, pixels of a cell
EYE = np.array([0.55, -1.0, 0.7]) / np.linalg.norm([0.55, -1.0, 0.7])  # from the object to the eye
LARGEST = 600_000  # bytes of the picture


def panel(mesh) -> np.ndarray:
    """Return an object on no ground (PANEL, PANEL, 4), as large as its cell allows."""
    scene = SceneObject(mesh)
    return draw_panel([scene], Camera.framing(scene.points, EYE, UP, PANEL, PANEL), UP)


def caption(spec: str, mesh) -> str:
    """Return family (of a random solid its number) and longest side, such as `watering can  21 cm`."""
    family, number = spec.split(":")
    name = spec if family == "urdf" else family.replace("_", " ")
    return f"{name}  {100 * mesh.extents.max():.0f} cm"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images") / "objects.png")
    parser.add_argument("--seed", type=int, default=0, help="which 100 of the list")
    arguments = parser.parse_args()
    specs = object_list(LIST, seed=0)
    chosen = [specs[i] for i in np.random.default_rng(arguments.seed).choice(LIST, ACROSS**2, replace=False)]
    cells = [(panel(mesh), caption(spec, mesh)) for spec in chosen for mesh in [make_object(spec)]]
    image = compose([cells[i : i + ACROSS] for i in range(0, ACROSS**2, ACROSS)], PANEL, None)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for colours in (128, 96, 64, 32):
        image.quantize(colours, method=Image.Quantize.MEDIANCUT).save(arguments.out, optimize=True)
        if arguments.out.stat().st_size < LARGEST:
            break
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
