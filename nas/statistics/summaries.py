"""Means over photos with bootstrap intervals, by setting."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.statistics.bootstrap import bootstrap_statistic, interval
from nas.statistics.resampling import Resampling


def summarize(
    rows: pd.DataFrame,
    by: Sequence[str],
    measures: Sequence[str],
    resampling: Resampling,
    *,
    ratios: Mapping[str, tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Means over photos with bootstrap intervals.

    Parameters
    ----------
    rows : one row per photo and setting
    by : columns that name a setting
    measures : columns to average; NaN are left out and n says how many were used. A column that is not there, as
        where there are no masks, is NaN throughout.
    ratios : measures that are the ratio of two means, name to the columns of numerator and denominator

    Returns
    -------
    tidy table with the columns of `by`, measure, value, low, high, n; settings in order of appearance. The
    numbers of a setting depend on its own rows only.
    """
    found: list[dict[str, Any]] = []
    needed = [*measures, *(column for pair in (ratios or {}).values() for column in pair)]
    rows = with_columns(rows[[name for name in rows.columns if name in {*by, *needed}]], needed)
    for setting, group in rows.groupby(list(by), sort=False, observed=True):
        for measure in measures:
            estimate = interval(group[measure].to_numpy(float), *resampling)
            found.append({**dict(zip(by, setting, strict=True)), "measure": measure, **estimate._asdict()})
        for measure, (above, below) in (ratios or {}).items():
            pairs = group[[above, below]].dropna().to_numpy(float).T
            ratio = bootstrap_statistic(ratio_of_means, *pairs, **resampling._asdict())
            found.append(
                {
                    **dict(zip(by, setting, strict=True)),
                    "measure": measure,
                    **ratio._asdict(),
                }
            )
    return pd.DataFrame(found)


def with_columns(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The rows with these columns too, NaN where they were not there: what cannot be measured has no number."""
    return rows.reindex(columns=list(dict.fromkeys([*rows.columns, *names])))


def ratio_of_means(above: NDArray[np.float64], below: NDArray[np.float64], axis: int = -1) -> Any:
    """Mean of one array over the mean of another, along an axis."""
    return above.mean(axis=axis) / below.mean(axis=axis)
