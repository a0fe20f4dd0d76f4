"""The published tables (Wu et al., "FastGrasp", Tables 1-4) as data; `published.yaml` holds the figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("published.yaml")


@dataclass(frozen=True)
class PublishedRow:
    """One row of a published table.

    figures: {"volume_cm3", "displacement_cm", "contact_percent", "entropy", "cluster_size", "seconds_per_grasp"} in
        tables 1 to 3, {"displacement_cm", "depth_cm", "volume_cm3", "contact_percent"} in table 4; None where the
        table prints none.
    training_data: None where the table does not say.
    objects: numbers of the YCB objects it was measured on, or None.
    samples: grasps per object. contact: our column that counts contact as this table does.
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
    """All rows, in the order of the tables."""
    import yaml

    content = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    rows = []
    for row in content["rows"]:
        measured_on = content["data_sets"][row["data_set"]]
        rows.append(
            PublishedRow(
                **row,
                table_title=content["tables"][row["table"]],
                objects=frozenset(measured_on["objects"]) if measured_on["objects"] else None,
                samples=measured_on["samples"],
                contact=measured_on["contact"],
                hand=content["hand"],
                device=content["device"],
                source=f"{content['source']}, Table {row['table']}",
            )
        )
    return tuple(rows)
