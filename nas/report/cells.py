"""Numbers with their intervals, as the cells of a table."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from nas.statistics import Estimate


def wide(
    summary: pd.DataFrame, settings: Mapping[str, str], measures: Mapping[str, str], digits: int = 3
) -> pd.DataFrame:
    """A tidy summary as a table to print: one row per setting, one column per measure, cells with intervals.

    `settings` and `measures` map column and measure names to headings; n is how many photos were used: where measures
    differ in it, as those that need a mask do, the numbers of all that have a value, the largest first.
    """
    rows = []
    for setting, group in summary.groupby(list(settings), sort=False):
        found = {
            measure: estimate for measure, estimate in zip(group["measure"], group.to_dict("records"), strict=True)
        }
        row = dict(zip(settings.values(), map(str, setting), strict=True))
        row |= {heading: with_interval(found[measure], digits) for measure, heading in measures.items()}
        used = {found[measure]["n"] for measure in measures if not math.isnan(found[measure]["value"])}
        rows.append(row | {"n": " / ".join(map(str, sorted(used, reverse=True))) or "0"})
    return pd.DataFrame(rows)


def with_interval(estimate: Estimate | Mapping[Any, Any], digits: int = 3) -> str:
    """An estimate as text: 0.812 [0.790, 0.834], and of a single photo 0.812 [n/a]."""
    value, low, high = (
        (estimate.value, estimate.low, estimate.high)
        if isinstance(estimate, Estimate)
        else (estimate["value"], estimate["low"], estimate["high"])
    )
    if math.isnan(value):
        return "n/a"
    return f"{value:.{digits}f} " + ("[n/a]" if math.isnan(low) else f"[{low:.{digits}f}, {high:.{digits}f}]")


def prints_alike(value: float, best: float, digits: int = 3) -> bool:
    """Whether two numbers are the same in print, so that both are the best or neither; one not known (NaN) is not."""
    return not math.isnan(value) and f"{value:.{digits}f}" == f"{best:.{digits}f}"


def signed(estimate: Mapping[Any, Any]) -> str:
    """A difference as text, with its sign: +0.042 [-0.010, +0.090]."""
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    return f"{value:+.3f} " + ("[n/a]" if math.isnan(low) else f"[{low:+.3f}, {high:+.3f}]")
