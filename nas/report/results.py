"""What the stages measured, as the figures and tables of the report take it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nas.store import collect, read_json


def summary(
    root: Path, subject: str, datasets: Sequence[str], networks: Sequence[str], name: str = "summary"
) -> pd.DataFrame:
    """A table with intervals that the stage `statistics` made of a subject, of all data sets and networks asked for."""
    return collect(root, f"statistics/{subject}", datasets, networks, f"{name}.parquet")


def labels(root: Path, datasets: Sequence[str], networks: Sequence[str]) -> pd.DataFrame:
    """What tags learnt on few labelled photos are worth."""
    return collect(root, "semantics", datasets, networks, "labels.parquet")


def ledger(root: Path) -> dict[str, Any]:
    """The content of claims.json."""
    found: dict[str, Any] = read_json(root / "reports" / "claims.json")
    return found
