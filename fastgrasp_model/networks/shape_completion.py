"""What a single view hides: from the ranges at which rays meet an object, those at which they leave it.

A small U-Net (Ronneberger et al. 2015) over range images (`geometry/range_image.py`). It works on a quarter of the
pixels with four times the channels, which a processor does faster.

Most things that people hold have a symmetry, and two guesses need no learning. Boxes, cans and balls are their own
point reflections: what leaves at a pixel is what enters at the opposite one, on the other side of the middle. Many
others are alike before and behind the plane of their outline. Where that outline lies is measured: at it, front and
back meet; but what is seen ends before the outline where it is steep, and so both guesses lie too near by a depth that
the network tells. It reads them, says for every pixel how much each of them counts, and adds a correction.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

INPUTS = 8  # seen, within the outline, range, the two guesses, size of the object, place in the image (2)
OUTPUTS = 6  # front, back, weights of the guesses and the front, whether the ray meets the object
FARTHEST = 2.0  # half widths of the image; a range beyond it is a stray point's
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
        self.leave = nn.Conv2d(widths[0], 4 * OUTPUTS, 1)
        self.depths = nn.Sequential(nn.Linear(widths[-1], width), nn.SiLU(), nn.Linear(width, 2))

    def forward(self, ranges: Tensor, seen: Tensor, scale: Tensor) -> Surfaces:
        """ranges, seen (B, H, W); scale (B,): metres of half the image's width."""
        ranges = filled(ranges.clamp(-FARTHEST, FARTHEST), seen)
        outline = closed(seen)
        guesses = reflections(ranges, outline)
        x = nn.functional.pixel_unshuffle(_told(seen, outline, ranges, *guesses, scale), 2)
        kept = []
        for number, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if number else x)
            kept.append(x)
        point, plane = self.depths(x.mean((2, 3))).unsqueeze(-1).unbind(1)
        guesses = guesses[0] + point.unsqueeze(-1), guesses[1] + plane.unsqueeze(-1)
        for number in reversed(range(len(self.up))):
            x = nn.functional.interpolate(self.up[number](x), scale_factor=2.0)
            x = self.mix[number](torch.cat([kept[number], x], dim=1))
        front, back, *weights, inside = nn.functional.pixel_shuffle(self.leave(x), 2).unbind(1)
        guessed = (torch.stack(weights).softmax(0) * torch.stack([*guesses, ranges])).sum(0)
        return Surfaces(ranges + front, guessed + back, inside)


def filled(ranges: Tensor, seen: Tensor) -> Tensor:
    """Ranges (B, H, W) with those that are not `seen` taken from the mean of what is seen near them."""
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
    """`seen` (B, H, W), 0 or 1, with gaps of less than `CLOSED` pixels filled: what lies within the outline."""
    grown = nn.functional.max_pool2d(seen.unsqueeze(1), CLOSED, 1, CLOSED // 2)
    return -nn.functional.max_pool2d(-grown, CLOSED, 1, CLOSED // 2).squeeze(1)


def reflections(ranges: Tensor, outline: Tensor) -> tuple[Tensor, Tensor]:
    """Two backs (B, H, W) of fronts (B, H, W): reflected in the middle of the outline (B, H, W), and in its plane."""
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
    """How far right and down (B, 2, H, W) the pixels of images (B, H, W) lie, -1 to 1."""
    batch, height, width = ranges.shape
    right, down = (torch.linspace(1 / size - 1, 1 - 1 / size, size, device=ranges.device) for size in (width, height))
    right, down = right.expand(height, width), down.unsqueeze(1).expand(height, width)
    return torch.stack([right, down]).expand(batch, -1, -1, -1)


def _told(seen: Tensor, outline: Tensor, ranges: Tensor, point: Tensor, plane: Tensor, scale: Tensor) -> Tensor:
    """The image (B, INPUTS, H, W) that the network reads."""
    size = (scale / USUAL).log().view(-1, 1, 1).expand_as(ranges)
    return torch.cat([torch.stack([seen, outline, ranges, point, plane, size], dim=1), _places(ranges)], dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions beside a direct way, which is all that an untrained block has."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.direct = nn.Conv2d(channels, width, 1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(nn.functional.silu(x))
        return self.direct(x) + self.second(nn.functional.silu(h))
