"""The published tables (Wu et al., "FastGrasp", Tables 1-4) as data; `published.yaml` holds the figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table.

    figures: {"volume_cm3", "displacement_cm", "contact_percent", "entropy", "cluster_size", "seconds_per_grasp"} in
        tables 1 to 3, {"displacement_cm", "depth_cm", "volume_cm3", "contact_percent"} in table 4; None where the
        table prints none.
    training_data: None where the table does not say.
    objects: numbers of the YCB objects it was measured on, or None.
    samples: grasps per object. contact: our column with the definition of contact of this table.
    """

    table: int
    table_title: str
    data_set: str
    method: str
    training_data: str | None
    figures: dict[str, float | None]
    objects: frozenset[str] | None
    samples: int
    contact: str
    hand: str
    device: str
    source: str


@lru_cache(maxsize=1)
def published_rows() -> tuple[PublishedRow, ...]:
    """Return all rows, in the order of the tables."""
    content = yaml.safe_load(Path(__file__).with_name("published.yaml").read_text(encoding="utf-8"))
    rows = []
    for row in content["rows"]:
        measured_on = dict(content["data_sets"][row["data_set"]])
        objects = measured_on.pop("objects")
        rows.append(
            PublishedRow(
                **row, **measured_on, objects=frozenset(objects) if objects else None, hand=content["hand"],
                device=content["device"], table_title=content["tables"][row["table"]],
                source=f"{content['source']}, Table {row['table']}",
            )
        )  # fmt: skip
    return tuple(rows)
