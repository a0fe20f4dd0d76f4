"""Shape completion: from one view of an object to points and normals on the surface that it hides.

The cloud becomes a range image, a network predicts where the rays leave the object (`networks/shape_completion.py`),
and the prediction becomes points again. Measured points stay as they are. """

from __future__ import annotations

import numpy as np
import torch

from fastgrasp_model.geometry.range_image import RangeImage, hidden_surface
from fastgrasp_model.networks.shape_completion import ShapeCompletion

NEAREST_SENSOR = 1.2  # radii of the cloud; a sensor nearer to its centroid allows no completion
FEWEST = 16  # predicted points below which a completion is not used


@torch.no_grad()
def predicted_surface(
    network: ShapeCompletion, points: np.ndarray, sensor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Predict the hidden surface of an object of which a sensor at `sensor` (3,) saw points (N, 3).

    Returns points (M, 3) and outward unit normals (M, 3), float32, in the frame of the cloud, metres. M is 0 where no
    prediction is possible, for example from a sensor within the cloud.
    """
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    radius = np.linalg.norm(points - points.mean(0), axis=1).max()
    if not np.linalg.norm(sensor - points.mean(0)) >= NEAREST_SENSOR * radius:  # false for NaN too
        return nothing
    image = RangeImage.around(points, sensor)
    count, ranges = image.mean_ranges(points)
    device = next(network.parameters()).device
    inputs = [torch.from_numpy(a.astype(np.float32)).to(device).unsqueeze(0) for a in (ranges, count > 0)]
    surfaces = network(*inputs, torch.tensor([image.scale], dtype=torch.float32, device=device))
    front, back, inside = (surface[0].cpu().numpy().astype(np.float64) for surface in surfaces)
    found = hidden_surface(image, front, np.maximum(back, front), (inside > 0) | (count > 0))
    return found if len(found[0]) >= FEWEST else nothing


def completed_cloud(
    points: np.ndarray, normals: np.ndarray, predicted: np.ndarray, predicted_normals: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Return a cloud of as many points and normals (N, 3) as were measured, its second half predicted ones (M, 3).

    Also returns how many points, the first ones, are measured: all where nothing is predicted.
    """
    if not len(predicted):
        return points, normals, len(points)
    seen = len(points) // 2
    pick = rng.choice(len(predicted), len(points) - seen, replace=len(predicted) < len(points) - seen)
    cloud = np.concatenate([points[:seen], predicted[pick]])
    return cloud, np.concatenate([normals[:seen], predicted_normals[pick]]), seen
