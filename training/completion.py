"""Before the stages: the network that guesses what a single view hides, from range images of the training objects.

It needs no grasps; the stages after it see single views made whole by it (`TrainingObjects.completed`). Each step makes
new sensor clouds of the stored views: as many points as sensors give, noise along the rays, holes, turned or mirrored.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.range_image import PIXELS
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.shape_completion import ShapeCompletion, Surfaces
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.losses import CM
from fastgrasp_training.object_views import SENSOR_NOISE
from fastgrasp_training.randomness import Draws
from fastgrasp_training.range_views import RangeViews
from fastgrasp_training.stage import Stage

POINTS = (150.0, 20_000.0)  # of a sensor's cloud
HOLES, HOLE = 0.2, 10.0  # share of clouds with a hole, and its largest radius in pixels
RESIZED = 0.3  # spread of the logarithm of sizes that objects are made larger or smaller by
EXACT = 0.1  # cm; errors below count by their square


class CompletionStage(Stage):
    """Errors of both surfaces in cm, of the back's slope and shape (its error but for the mean of a view), and the
    cross-entropy of which rays meet the object."""

    name = "completion"
    losses = ("front", "back", "slope", "shape", "inside")

    def __init__(self, model: FastGraspModel, config: StageConfig, bank: RangeViews):
        super().__init__(model, config)
        self.bank = bank

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.shape_completion.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        views = turned(self.bank[index], self.draws)
        scale = views.scale * (RESIZED * self.draws.normal(len(index))).exp()
        ranges, seen = sensed(views, scale, self.draws)
        return surface_losses(self.model.shape_completion(ranges, seen, scale), views, scale)


def turned(views: RangeViews, draws: Draws) -> RangeViews:
    """The views of a batch, all turned by the same quarter rounds and mirrored or not."""
    quarters, mirrored = draws.shared(4), bool(draws.shared(2))

    def turn(image: Tensor) -> Tensor:
        image = image.rot90(quarters, (1, 2)) if image.dim() == 3 else image
        return image.flip(2) if mirrored and image.dim() == 3 else image

    return RangeViews(**{name: turn(value) for name, value in vars(views).items()})


def sensed(views: RangeViews, scale: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """What a sensor makes of views: ranges and whether a pixel has one, (B, P, P) each. scale (B,), metres."""
    batch, count = len(scale), views.count.float()
    low, high = POINTS
    points = low * (high / low) ** draws.uniform(batch, 1, 1)
    expected = count * points / count.sum((1, 2), keepdim=True).clamp(min=1)
    seen = draws.uniform(batch, PIXELS, PIXELS) < 1 - (-expected).exp()
    seen = seen & (count > 0) & ~_holes(batch, draws)
    noise = SENSOR_NOISE * draws.uniform(batch, 1, 1) / scale.view(-1, 1, 1)
    spread = (views.deviation.float().square() + noise.square()).sqrt() / expected.clamp(min=1).sqrt()
    return (views.mean.float() + spread * draws.normal(batch, PIXELS, PIXELS)) * seen, seen.float()


def _holes(batch: int, draws: Draws) -> Tensor:
    """Which pixels (B, P, P) of a few clouds give nothing, as where a surface shines: a disc."""
    centre = PIXELS * draws.uniform(batch, 2)
    radius = HOLE * draws.uniform(batch) * (draws.uniform(batch) < HOLES)
    cell = torch.arange(PIXELS, device=centre.device) + 0.5
    away = (cell.view(1, -1, 1) - centre[:, 0, None, None]).square() + (cell - centre[:, 1, None, None]).square()
    return away < radius.square().view(-1, 1, 1)


def surface_losses(made: Surfaces, views: RangeViews, scale: Tensor) -> dict[str, Tensor]:
    """Losses of `Surfaces` against the true ones of views whose images are 2 `scale` (B,) metres wide."""
    inside = views.inside
    centimetres = scale.view(-1, 1, 1) * CM
    front, back = ((a - b.float()) * centimetres for a, b in ((made.front, views.front), (made.back, views.back)))

    def mean(error: Tensor, where: Tensor) -> Tensor:
        cost = torch.nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=EXACT, reduction="none")
        return (cost * where).sum() / where.sum().clamp(min=1)

    offset = (back * inside).sum((1, 2), keepdim=True) / inside.sum((1, 2), keepdim=True).clamp(min=1)
    across, down = inside[:, :, 1:] & inside[:, :, :-1], inside[:, 1:] & inside[:, :-1]
    return {
        "front": mean(front, inside),
        "back": mean(back, inside),
        "slope": mean(back.diff(dim=2), across) + mean(back.diff(dim=1), down),
        "shape": mean(back - offset, inside),
        "inside": torch.nn.functional.binary_cross_entropy_with_logits(made.inside, inside.float()),
    }


@torch.no_grad()
def back_errors(network: ShapeCompletion, views: RangeViews, draws: Draws) -> dict[str, float]:
    """How far a network is from the truth on views: back_error_mm, the mean over the rays that meet the object, and
    outline_error_share, the rays that it takes for the other kind, as a share of those that meet the object."""
    draws.device = views.scale.device
    ranges, seen = sensed(views, views.scale, draws)
    made = network(ranges, seen, views.scale)
    error = (made.back - views.back.float()).abs() * views.scale.view(-1, 1, 1)
    wrong = ((made.inside > 0) != views.inside).sum() / views.inside.sum()
    return {"back_error_mm": float(error[views.inside].mean()) * 1000, "outline_error_share": float(wrong)}
