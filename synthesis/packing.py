"""The packed grasp set: one .npz of fixed-point codes, about 72 bytes a grasp; docs/grasp_set.md gives each array.

A hand is stored as shape, wrist and the 45 anatomical angles of `fastgrasp_model.hand.joint_angles`, which depend on
the joint axes of the hand. So the file names its hand with a SHA-256, and reading it needs that hand.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, JOINT_NAMES
from fastgrasp_synthesis import fixed_point
from fastgrasp_synthesis.grasp_arrays import GraspSet, GraspSetError, read_arrays, without_repeats, write_arrays

PACKED_VERSION = 2
BEYOND = 1e-3  # radians a joint may lie outside its limits, as a solver leaves it; the limit is stored
_LARGEST = {"betas": 100.0, "global_orient": 3.2, "angles": 3.2, "transl": 100.0}  # beyond these it is no hand
_PARTS = ("high", "low", "bits", "start", "step")
_ARRAYS = (*(f"{name}_{part}" for name in fixed_point.COLUMNS for part in _PARTS), "depth", "displacement",
           "grasp_type", "counts", "objects", "grasp_types", "hand", "hand_sha256", "candidates", "version")
_AGAIN = "take the file from the repository again, or pack the shards again with `fastgrasp synthesize --pack`"


def pack(grasps: GraspSet, path: str | Path, limit_bytes: int | None = None, hand: str | Path | None = None) -> Path:
    """Write a set as one packed file, atomically; `unpack` and `load_grasp_set` read it.

    Grasps are sorted by object and type. The vertices of the unpacked hands lie within 0.1 mm; depth and displacement
    are rounded to 0.1 mm, and above 25.5 mm are that. limit_bytes: the file must not be larger; hand: the hand's file,
    where it is neither the open hand nor the one that FASTGRASP_HAND names.

    Raises GraspSetError: no grasps, wrong shapes, values that are not finite or of no hand, joints beyond their limits
    by more than `BEYOND`, a file above the limit, or no file of the hand.
    """
    grasps = without_repeats(grasps)
    _check(grasps)
    sha256, layer = _hand(grasps.hand, hand)
    angles = _within_limits(fixed_point.to_angles(grasps.hand_pose, joint_axes(layer)))
    order = np.lexsort((grasps.grasp_type, grasps.object))
    counts = np.bincount(grasps.object, minlength=len(grasps.objects)).astype(np.uint32)
    arrays = _encoded(grasps[order], angles[order]) | {
        "counts": counts, "objects": np.array(grasps.objects, dtype=np.str_),
        "grasp_types": np.array(grasps.grasp_types, dtype=np.str_), "hand": np.str_(grasps.hand),
        "hand_sha256": np.str_(sha256), "candidates": np.int64(grasps.candidates), "version": np.int64(PACKED_VERSION)}

    def check(size: int) -> None:
        if limit_bytes is not None and size > limit_bytes:
            raise GraspSetError(
                f"{len(grasps)} grasps take {size} bytes ({size / len(grasps):.1f} each), the limit is {limit_bytes}; "
                f"`thin` the set to {int(0.99 * len(grasps) * limit_bytes / size)} grasps")

    return write_arrays(Path(path), arrays, check)


def unpack(path: str | Path, hand: str | Path | None = None) -> GraspSet:
    """Read a packed file, floats as float32; `hand` as for `pack`.

    Raises GraspSetError, with the remedy: a damaged file, another version, values of no hand, a missing hand or another
    one than the set was packed with.
    """
    path = Path(path)
    arrays = read_arrays(path, _ARRAYS, _AGAIN)
    version = arrays["version"]
    if version.shape != () or version.dtype.kind != "i" or int(version) != PACKED_VERSION:
        raise GraspSetError(f"{path}: format {version}, expected {PACKED_VERSION}; {_AGAIN}")
    _check_arrays(arrays, path)
    values = {name: _decoded(arrays, name, path) for name in fixed_point.COLUMNS}
    sha256, layer = _hand(str(arrays["hand"]), hand)
    if sha256 != str(arrays["hand_sha256"]):
        raise GraspSetError(
            f"{path}: packed with the hand '{arrays['hand']}' of SHA-256 {str(arrays['hand_sha256'])[:16]}..., but the "
            f"file of that name has {sha256[:16]}...; joint angles mean another pose there. Take hand and set of one "
            "version of FastGrasp, or name the right file in FASTGRASP_HAND")
    counts = arrays["counts"].astype(np.int64)
    grasps = GraspSet(
        betas=values["betas"], global_orient=values["global_orient"], transl=values["transl"],
        hand_pose=fixed_point.to_hand_pose(values["angles"], joint_axes(layer)),
        object=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        grasp_type=arrays["grasp_type"].astype(np.int16), depth=fixed_point.decode_tenths(arrays["depth"]),
        displacement=np.ascontiguousarray(fixed_point.decode_tenths(arrays["displacement"]).T),
        objects=arrays["objects"].tolist(), grasp_types=arrays["grasp_types"].tolist(), hand=str(arrays["hand"]),
        candidates=int(arrays["candidates"]))
    try:
        grasps.check_rows()
    except GraspSetError as error:
        raise GraspSetError(f"{path}: {error}; {_AGAIN}") from error
    return grasps


def thin(grasps: GraspSet, count: int, seed: int = 0) -> GraspSet:
    """At most `count` grasps of a set, in their order, so that objects and types stay balanced.

    The rule: on each object the types take turns, in random order within a type and the type that is rarest in the set
    first. Of every object so many grasps are kept from the head of this list that the total is `count`: the same number
    on all, objects that have fewer keep them all; what is over is given to random objects, one each.

    Raises GraspSetError for a negative count.
    """
    if count < 0:
        raise GraspSetError(f"a set cannot be thinned to {count} grasps; give 0 or more")
    if count >= len(grasps):
        return grasps
    rng = np.random.default_rng(seed)
    chance = rng.random(len(grasps))
    rarity = np.bincount(grasps.grasp_type, minlength=len(grasps.grasp_types))[grasps.grasp_type]
    turn = place_in_group(np.lexsort((chance, grasps.grasp_type, grasps.object)), grasps.object, grasps.grasp_type)
    place = place_in_group(np.lexsort((grasps.grasp_type, rarity, turn, grasps.object)), grasps.object)
    luck = rng.random(len(grasps.objects))[grasps.object]
    return grasps[np.sort(np.lexsort((luck, place))[:count])]


def place_in_group(order: np.ndarray, *groups: np.ndarray) -> np.ndarray:
    """Return the place (N,) of each row within its group, from 0, where `order` (N,) sorts the rows by group."""
    new = np.zeros(len(order), dtype=bool)
    for group in groups:
        new[1:] |= np.diff(group[order]) != 0
    count = np.arange(len(order))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = count - np.maximum.accumulate(np.where(new, count, 0))
    return place


def _check(grasps: GraspSet) -> None:
    grasps.check_rows()
    if not len(grasps):
        raise GraspSetError("there are no grasps to pack; make some with `fastgrasp synthesize`")
    if len(grasps.grasp_types) > 255:
        raise GraspSetError(f"{len(grasps.grasp_types)} grasp types; a packed set has room for 255")
    for name in ("betas", "global_orient", "hand_pose", "transl", "depth", "displacement"):
        bad = ~np.isfinite(getattr(grasps, name)).reshape(len(grasps), -1).all(axis=1)
        if bad.any():
            raise GraspSetError(
                f"{name} of {bad.sum()} grasps is not finite (first: row {bad.argmax()}); leave them out")


def _encoded(grasps: GraspSet, angles: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of codes, and start and step of each column."""
    values = {"betas": grasps.betas, "global_orient": fixed_point.shortest(grasps.global_orient), "angles": angles,
              "transl": grasps.transl}
    arrays = {}
    for name, value in values.items():
        start, step = fixed_point.grid(name, value)
        codes = fixed_point.encode(value, start, step)
        if codes.max() > 0xFFFF:
            column = int(codes.max(axis=1).argmax())
            low, high, room = value[:, column].min(), value[:, column].max(), 0xFFFF * step[column]
            raise GraspSetError(
                f"{name}, column {column}, goes from {low:.3g} to {high:.3g}; a packed set has room for {room:.3g} "
                "between them. Leave out what is no grasp")
        parts = zip(_PARTS, (*fixed_point.divide(codes), start, step), strict=True)
        arrays |= {f"{name}_{part}": array for part, array in parts}
    arrays["depth"] = fixed_point.encode_tenths(grasps.depth)
    arrays["displacement"] = fixed_point.encode_tenths(np.ascontiguousarray(grasps.displacement.T))
    arrays["grasp_type"] = grasps.grasp_type.astype(np.uint8)
    return arrays


def _within_limits(angles: np.ndarray) -> np.ndarray:
    low, high = JOINT_LIMITS.reshape(45, 2).T
    excess = np.maximum(low - angles, angles - high)
    row, column = np.unravel_index(excess.argmax(), excess.shape)
    if excess[row, column] > BEYOND:
        bad, joint = (excess > BEYOND).any(axis=1).sum(), JOINT_NAMES[column // 3 + 1]
        raise GraspSetError(
            f"{bad} of {len(angles)} grasps bend a joint beyond its limits; worst row {row}: "
            f"{('twist', 'spread', 'bend')[column % 3]} of {joint} by {np.degrees(excess[row, column]):.2f} degrees, "
            f"{np.degrees(BEYOND):.2f} allowed. Leave them out")
    return np.clip(angles, low, high)


def _check_arrays(arrays: dict[str, np.ndarray], path: Path) -> None:
    count, kinds, objects = (arrays[name].size for name in ("grasp_type", "grasp_types", "objects"))
    expected = {"depth": ("u1", (count,)), "displacement": ("u1", (6, count)), "grasp_type": ("u1", (count,)),
                "counts": ("u4", (objects,)), "objects": ("U", (objects,)), "grasp_types": ("U", (kinds,)),
                "hand": ("U", ()), "hand_sha256": ("U", ()), "candidates": ("i8", ())}
    for name, columns in fixed_point.COLUMNS.items():
        bits = arrays[f"{name}_bits"]
        planes = int(bits.sum(dtype=np.uint64)) if bits.dtype == np.uint8 else 0
        shapes = {"high": ("u1", (columns, count)), "low": ("u1", (planes, -(-count // 8))), "bits": ("u1", (columns,)),
                  "start": ("f8", (columns,)), "step": ("f8", (columns,))}
        expected |= {f"{name}_{part}": shape for part, shape in shapes.items()}
    for name, (kind, shape) in expected.items():
        found = arrays[name]
        if found.shape != shape or kind not in (found.dtype.kind, found.dtype.str[1:]):
            raise GraspSetError(
                f"{path}: {name} has shape {found.shape} and type {found.dtype}, expected {shape} and {kind}; {_AGAIN}")
    if int(arrays["counts"].sum(dtype=np.uint64)) != count:
        raise GraspSetError(f"{path}: counts of the objects add up to {arrays['counts'].sum()}, not {count}; {_AGAIN}")
    if len(set(arrays["objects"].tolist())) != objects or arrays["candidates"] < 0:
        raise GraspSetError(f"{path}: an object is listed twice, or candidates is negative; {_AGAIN}")


def _decoded(arrays: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    high, low, bits, start, step = (arrays[f"{name}_{part}"] for part in _PARTS)
    good = bool((step > 0).all() and (bits <= 8).all())
    codes = fixed_point.unite(high, low, bits)
    if good and codes.size:
        ends = np.stack([start + step * codes.min(axis=1), start + step * codes.max(axis=1)])
        good = bool(np.abs(ends).max() <= _LARGEST[name])
    if not good:
        raise GraspSetError(f"{path}: {name} holds values that no hand has (over {_LARGEST[name]:g}); {_AGAIN}")
    return fixed_point.decode(codes, start, step)


def hand_layer(name: str, path: str | Path | None = None):
    """The `ManoLayer` of the hand a set names: the open hand, or the file of that name in FASTGRASP_HAND.

    path: the hand's file, where it is neither. Raises GraspSetError, with the remedy, if there is no such file.
    """
    return _hand(name, path)[1]


def _hand(name: str, path: str | Path | None):
    """SHA-256 of the hand's file, and its `ManoLayer`. Raises GraspSetError if there is no such file."""
    from fastgrasp_model.hand.mano_file import HandModelError
    from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer

    file = Path(path or (OPEN_HAND if name == "open hand" else os.environ.get("FASTGRASP_HAND", "")))
    if path is None and file != OPEN_HAND and file.name != name:
        raise GraspSetError(
            f"the set's grasps are of the hand '{name}', whose joint axes are needed to read or pack them; set "
            f"FASTGRASP_HAND to the path of that file (now '{os.environ.get('FASTGRASP_HAND', '')}')")
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest(), ManoLayer.from_file(file)
    except (OSError, HandModelError) as error:
        raise GraspSetError(
            f"the hand '{name}' of the set cannot be read ({error}); set FASTGRASP_HAND to its file") from error
