"""The training objects: each a family and a seed, made again from a short string whenever it is needed.

`mug:1234` is the mug that seed 1234 makes; `urdf:017` is one of the 999 random solids inside the pybullet wheel,
its convex parts united. No mesh is stored, so a grasp set stays small. Held-out families and every tenth `urdf`
belong to the validation split as wholes.
"""

from __future__ import annotations

import re
import zlib
from functools import cache

import numpy as np

HELD_OUT = frozenset({"teapot", "jar", "hairdryer", "brush", "bulb", "duck", "prism", "kettlebell"})
URDF_SCALE, URDF_COUNT, URDF_BROKEN = 0.015, 1000, 168  # scale from the URDF files; number 168 holds NaN
MAX_FACES = 4000


class ObjectSpecError(ValueError):
    """A specification no object can be made from."""


def families() -> tuple[str, ...]:
    """Names of the procedural families, sorted."""
    return tuple(sorted(_makers()))


def make_object(spec: str):
    """The watertight trimesh.Trimesh of a specification: metres, origin at the centre of mass, <= 4000 faces.

    Raises ObjectSpecError for an unknown family, a bad number, or a solid that comes out empty.
    """
    import trimesh

    family, number = parse(spec)
    solid = _urdf_solid(number) if family == "urdf" else _makers()[family](np.random.default_rng(_seed(spec)))
    solid = solid.scale((0.001,) * 3) if family != "urdf" else solid
    solid = _cleaned(solid)
    data = solid.to_mesh()
    mesh = trimesh.Trimesh(np.asarray(data.vert_properties[:, :3], dtype=np.float64), data.tri_verts, process=False)
    if not len(mesh.faces) or not mesh.is_watertight or mesh.volume < 1e-7:
        raise ObjectSpecError(f"{spec}: the solid came out empty or open; choose another seed")
    mesh.vertices -= mesh.center_mass
    return mesh


def parse(spec: str) -> tuple[str, int]:
    """Family and number of a specification. Raises ObjectSpecError."""
    match = re.fullmatch(r"([a-z_]+):(\d+)", spec)
    if not match or (match[1] != "urdf" and match[1] not in _makers()):
        raise ObjectSpecError(f"{spec!r}: expected family:number with a family of {', '.join(families())} or urdf")
    number = int(match[2])
    if match[1] == "urdf" and (number >= URDF_COUNT or number == URDF_BROKEN):
        raise ObjectSpecError(f"{spec!r}: urdf objects are 000 to 999 without {URDF_BROKEN}")
    return match[1], number


def split_of(spec: str) -> str:
    """ "train" or "validation"; whole families and every tenth urdf are held out."""
    family, number = spec.split(":")
    held = int(number) % 10 == 7 if family == "urdf" else family in HELD_OUT
    return "validation" if held else "train"


def object_list(count: int, seed: int = 0, urdf_share: float = 0.25) -> list[str]:
    """`count` different specifications: every family in turn, with a share of urdf solids spread between them."""
    rng = np.random.default_rng(seed)
    names = list(families())
    solids = [number for number in rng.permutation(URDF_COUNT) if number != URDF_BROKEN]
    specs: list[str] = []
    round_number, turn = 0, []
    while len(specs) < count:
        if solids and rng.random() < urdf_share:
            specs.append(f"urdf:{solids.pop():03d}")
            continue
        if not turn:
            turn, round_number = list(rng.permutation(names)), round_number + 1
        specs.append(f"{turn.pop()}:{seed * 100000 + round_number}")
    return specs


def _seed(spec: str) -> int:
    return zlib.crc32(spec.encode())


@cache
def _makers() -> dict:
    from fastgrasp_training.synthesis import shapes, tools, vessels

    return {**vessels.FAMILIES, **tools.FAMILIES, **shapes.FAMILIES}


def _cleaned(solid):
    """The largest connected piece, with slivers under 0.1 mm removed and at most MAX_FACES faces."""
    pieces = solid.decompose()
    if not pieces:
        return solid
    solid = max(pieces, key=lambda piece: piece.volume())
    tolerance = 1e-4
    while solid.num_tri() > 0:
        solid = solid.simplify(tolerance)
        if solid.num_tri() <= MAX_FACES or tolerance > 2e-3:
            break
        tolerance *= 1.5
    return solid


def _urdf_solid(number: int):
    """The union of the convex parts of one of pybullet_data's random solids, metres."""
    from pathlib import Path

    import manifold3d as m3
    import pybullet_data

    path = Path(pybullet_data.getDataPath()) / "random_urdfs" / f"{number:03d}" / f"{number:03d}.obj"
    if not path.is_file():
        raise ObjectSpecError(f"{path} is missing; install pybullet 3.2.7, whose wheel holds the random_urdfs")
    parts, points = [], []
    for line in path.read_text().splitlines() + ["o end"]:
        if line.startswith("v "):
            points.append([float(x) for x in line.split()[1:4]])
        elif line.startswith("o ") and points:
            parts.append(m3.Manifold.hull_points(np.array(points) * URDF_SCALE))
            points = []
    return m3.Manifold.batch_boolean(parts, m3.OpType.Add)
