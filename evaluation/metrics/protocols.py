"""The two protocols, as the columns of their tables; `columns.yaml` holds the data.

`strict` measures what the figures are meant to say: solid volume, six directions of gravity, a hold of one second under
ordinary friction, contact of the thumb and two fingers. `legacy` repeats what the published tables count and serves to
compare with them. A column belongs to one grasp or to the whole set; its name ends in its unit, and a share is 0..1 in
data and percent in tables.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import yaml

from fastgrasp_model.commands.extras import remedy, require


@dataclass(frozen=True)
class Column:
    """One column: title (two lines), unit, digits shown, which way is better ("lower", "higher" or None), and what it
    measures. `of_set`: defined only for all grasps together."""

    title: str
    unit: str
    digits: int
    better: str | None
    explanation: str
    of_set: bool = False


_DATA = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))
COLUMNS = {name: Column(*values) for name, values in _DATA["per_grasp"].items()}
COLUMNS |= {name: Column(*values, of_set=True) for name, values in _DATA["per_set"].items()}
PROTOCOLS = {name: tuple(columns) for name, columns in _DATA["protocols"].items()}
SIMULATED, OF_PYBULLET = tuple(_DATA["simulated"]), frozenset(_DATA["pybullet"])


def protocol_names(choice: str) -> tuple[str, ...]:
    """Return the protocols of the choice "strict", "legacy" or "both"."""
    return tuple(PROTOCOLS) if choice == "both" else (choice,)


def columns_of(protocols, simulated: bool = True) -> list[str]:
    """Return the names of all columns of some protocols in order.

    Without those of the simulators if not `simulated`, and without those of pybullet where it is not installed.
    """
    names = dict.fromkeys(name for protocol in protocols for name in PROTOCOLS[protocol])
    left_out = set() if simulated else set(SIMULATED)
    left_out |= set() if has_pybullet() else OF_PYBULLET
    return [name for name in names if name not in left_out]


def has_pybullet() -> bool:
    """Return whether pybullet is installed; Python 3.12 and newer have no wheel of it."""
    return find_spec("pybullet") is not None


def check_simulator(protocols) -> None:
    """Warn where columns are left out for want of pybullet. Raises MissingExtraError where only `legacy` is wanted."""
    if has_pybullet():
        return
    if tuple(protocols) == ("legacy",):
        require("pybullet", "the simulator of the published protocol", "legacy")
    warnings.warn(
        f"pybullet is not installed: what it measures (moved, kept) is left out; {remedy('legacy')} brings it",
        stacklevel=2,
    )


def described(names) -> dict[str, dict]:
    """Return the columns as plain data for JSON."""
    return {name: asdict(COLUMNS[name]) for name in names}
