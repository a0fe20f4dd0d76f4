"""Named postures of the hand: six closed ones, and the thumb's pad on the pad of each finger.

    angles = named_pose("fist")                                   # (15, 3) radians
    rotations = angles_to_matrices(angles[None], joint_axes(layer))

- fist: the fingers rolled up, the thumb over them;
- power: round a cylinder of 50 mm across the palm, the thumb against the fingers;
- pinch: the pads of thumb and index finger meet, the others are at ease;
- tripod: the pads of thumb, index and middle finger meet;
- lateral: the thumb's pad on the radial side of the curled index finger, as one holds a key;
- hook: MCP joints straight, PIP and DIP joints bent, as one carries a bag;
- opposition_index, opposition_middle, opposition_ring, opposition_pinky: the pad of the thumb meets the pad of that
  finger (scores 3 to 6 of Kapandji's test, Ann. Chir. Main 5(1), 1986, 67-73).

All but the fist are types of Feix et al., "The GRASP Taxonomy of Human Grasp Types", IEEE THMS 46(1), 2016 (large
diameter, palmar pinch, tripod, lateral, fixed hook). The numbers are our own:
found by descent on the mesh of the open hand from a posture set by eye (pads meet face to face, no skin inside other
skin, DIP joints at two thirds of PIP joints, little departure from the start), then rounded to whole degrees. They
hold for both sides, and for a MANO file as far as it is built like the open hand.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.hand.anatomy import FINGER_JOINTS

# Degrees. Fingers: spread and bend of the MCP joint, bend of PIP, bend of DIP. Thumb: twist, spread and bend of the
# CMC joint, spread and bend of the MCP joint, bend of the IP joint.
_DEGREES: dict[str, dict[str, tuple[int, ...]]] = {
    "fist": {"thumb": (6, 35, 43, 4, 21, 39), "index": (-3, 67, 96, 60), "middle": (-2, 75, 93, 62),
             "ring": (2, 73, 96, 61), "pinky": (10, 70, 90, 60)}, "power": {"thumb": (20, 44, 6, 0, 11, 15), "index": (
                 1, 40, 51, 33), "middle": (1, 52, 54, 33), "ring": (-1, 50, 52, 31), "pinky": (1, 37, 40, 25)},
    "pinch": {"thumb": (27, 42, 20, 1, 12, 2), "index": (-15, 69, 27, 15), "middle": (-2, 28, 38, 25), "ring": (
        -2, 24, 36, 24), "pinky": (-2, 20, 34, 22)}, "tripod": {"thumb": (19, 38, 37, -3, 12, -14), "index": (
            -10, 56, 33, 13), "middle": (-7, 70, 49, 36), "ring": (-1, 59, 57, 39), "pinky": (3, 64, 63, 36)},
    "lateral": {"thumb": (8, 3, 22, 0, 14, 17), "index": (1, 63, 90, 60), "middle": (4, 61, 83, 54),
                "ring": (-2, 63, 90, 60), "pinky": (7, 57, 80, 54)}, "hook": {"thumb": (5, 10, 5, 0, 10, 10), "index": (
                    0, 6, 82, 55), "middle": (0, 6, 86, 57), "ring": (0, 6, 86, 57), "pinky": (0, 5, 84, 56)},
    "opposition_index": {"thumb": (13, 29, 30, -1, 5, 1), "index": (-6, 65, 47, 30), "middle": (0, 33, 35, 23),
                         "ring": (0, 27, 31, 23), "pinky": (0, 24, 27, 17)},
    "opposition_middle": {"thumb": (11, 30, 45, 1, 7, -7), "index": (1, 37, 37, 24), "middle": (-11, 63, 48, 26),
                          "ring": (0, 37, 33, 23), "pinky": (-2, 25, 30, 21)},
    "opposition_ring": {"thumb": (11, 16, 45, 1, 34, -5), "index": (0, 31, 30, 20), "middle": (0, 38, 38, 25), "ring": (
        -10, 64, 53, 34), "pinky": (-1, 36, 38, 25)}, "opposition_pinky": {"thumb": (9, 44, 45, 9, 45, 4), "index": (
            -1, 26, 28, 19), "middle": (-1, 31, 31, 21), "ring": (0, 43, 36, 25), "pinky": (-5, 88, 11, 4)}}

CLOSED_POSES = ("fist", "power", "pinch", "tripod", "lateral", "hook")
OPPOSITIONS = ("opposition_index", "opposition_middle", "opposition_ring", "opposition_pinky")
# The 50 mm cylinder of "power" in the frame of the open hand at rest: radius, a point of its axis, its direction.
POWER_CYLINDER = (0.025, (0.018, -0.043, 0.003), (-0.3, -0.01, 0.96))


def named_pose(name: str) -> Tensor:
    """Anatomical angles (15, 3) = (twist, spread, bend) of one of `CLOSED_POSES` or `OPPOSITIONS`, radians, float32.

    Inside `JOINT_LIMITS`, the same for both sides. Raises ValueError for another name.
    """
    if name not in _DEGREES:
        raise ValueError(f"name must be one of {', '.join(_DEGREES)}, got {name!r}")
    angles = torch.zeros(15, 3)
    for finger, (first, middle, last) in FINGER_JOINTS.items():
        numbers = _DEGREES[name][finger]
        if finger == "thumb":
            angles[first - 1] = torch.tensor(numbers[:3], dtype=torch.float32)
            angles[middle - 1, 1:] = torch.tensor(numbers[3:5], dtype=torch.float32)
            angles[last - 1, 2] = numbers[5]
        else:
            angles[first - 1, 1:] = torch.tensor(numbers[:2], dtype=torch.float32)
            angles[middle - 1, 2], angles[last - 1, 2] = numbers[2], numbers[3]
    return torch.deg2rad(angles)
