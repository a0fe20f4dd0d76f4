"""An articulated hand as URDF: one XML text, and the meshes that it names."""

from __future__ import annotations

from xml.etree import ElementTree as xml

import numpy as np

from fastgrasp_model.export.articulated_hand import HINGES, ArticulatedHand, Link
from fastgrasp_model.export.mjcf import HandDynamics, add

# Between two links stand two of no size, for a joint of URDF turns about one axis; simulators refuse bodies of no mass.
_SMALL_MASS, _SMALL_INERTIA = 1e-5, 1e-9


def urdf(hand: ArticulatedHand, dynamics: HandDynamics | None = None) -> tuple[str, dict[str, str]]:
    """Return the hand as URDF, and its meshes: file name -> Wavefront OBJ text.

    The root link `wrist` has its frame at the wrist joint. Joints bear the names of `ArticulatedHand.hinge_names`.
    URDF knows no friction: set it in the simulator.
    """
    dynamics = dynamics or HandDynamics()
    root = xml.Element("robot", name=f"{hand.side}_hand")
    density = dynamics.mass / sum(sum(link.volumes()) for link in hand.links)
    meshes: dict[str, str] = {}
    for link in hand.links:
        if link.parent is not None:
            _joints(root, hand.links[link.parent].name, link, dynamics)
        element = add(root, "link", name=link.name)
        _inertial(element, link, density)
        for number, piece in enumerate(link.pieces):
            path = f"meshes/{link.name}_{number}.obj"
            meshes[path] = _obj(piece)
            for kind in ("visual", "collision"):
                add(add(add(element, kind), "geometry"), "mesh", filename=path)
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=True), meshes


def _joints(root: xml.Element, parent: str, link: Link, dynamics: HandDynamics) -> None:
    for hinge, axis, (low, high) in zip(HINGES, link.axes, link.limits, strict=True):
        last = hinge == HINGES[-1]
        child = link.name if last else f"{link.name}_{hinge}_link"
        joint = add(root, "joint", name=f"{link.name}_{hinge}", type="revolute")
        add(joint, "parent", link=parent)
        add(joint, "child", link=child)
        add(joint, "origin", xyz=link.origin if hinge == HINGES[0] else np.zeros(3), rpy="0 0 0")
        add(joint, "axis", xyz=axis)
        add(joint, "limit", lower=low, upper=high, effort=dynamics.torque, velocity=20)
        if not last:
            inertial = add(add(root, "link", name=child), "inertial")
            add(inertial, "mass", value=_SMALL_MASS)
            add(inertial, "inertia", ixx=_SMALL_INERTIA, iyy=_SMALL_INERTIA, izz=_SMALL_INERTIA, ixy=0, ixz=0, iyz=0)
        parent = child


def _inertial(element: xml.Element, link: Link, density: float) -> None:
    """Add mass, centre and inertia of a link's pieces, each a solid of `density`, kg/m3."""
    import trimesh

    solids = [trimesh.convex.convex_hull(piece) for piece in link.pieces]
    masses = np.array([solid.volume * density for solid in solids])
    centre = masses @ np.array([solid.center_mass for solid in solids]) / masses.sum()
    inertia = np.zeros((3, 3))
    for solid, mass in zip(solids, masses, strict=True):
        offset = solid.center_mass - centre
        inertia += solid.moment_inertia * density + mass * (offset @ offset * np.eye(3) - np.outer(offset, offset))
    inertial = add(element, "inertial")
    add(inertial, "origin", xyz=centre, rpy="0 0 0")
    add(inertial, "mass", value=masses.sum())
    names = {"ixx": (0, 0), "iyy": (1, 1), "izz": (2, 2), "ixy": (0, 1), "ixz": (0, 2), "iyz": (1, 2)}
    add(inertial, "inertia", **{name: inertia[place] for name, place in names.items()})


def _obj(corners: np.ndarray) -> str:
    """Return the convex hull of corners (n, 3) as OBJ."""
    import trimesh

    return trimesh.convex.convex_hull(corners).export(file_type="obj", include_normals=False, header=None)
