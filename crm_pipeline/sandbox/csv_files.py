"""The published CSV files as rows of text. What the rows mean is in csv_world.py."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

Row = dict[str, str]
FILES = ("accounts", "products", "sales_teams", "sales_pipeline", "us-500")


class NoData(ValueError):
    """A folder given as --data has none of the CSV files this sandbox knows."""


@dataclass(frozen=True)
class Files:
    """The rows of every CSV file under a folder, as published; a missing file has none."""

    accounts: tuple[Row, ...]
    products: tuple[Row, ...]
    sales_teams: tuple[Row, ...]
    sales_pipeline: tuple[Row, ...]
    people: tuple[Row, ...]

    @classmethod
    def read(cls, folder: Path) -> Files:
        """Read the files wherever under the folder they are. Raises NoData."""
        rows = [_rows(folder, name) for name in FILES]
        if not any(rows):
            raise NoData(f"{folder}: none of {', '.join(name + '.csv' for name in FILES)} is here")
        return cls(*rows)


def _rows(folder: Path, name: str) -> tuple[Row, ...]:
    found = sorted(folder.rglob(f"{name}.csv"))
    if not found:
        return ()
    with found[0].open(encoding="utf-8-sig", newline="") as file:
        return tuple(csv.DictReader(file))
