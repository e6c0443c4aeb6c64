"""What a claim measures of the photos of one data set under one network."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pandas as pd

Values: TypeAlias = "tuple[pd.Series[float], str]"  # by id, and why there are none


def nothing(why: str) -> Values:
    """No values, for a reason."""
    return pd.Series(dtype=float), why


@dataclass(frozen=True)
class Cell:
    """The photos of one data set under one network.

    Attributes
    ----------
    claim, dataset, network : of what
    values : the statistic of each photo that has one, float64 by id
    missing : why there is none, where there is none
    """

    claim: str
    dataset: str
    network: str
    values: "pd.Series[float]" = field(default_factory=lambda: pd.Series(dtype=float))
    missing: str = ""

    @classmethod
    def of(cls, claim: str, dataset: str, network: str, values: Any, missing: str) -> "Cell":
        """The cell of values by id, of which NaN are dropped; `missing`, why, where nothing is left."""
        known = values.dropna().astype(float)
        known.index = known.index.astype(str)
        return cls(claim, dataset, network, known, "" if len(known) else missing)
