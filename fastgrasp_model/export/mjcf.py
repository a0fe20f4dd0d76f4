"""An articulated hand as a model of MuJoCo (MJCF): one self-contained XML text, meshes inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree as xml

import numpy as np

from fastgrasp_model.export.articulated_hand import HINGES, ArticulatedHand, Link

_SLIDES_AND_TURNS = (("slide", "x", "1 0 0"), ("slide", "y", "0 1 0"), ("slide", "z", "0 0 1"),
                     ("hinge", "roll", "1 0 0"), ("hinge", "pitch", "0 1 0"), ("hinge", "yaw", "0 0 1"))  # fmt: skip


@dataclass(frozen=True)
class HandDynamics:
    """What a hand weighs, how stiff it is and how its skin rubs; SI units.

    The contact and the actuators are those of DexGraspBench (`hand_util.py`), the mass HUG-Bench's (arXiv 2606.17054).
    """

    mass: float = 0.4
    friction: tuple[float, float, float] = (0.6, 0.02, 0.0001)  # sliding, torsion (m), rolling (m)
    solref: tuple[float, float] = (0.005, 1.0)  # softness of contacts: time constant (s), damping ratio
    solimp: tuple[float, float, float] = (0.5, 0.99, 0.0001)
    stiffness: float = 5.0  # N m/rad of each hinge's position actuator
    torque: float = 3.0  # N m, the most that an actuator gives
    armature: float = 1e-4  # kg m2, the inertia of the actuators
    wrist_stiffness: float = 2000.0  # N/m, and N m/rad divided by 40, where the wrist has joints
    self_collision: bool = False


def mjcf(hand: ArticulatedHand, dynamics: HandDynamics | None = None, wrist: str = "mocap") -> str:
    """Return the hand as the text of an MJCF file; arguments as `mjcf_tree`."""
    root = mjcf_tree(hand, dynamics, wrist)
    xml.indent(root)
    return xml.tostring(root, encoding="unicode")


def mjcf_tree(hand: ArticulatedHand, dynamics: HandDynamics | None = None, wrist: str = "mocap") -> xml.Element:
    """Return the hand as MJCF.

    wrist: "mocap", a free wrist welded to the mocap body `wrist_target`; or "joints", three slides and three hinges
    with position actuators. The palm's frame is the wrist joint's: set its position to the hand's wrist and its
    rotation to `global_orient`. Hinges and actuators are named as in `ArticulatedHand.hinge_names`. Raises ValueError.
    """
    if wrist not in _WRISTS:
        raise ValueError(f"the wrist can be {' or '.join(_WRISTS)}, not {wrist!r}")
    dynamics = dynamics or HandDynamics()
    root = xml.Element("mujoco", model=f"{hand.side}_hand")
    add(root, "compiler", angle="radian", autolimits="true")
    add(root, "option", timestep=0.004, integrator="implicitfast", cone="elliptic", impratio=10, noslip_iterations=2)
    _defaults(root, dynamics)
    assets, world = add(root, "asset"), add(root, "worldbody")
    actuators = xml.Element("actuator")
    density = dynamics.mass / sum(sum(link.volumes()) for link in hand.links)
    bodies: list[xml.Element] = []
    for link in hand.links:
        place = world if link.parent is None else bodies[link.parent]
        body = add(place, "body", name=link.name, pos=hand.wrist if link.parent is None else link.origin)
        if link.parent is None:
            _WRISTS[wrist](root, world, body, actuators, dynamics)
        else:
            _hinges(body, link, actuators)
        for number, piece in enumerate(link.pieces):
            name = f"{link.name}_{number}"
            add(assets, "mesh", name=name, vertex=np.round(piece, 7).reshape(-1))
            add(body, "geom", {"class": "skin"}, name=name, mesh=name, density=density)
        bodies.append(body)
    root.append(actuators)
    return root


def add(parent: xml.Element, tag: str, attributes: dict[str, str] | None = None, **values) -> xml.Element:
    """Append an element; numbers and arrays become text of nine digits."""
    return xml.SubElement(parent, tag, {**(attributes or {}), **{name: text(value) for name, value in values.items()}})


def text(value) -> str:
    """Return a text, a number or a row of numbers as the value of an attribute."""
    if isinstance(value, str):
        return value
    return " ".join(f"{number:.9g}" for number in np.atleast_1d(np.asarray(value, dtype=float)))


def _defaults(root: xml.Element, dynamics: HandDynamics) -> None:
    skin = add(add(root, "default"), "default", {"class": "skin"})
    # Pieces of one hand overlap: unless asked for they meet others only.
    add(
        skin, "geom", type="mesh", contype=1, conaffinity=3 if dynamics.self_collision else 2, condim=4,
        friction=dynamics.friction, solref=dynamics.solref, solimp=dynamics.solimp, rgba="0.9 0.62 0.48 1",
    )  # fmt: skip
    finger = add(root.find("default"), "default", {"class": "finger"})
    add(finger, "joint", type="hinge", armature=dynamics.armature)
    add(
        finger, "position", kp=dynamics.stiffness, dampratio=1, forcerange=(-dynamics.torque, dynamics.torque),
        inheritrange=1,
    )  # fmt: skip


def _hinges(body: xml.Element, link: Link, actuators: xml.Element) -> None:
    for hinge, axis, limits in zip(HINGES, link.axes, link.limits, strict=True):
        name = f"{link.name}_{hinge}"
        add(body, "joint", {"class": "finger"}, name=name, axis=axis, range=limits)
        add(actuators, "position", {"class": "finger"}, name=name, joint=name)


def _welded_to_mocap(root, world, body, _actuators, _dynamics) -> None:
    add(body, "freejoint", name="wrist")
    target = add(world, "body", name="wrist_target", mocap="true", pos=body.get("pos"))
    add(target, "site", name="wrist_target", size=0.005)
    weld = add(add(root, "equality"), "weld", body1="wrist_target", body2="wrist")
    weld.attrib |= {"solimp": "0.9 0.95 0.001 0.5 2"}


def _on_joints(_root, _world, body, actuators, dynamics) -> None:
    for kind, name, axis in _SLIDES_AND_TURNS:
        name = f"wrist_{name}"
        add(body, "joint", name=name, type=kind, axis=axis, armature=dynamics.armature)
        stiffness = dynamics.wrist_stiffness / (1 if kind == "slide" else 40)
        add(actuators, "position", name=name, joint=name, kp=stiffness, dampratio=1)


_WRISTS: dict[str, Callable] = {"mocap": _welded_to_mocap, "joints": _on_joints}
