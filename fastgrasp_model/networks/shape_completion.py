"""Shape completion: from the ranges at which rays enter an object, those at which they leave it.

A small U-Net (Ronneberger et al. 2015) over range images (`geometry/range_image.py`). It works on a quarter of the
pixels with four times the channels, which is faster on a CPU.

Most objects that people hold have a symmetry. Two estimates of the back use it without learning: the point reflection
of the front in the centre of the outline (boxes, cans, balls), and its reflection in the plane of the outline. Front
and back meet at the outline, but the visible surface ends before it where it is steep, so both estimates lie too near
by a depth that the network predicts. The network reads them, weighs them for every pixel, and adds a correction. """

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

INPUTS = 8  # seen, within the outline, range, the two estimates, size of the object, place in the image (2)
OUTPUTS = 6  # front, back, weights of the estimates and the front, whether the ray meets the object
RANGE_LIMIT = 2.0  # half widths of the image; ranges beyond it are outliers
USUAL = 0.08  # metres, half the width of a usual image
CLOSED = 7  # pixels; smaller gaps between seen ones are within the outline


class Surfaces(NamedTuple):
    """Ranges (B, H, W) at which rays enter and leave an object, and the logit (B, H, W) that they meet it."""

    front: Tensor
    back: Tensor
    inside: Tensor


class ShapeCompletion(nn.Module):
    """Range images (B, H, W), of which `seen` (B, H, W) are measured -> `Surfaces`. H and W: multiples of 16."""

    def __init__(self, width: int = 32):
        super().__init__()
        widths = [width, 2 * width, 3 * width, 4 * width]
        self.down = nn.ModuleList(ResidualBlock(a, b) for a, b in zip([4 * INPUTS, *widths], widths, strict=False))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in zip(widths, widths[1:], strict=False))
        self.mix = nn.ModuleList(ResidualBlock(2 * width, width) for width in widths[:-1])
        self.output_projection = nn.Conv2d(widths[0], 4 * OUTPUTS, 1)
        self.depths = nn.Sequential(nn.Linear(widths[-1], width), nn.SiLU(), nn.Linear(width, 2))

    def forward(self, ranges: Tensor, seen: Tensor, scale: Tensor) -> Surfaces:
        """ranges, seen (B, H, W); scale (B,): metres of half the image's width."""
        ranges = filled(ranges.clamp(-RANGE_LIMIT, RANGE_LIMIT), seen)
        outline = closed(seen)
        estimates = reflections(ranges, outline)
        x = nn.functional.pixel_unshuffle(_inputs(seen, outline, ranges, *estimates, scale), 2)
        kept = []
        for number, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if number else x)
            kept.append(x)
        point, plane = self.depths(x.mean((2, 3))).unsqueeze(-1).unbind(1)
        estimates = estimates[0] + point.unsqueeze(-1), estimates[1] + plane.unsqueeze(-1)
        for number in reversed(range(len(self.up))):
            x = nn.functional.interpolate(self.up[number](x), scale_factor=2.0)
            x = self.mix[number](torch.cat([kept[number], x], dim=1))
        front, back, *weights, inside = nn.functional.pixel_shuffle(self.output_projection(x), 2).unbind(1)
        back_estimate = (torch.stack(weights).softmax(0) * torch.stack([*estimates, ranges])).sum(0)
        return Surfaces(ranges + front, back_estimate + back, inside)


def filled(ranges: Tensor, seen: Tensor) -> Tensor:
    """Return ranges (B, H, W) with those that are not `seen` filled by the mean of the seen ones around them."""
    share, total = seen.unsqueeze(1), (ranges * seen).unsqueeze(1)
    shares, totals = [share], [total]
    while shares[-1].shape[-1] % 2 == 0 and shares[-1].shape[-2] % 2 == 0:
        shares.append(nn.functional.avg_pool2d(shares[-1], 2))
        totals.append(nn.functional.avg_pool2d(totals[-1], 2))
    whole = torch.zeros_like(totals[-1])
    for share, total in zip(reversed(shares), reversed(totals), strict=True):
        whole = nn.functional.interpolate(whole, size=share.shape[2:])
        whole = torch.where(share > 0, total / share.clamp(min=1e-6), whole)
    return whole.squeeze(1)


def closed(seen: Tensor) -> Tensor:
    """Return `seen` (B, H, W), 0 or 1, with gaps of less than `CLOSED` pixels filled: the inside of the outline."""
    grown = nn.functional.max_pool2d(seen.unsqueeze(1), CLOSED, 1, CLOSED // 2)
    return -nn.functional.max_pool2d(-grown, CLOSED, 1, CLOSED // 2).squeeze(1)


def reflections(ranges: Tensor, outline: Tensor) -> tuple[Tensor, Tensor]:
    """Return two estimates (B, H, W) of the back: the front reflected in the outline's centre, and in its plane."""
    rim = outline - (-nn.functional.max_pool2d(-outline.unsqueeze(1), 3, 1, 1).squeeze(1))
    rim = (rim + 1e-6) / (rim + 1e-6).sum((1, 2), keepdim=True)
    middle = (rim * ranges).sum((1, 2), keepdim=True)
    places = _places(ranges)
    centre = (rim.unsqueeze(1) * places).sum((2, 3), keepdim=True)
    away = places - centre
    spread = torch.einsum("bhw,bihw,bjhw->bij", rim, away, away) + 1e-4 * torch.eye(2, device=ranges.device)
    slope = torch.einsum("bhw,bihw,bhw->bi", rim, away, ranges - middle)
    slope = torch.linalg.solve(spread, slope)
    plane = middle + torch.einsum("bi,bihw->bhw", slope, away)
    return 2 * middle - ranges.flip(1, 2), 2 * plane - ranges


def _places(ranges: Tensor) -> Tensor:
    """Return the coordinates (B, 2, H, W) of the pixels of images (B, H, W), right and down, -1 to 1."""
    batch, height, width = ranges.shape
    right, down = (torch.linspace(1 / size - 1, 1 - 1 / size, size, device=ranges.device) for size in (width, height))
    right, down = right.expand(height, width), down.unsqueeze(1).expand(height, width)
    return torch.stack([right, down]).expand(batch, -1, -1, -1)


def _inputs(seen: Tensor, outline: Tensor, ranges: Tensor, point: Tensor, plane: Tensor, scale: Tensor) -> Tensor:
    """Return the image (B, INPUTS, H, W) that the network reads."""
    size = (scale / USUAL).log().view(-1, 1, 1).expand_as(ranges)
    return torch.cat([torch.stack([seen, outline, ranges, point, plane, size], dim=1), _places(ranges)], dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions beside a direct connection; the convolutions start at zero."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.direct = nn.Conv2d(channels, width, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(nn.functional.silu(x))
        return self.direct(x) + self.second(nn.functional.silu(h))
