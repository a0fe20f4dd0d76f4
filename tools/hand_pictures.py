"""Draw the pictures of docs/hand.md: the open hand at rest, its named postures, its shapes, and samples of its prior.

    python tools/hand_pictures.py [--out docs/images]

Writes hand_rest.png, hand_poses.png, hand_opposition.png, hand_shapes.png and hand_prior.png, each below 250 kB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import angles_to_matrices
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_model.pictures.camera import Camera
from fastgrasp_model.pictures.scene import SceneHand
from fastgrasp_model.pictures.shading import panel as draw_panel
from fastgrasp_model.pictures.sheets import compose
from fastgrasp_synthesis.hand_poses import CLOSED_POSES, OPPOSITIONS, named_pose
from fastgrasp_synthesis.hand_synergies import sample_synergies

# The hand stands on its wrist: fingers (-x) up. Directions from the hand to the eye.
UP = np.array([-1.0, 0.0, 0.0])
PALM, BACK, THUMB_SIDE, LITTLE_SIDE = (-0.15, -1, 0.1), (-0.15, 1, 0.1), (-0.15, -0.1, 1), (-0.15, -0.1, -1)
HALF, FRONT, ABOVE = (-0.25, -1, 0.7), (-0.2, -0.45, 1), (-1, -0.55, 0.4)
LARGEST = 250_000  # bytes of a picture
SEED = 24


def skins(layer: ManoLayer, angles: torch.Tensor, betas: torch.Tensor | None = None) -> np.ndarray:
    """Vertices (B, 778, 3) of anatomical angles (B, 15, 3) and shapes (B, 10), the mean hand if None."""
    count = len(angles)
    betas = torch.zeros(count, 10) if betas is None else betas
    rotations = torch.cat([torch.eye(3).expand(count, 1, 3, 3), angles_to_matrices(angles, joint_axes(layer))], 1)
    return layer.from_matrices(betas, rotations, torch.zeros(count, 3)).vertices.double().numpy()


def panel(skin: SceneHand, direction: tuple, size: int, span: np.ndarray | None = None) -> np.ndarray:
    """Return one hand (size, size, 4) from a direction; `span` (N, 3) is what the frame holds, else the hand."""
    camera = Camera.framing(skin.points if span is None else span, direction, UP, size, size)
    return draw_panel([skin], camera, UP)


def save(rows: list[list], size: int, path: Path) -> None:
    """Write rows of (panel, caption), in fewer colours as long as the file is too large."""
    image = compose(rows, size, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    for colours in (256, 160, 96, 64):
        image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG).save(
            path, optimize=True
        )
        if path.stat().st_size < LARGEST:
            break
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def rest(layer: ManoLayer, faces: np.ndarray, folder: Path) -> None:
    """The flat hand from four sides."""
    skin = SceneHand(layer.v_template.double().numpy(), faces)
    views = (("palm", PALM), ("back", BACK), ("thumb side", THUMB_SIDE), ("little finger side", LITTLE_SIDE))
    save([[(panel(skin, view, 240), name) for name, view in views]], 240, folder / "hand_rest.png")


def postures(layer: ManoLayer, faces: np.ndarray, names: tuple[str, ...], path: Path) -> None:
    """Named postures, a column each, from three sides."""
    hands = skins(layer, torch.stack([named_pose(name) for name in names]))
    drawn = [SceneHand(vertices, faces) for vertices in hands]
    captions = [name.replace("opposition_", "thumb to ") for name in names]
    rows = [
        [(panel(skin, view, 170), text if row == 2 else "") for skin, text in zip(drawn, captions, strict=True)]
        for row, view in enumerate((PALM, FRONT, ABOVE))
    ]
    save(rows, 170, path)


def shapes(layer: ManoLayer, faces: np.ndarray, folder: Path) -> None:
    """The first three shape components at -3, 0 and +3, all to one scale."""
    values = {"-3": -3.0, "0": 0.0, "+3": 3.0}
    betas = torch.zeros(9, 10)
    for component in range(3):
        betas[3 * component : 3 * component + 3, component] = torch.tensor(list(values.values()))
    hands = skins(layer, torch.zeros(9, 15, 3), betas)
    half = 0.5 * (hands.max(axis=1) - hands.min(axis=1)).max(axis=0)  # one frame, laid about the middle of each
    rows = []
    for component in range(3):
        row = []
        for vertices, value in zip(hands[3 * component : 3 * component + 3], values, strict=True):
            middle = 0.5 * (vertices.max(axis=0) + vertices.min(axis=0))
            frame = np.stack([middle - half, middle + half])
            row.append((panel(SceneHand(vertices, faces), PALM, 200, frame), f"beta {component} = {value}"))
        rows.append(row)
    save(rows, 200, folder / "hand_shapes.png")


def prior(layer: ManoLayer, faces: np.ndarray, folder: Path) -> None:
    """24 samples of the pose prior."""
    hands = skins(layer, sample_synergies(24, torch.Generator().manual_seed(SEED)))
    drawn = [(panel(SceneHand(vertices, faces), HALF, 160), "") for vertices in hands]
    save([drawn[row : row + 6] for row in range(0, 24, 6)], 160, folder / "hand_prior.png")


def main() -> None:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder to write to")
    folder = parser.parse_args().out
    layer = ManoLayer.from_file(OPEN_HAND)
    faces = layer.faces.numpy()
    rest(layer, faces, folder)
    postures(layer, faces, CLOSED_POSES, folder / "hand_poses.png")
    postures(layer, faces, OPPOSITIONS, folder / "hand_opposition.png")
    shapes(layer, faces, folder)
    prior(layer, faces, folder)


if __name__ == "__main__":
    main()
