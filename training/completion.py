"""Shape completion, before the other stages: from range images of the training objects, without grasps.

The stages after it see completed single views (`TrainingObjects.completed`). Each step simulates new sensor clouds of
the stored views: a random number of points, noise along the rays, holes, quarter turns and mirror images. """

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.range_image import PIXELS
from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.networks.shape_completion import ShapeCompletion, Surfaces
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.losses import CM
from fastgrasp_training.object_views import SENSOR_NOISE
from fastgrasp_training.randomness import StepGenerator
from fastgrasp_training.range_views import RangeViews
from fastgrasp_training.stage import TrainingStage

POINTS = (150.0, 20_000.0)  # of a sensor's cloud
HOLES, HOLE = 0.2, 10.0  # share of clouds with a hole, and its largest radius in pixels
RESIZED = 0.3  # standard deviation of the logarithm of the factor by which objects are scaled
EXACT = 0.1  # cm; errors below count by their square


class CompletionStage(TrainingStage):
    """Errors of both surfaces in cm, of the back's slope and shape (its error but for the mean of a view), and the
    cross-entropy of which rays meet the object."""

    name = "completion"

    def __init__(self, model: GraspModel, config: StageConfig, bank: RangeViews):
        super().__init__(model, config)
        self.bank = bank

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.shape_completion.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        views = rotated(self.bank[index], self.generator)
        scale = views.scale * (RESIZED * self.generator.normal(len(index))).exp()
        ranges, seen = sensed(views, scale, self.generator)
        return surface_losses(self.model.shape_completion(ranges, seen, scale), views, scale)


def rotated(views: RangeViews, generator: StepGenerator) -> RangeViews:
    """The views of a batch, all turned by the same quarter rounds and mirrored or not."""
    quarters, mirrored = generator.shared(4), bool(generator.shared(2))

    def turn(image: Tensor) -> Tensor:
        image = image.rot90(quarters, (1, 2)) if image.dim() == 3 else image
        return image.flip(2) if mirrored and image.dim() == 3 else image

    return RangeViews(**{name: turn(value) for name, value in vars(views).items()})


def sensed(views: RangeViews, scale: Tensor, generator: StepGenerator) -> tuple[Tensor, Tensor]:
    """Simulate a sensor: return ranges, and which pixels have one, (B, P, P) each; scale (B,) is in metres."""
    batch, count = len(scale), views.count.float()
    low, high = POINTS
    points = low * (high / low) ** generator.uniform(batch, 1, 1)
    expected = count * points / count.sum((1, 2), keepdim=True).clamp(min=1)
    seen = generator.uniform(batch, PIXELS, PIXELS) < 1 - (-expected).exp()
    seen = seen & (count > 0) & ~_holes(batch, generator)
    noise = SENSOR_NOISE * generator.uniform(batch, 1, 1) / scale.view(-1, 1, 1)
    spread = (views.deviation.float().square() + noise.square()).sqrt() / expected.clamp(min=1).sqrt()
    return (views.mean.float() + spread * generator.normal(batch, PIXELS, PIXELS)) * seen, seen.float()


def _holes(batch: int, generator: StepGenerator) -> Tensor:
    """Return which pixels (B, P, P) of a few clouds return nothing, as on a shiny surface: a disc."""
    centre = PIXELS * generator.uniform(batch, 2)
    radius = HOLE * generator.uniform(batch) * (generator.uniform(batch) < HOLES)
    cell = torch.arange(PIXELS, device=centre.device) + 0.5
    away = (cell.view(1, -1, 1) - centre[:, 0, None, None]).square() + (cell - centre[:, 1, None, None]).square()
    return away < radius.square().view(-1, 1, 1)


def surface_losses(made: Surfaces, views: RangeViews, scale: Tensor) -> dict[str, Tensor]:
    """Return the losses of `Surfaces` against views whose images are 2 `scale` (B,) metres wide."""
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
def back_errors(network: ShapeCompletion, views: RangeViews, generator: StepGenerator) -> dict[str, float]:
    """Return the errors of a network on views: back_error_mm, the mean over the rays that meet the object, and
    outline_error_share, the misclassified rays as a share of those that meet the object."""
    generator.device = views.scale.device
    ranges, seen = sensed(views, views.scale, generator)
    made = network(ranges, seen, views.scale)
    error = (made.back - views.back.float()).abs() * views.scale.view(-1, 1, 1)
    wrong = ((made.inside > 0) != views.inside).sum() / views.inside.sum()
    return {"back_error_mm": float(error[views.inside].mean()) * 1000, "outline_error_share": float(wrong)}
