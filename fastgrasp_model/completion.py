"""From one view of an object to the surface that it hides: points and normals beside those that were measured.

A sensor's cloud becomes a range image, a network guesses where the rays leave the object (`networks/back_view.py`), and
the guess becomes points again. What was measured stays as it is.
"""

from __future__ import annotations

import numpy as np
import torch

from fastgrasp_model.geometry.range_image import RangeImage, hidden_surface
from fastgrasp_model.networks.shape_completion import ShapeCompletion

CLEAR = 1.2  # times the cloud's radius that a sensor is away from its middle, at least
FEWEST = 16  # hidden points that are worth adding


@torch.no_grad()
def hidden_side(network: ShapeCompletion, points: np.ndarray, sensor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The guessed rest of an object of which `sensor` (3,) saw points (N, 3); metres, any frame.

    Returns points (M, 3) and outward unit normals (M, 3), float32, in the same frame; M = 0 where no guess is possible,
    as from a sensor within the cloud.
    """
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    away = points - points.mean(0)
    if not np.linalg.norm(sensor - points.mean(0)) >= CLEAR * np.linalg.norm(away, axis=1).max():  # nor for NaN
        return nothing
    image = RangeImage.around(points, sensor)
    count, ranges = image.mean_ranges(points)
    device = next(network.parameters()).device
    told = [torch.from_numpy(a.astype(np.float32)).to(device).unsqueeze(0) for a in (ranges, count > 0)]
    made = network(*told, torch.tensor([image.scale], dtype=torch.float32, device=device))
    front, back, inside = (surface[0].cpu().numpy().astype(np.float64) for surface in made)
    found = hidden_surface(image, front, np.maximum(back, front), (inside > 0) | (count > 0))
    return found if len(found[0]) >= FEWEST else nothing


def beside(
    points: np.ndarray, normals: np.ndarray, hidden: np.ndarray, outward: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """As many points and normals (N, 3) as were measured, of which the second half are hidden ones (M, 3), at random.

    Returns them, and how many of them, the first, are measured: all where there is nothing hidden.
    """
    if not len(hidden):
        return points, normals, len(points)
    seen = len(points) // 2
    more = rng.choice(len(hidden), len(points) - seen, replace=len(hidden) < len(points) - seen)
    return np.concatenate([points[:seen], hidden[more]]), np.concatenate([normals[:seen], outward[more]]), seen
