"""The grasp types of the set: which skin touches, what it opposes, how wide the object is, how the hand is shaped.

Names and numbers are those of Feix, Romero, Schmiedmayer, Dollar, Kragic, "The GRASP Taxonomy of Human Grasp Types",
IEEE Trans. Human-Machine Systems 46(1), 2016. Of its 33 types these are the ones in which the thumb and at least two
fingers touch: the set promises that of every grasp. So the hooks and carries without the thumb are left out, and the
pinches let the middle finger help.
"""

from __future__ import annotations

from dataclasses import dataclass

FINGERS = ("index", "middle", "ring", "pinky")
TIPS = ("thumb", *FINGERS)
SIDES = ("index_side", "middle_side", "index_base")  # the skin of these fingers that faces the thumb
SETS = (*TIPS, *(f"{name}_middle" for name in TIPS), "palm", *SIDES)


@dataclass(frozen=True)
class GraspType:
    """One type: what touches and how the hand starts.

    weights: pull towards the object per vertex set (missing = free); template: posture of `templates.TEMPLATES`;
    width: object widths in metres it is tried on; share: part of the candidates, before what an object offers;
    against: what opposes the fingers, "thumb" or "palm"; opposing: sets that oppose it (default: the finger pads that
    have a weight); row: 0 to 1, how much the object must go on along the row of fingers; handle: seeks thin parts
    wherever they are; feix: number in the taxonomy; family: "power", "intermediate" or "precision".
    """

    name: str
    feix: int
    family: str
    weights: dict[str, float]
    template: str
    width: tuple[float, float]
    share: float
    against: str = "thumb"
    opposing: tuple[str, ...] = ()
    row: float = 0.0
    handle: bool = False

    @property
    def opposed(self) -> tuple[str, ...]:
        """The sets on the far side of the object from the thumb (or the palm)."""
        return self.opposing or tuple(name for name in FINGERS if name in self.weights)


def _pads(count: int, **more: float) -> dict[str, float]:
    """Thumb and the first `count` finger pads, the outer ones a little weaker, and more sets."""
    return {"thumb": 1.0, **dict(zip(FINGERS[:count], (1.0, 1.0, 0.8, 0.7), strict=False)), **more}


_MIDDLES = {"index_middle": 0.4, "middle_middle": 0.4, "ring_middle": 0.4, "pinky_middle": 0.3}
_WRAP = _pads(4, palm=1.0, **_MIDDLES)
_BALL = {"index_middle": 0.3, "middle_middle": 0.3, "palm": 0.4}
_SIDE = {"thumb": 1.0, "index_side": 1.0, "middle_side": 0.5}
_PEN = {"thumb": 1.0, "index": 1.0, "middle_side": 1.0}
_POWER, _BETWEEN, _PRECISION = "power", "intermediate", "precision"
_ON_MIDDLE = {"opposing": ("index", "middle_side")}
_FIST = {"against": "palm", "opposing": tuple(_MIDDLES)}

GRASP_TYPES = (
    GraspType("large_diameter", 1, _POWER, {**_WRAP, "thumb_middle": 0.2}, "wrap", (0.048, 0.088), 9, row=0.5),
    GraspType("medium_wrap", 3, _POWER, {**_WRAP, "thumb_middle": 0.2}, "wrap", (0.028, 0.055), 9, row=0.6),
    GraspType("small_diameter", 2, _POWER, {**_WRAP, "palm": 0.8}, "wrap", (0.010, 0.032), 7, row=0.6, handle=True),
    GraspType("adducted_thumb", 4, _POWER, _WRAP, "adducted", (0.014, 0.045), 6, row=1.0, handle=True, **_FIST),
    GraspType("index_extension", 17, _POWER, {**_WRAP, "palm": 0.7}, "index_out", (0.010, 0.040), 7, row=1.0,
              handle=True), GraspType("power_disk", 10, _POWER, _pads(4, palm=1.0, index_middle=0.2), "disk", (
                  0.045, 0.092), 6), GraspType("power_sphere", 11, _POWER, _WRAP, "sphere", (0.038, 0.088), 7),
    GraspType("sphere_4_finger", 26, _POWER, _pads(3, **_BALL), "sphere", (0.035, 0.080), 6),
    GraspType("sphere_3_finger", 28, _POWER, _pads(2, **_BALL), "sphere_3", (0.030, 0.075), 6),
    GraspType("ring", 31, _POWER, _pads(2, index_middle=0.5, thumb_middle=0.3), "ring", (0.020, 0.062), 6),
    GraspType("extension", 18, _POWER, _pads(4, **_MIDDLES), "straight", (0.006, 0.040), 5, row=1.0),
    GraspType("lateral", 16, _BETWEEN, _SIDE, "lateral", (0.003, 0.024), 6, opposing=("index_side",)),
    GraspType("lateral_tripod", 25, _BETWEEN, _PEN, "lateral_tripod", (0.006, 0.040), 5, **_ON_MIDDLE),
    GraspType("prismatic_4", 6, _PRECISION, _pads(4), "pads_4", (0.005, 0.055), 7, row=1.0),
    GraspType("prismatic_3", 7, _PRECISION, _pads(3), "pads_3", (0.005, 0.055), 6, row=0.8),
    GraspType("prismatic_2", 8, _PRECISION, _pads(2), "pads_2", (0.004, 0.040), 5, row=0.5),
    GraspType("palmar_pinch", 9, _PRECISION, _pads(1, middle=0.4), "pads_1", (0.003, 0.045), 4),
    GraspType("tripod", 14, _PRECISION, _pads(2), "tripod", (0.012, 0.065), 7),
    GraspType("quadpod", 27, _PRECISION, _pads(3), "quadpod", (0.020, 0.070), 7),
    GraspType("precision_disk", 12, _PRECISION, _pads(4), "disk", (0.040, 0.092), 6),
    GraspType("precision_sphere", 13, _PRECISION, _pads(4), "sphere_tips", (0.030, 0.085), 7),
    GraspType("parallel_extension", 22, _PRECISION, _pads(4), "straight", (0.006, 0.060), 5, row=0.8), GraspType(
        "writing_tripod", 20, _PRECISION, {**_PEN, "index_base": 0.4}, "writing", (0.004, 0.020), 5, **_ON_MIDDLE))
TYPE_NAMES = tuple(kind.name for kind in GRASP_TYPES)
