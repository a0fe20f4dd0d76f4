"""The training objects: each a family and a seed, made again from a short string whenever it is needed.

`mug:1234` is the mug that seed 1234 makes; `urdf:017` is one of the 980 random solids inside the pybullet wheel that
serve, its convex parts united. No mesh is stored, so a grasp set stays small, and a family must go on making the same
mesh from the same seed: change a shape by adding a family under a new name. Held-out families and every tenth `urdf`
belong to the validation split as wholes.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from importlib import import_module

import numpy as np

from fastgrasp_model.commands.extras import require

# modules whose public functions are the families
CATEGORIES = ("vessels", "packages", "cookware", "kitchen", "fruits", "bathroom", "office", "household")
CATEGORIES += ("workshop", "fittings", "machines", "appliances", "toys", "plain")
HELD_OUT = frozenset({"teapot", "jar", "hairdryer", "hairbrush", "light_bulb", "duck", "prism", "kettlebell",
                      "milk_carton", "food_box"} | {"large_bottle", "pliers", "trowel", "saw", "measuring_jug", "mango",
                                                    "pepper", "saucepan", "stapler", "boat"})
URDF_SCALE, URDF_COUNT = 0.015, 1000  # the scale of the URDF files
# 168 holds NaN; the others are splinters below 8 cm3 or keep more than MAX_FACES faces
URDF_BROKEN = frozenset({123, 167, 168, 178, 292, 295, 297, 304, 350, 357, 360, 503, 507, 578, 602, 777, 815, 824, 858,
                         933})
URDF_MARGINS = (0.0, 0.0005, 0.001, 0.002, 0.003)  # metres, until the parts hang together
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
    if match[1] == "urdf" and (number >= URDF_COUNT or number in URDF_BROKEN):
        raise ObjectSpecError(f"{spec!r}: urdf objects are 000 to 999 without {sorted(URDF_BROKEN)}")
    return match[1], number


def split_of(spec: str) -> str:
    """ "train" or "validation"; whole families and every tenth urdf are held out."""
    family, number = spec.split(":")
    held = int(number) % 10 == 7 if family == "urdf" else family in HELD_OUT
    return "validation" if held else "train"


def object_list(count: int, seed: int = 0, urdf_share: float = 0.2) -> list[str]:
    """`count` different specifications: every family in turn, with a share of urdf solids spread between them."""
    rng = np.random.default_rng(seed)
    names = list(families())
    solids = [number for number in rng.permutation(URDF_COUNT) if number not in URDF_BROKEN]
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


def training_list(count: int, seed: int) -> list[str]:
    """`count` different specifications of the training split, without urdf solids: families in turn."""
    specs = object_list(count + count // 2 + len(families()), seed, urdf_share=0.0)
    return [spec for spec in specs if split_of(spec) == "train"][:count]


def _seed(spec: str) -> int:
    return zlib.crc32(spec.encode())


@cache
def _makers() -> dict:
    """Every public function of the modules of families, by its name."""
    modules = [import_module(f"fastgrasp_synthesis.shapes.{category}") for category in CATEGORIES]
    return {name: maker for module in modules for name, maker in vars(module)
            .items() if getattr(maker, "__module__", "") == module.__name__ and not name.startswith("_")}


def _cleaned(solid):
    """The largest connected piece, with slivers under 0.1 mm removed and at most MAX_FACES faces."""
    pieces = solid.decompose()
    if not pieces:
        return solid
    solid = max(pieces, key=lambda piece: piece.volume())
    tolerance = 1e-4
    while solid.num_tri() > 0:
        solid = solid.simplify(tolerance)
        if solid.num_tri() <= MAX_FACES or tolerance > 1e-2:
            break
        tolerance *= 1.5
    return solid


def _urdf_solid(number: int):
    """The union of the convex parts of one of pybullet_data's random solids, metres."""
    from pathlib import Path

    import manifold3d as m3

    pybullet_data = require("pybullet_data", "the solids urdf:N of the open set", "legacy")
    path = Path(pybullet_data.getDataPath()) / "random_urdfs" / f"{number:03d}" / f"{number:03d}.obj"
    if not path.is_file():
        raise ObjectSpecError(f"{path} is missing; install pybullet 3.2.7, whose wheel holds the random_urdfs")
    clouds, points = [], []
    for line in path.read_text().splitlines() + ["o end"]:
        if line.startswith("v "):
            points.append([float(x) for x in line.split()[1:4]])
        elif line.startswith("o ") and points:
            clouds.append(np.array(points) * URDF_SCALE)
            points = []
    for margin in URDF_MARGINS:  # the parts were cut apart with small gaps between them
        solid = m3.Manifold.batch_boolean([_swollen(cloud, margin) for cloud in clouds], m3.OpType.Add)
        volumes = [piece.volume() for piece in solid.decompose()]
        if volumes and max(volumes) > 0.99 * sum(volumes):
            break
    return solid


def _swollen(points: np.ndarray, margin: float):
    """The convex hull of points (n,3), made larger by `margin` on every side."""
    import manifold3d as m3

    signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * margin
    return m3.Manifold.hull_points((points[:, None] + signs).reshape(-1, 3) if margin else points)
