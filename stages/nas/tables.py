"""Tables: means with intervals, and the same table as CSV, Markdown and LaTeX."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nas.rows import read_together
from nas.shards import SUMMARY, write_bytes
from nas.statistics import Estimate, bootstrap_statistic, interval

LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def summarize(
    rows: pd.DataFrame,
    by: Sequence[str],
    measures: Sequence[str],
    *,
    ratios: Mapping[str, tuple[str, str]] | None = None,
    level: float,
    n_resamples: int,
    seed: int,
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
    tidy table with the columns of `by`, measure, mean, low, high, n; settings in order of appearance. The
    numbers of a setting depend on its own rows only.
    """
    found: list[dict[str, Any]] = []
    needed = [*measures, *(column for pair in (ratios or {}).values() for column in pair)]
    rows = with_columns(rows[[name for name in rows.columns if name in {*by, *needed}]], needed)
    for setting, group in rows.groupby(list(by), sort=False, observed=True):
        for measure in measures:
            estimate = interval(group[measure].to_numpy(float), level, n_resamples, seed)
            found.append({**dict(zip(by, setting, strict=True)), "measure": measure, **estimate._asdict()})
        for measure, (above, below) in (ratios or {}).items():
            pairs = group[[above, below]].dropna().to_numpy(float).T
            ratio = bootstrap_statistic(ratio_of_means, *pairs, level=level, n_resamples=n_resamples, seed=seed)
            found.append(
                {
                    **dict(zip(by, setting, strict=True)),
                    "measure": measure,
                    **Estimate(*ratio)._asdict(),
                }
            )
    return pd.DataFrame(found)


def with_columns(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The rows with these columns too, NaN where they were not there: what cannot be measured has no number."""
    return rows.reindex(columns=list(dict.fromkeys([*rows.columns, *names])))


def ratio_of_means(above: NDArray[np.float64], below: NDArray[np.float64], axis: int = -1) -> Any:
    """Mean of one array over the mean of another, along an axis."""
    return above.mean(axis=axis) / below.mean(axis=axis)


def collect(
    root: Path,
    stage: str,
    datasets: Sequence[str],
    classifiers: Sequence[str],
    name: str = SUMMARY,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The tables that a stage wrote for the data sets and classifiers asked for, one below the other.

    A table is empty where there was nothing to measure; its columns have no types, and those of the others stay.

    Parameters: `columns` to read, for tables of many rows, texts as categories; all by default, texts as such.
    """
    files = [root / "data" / stage / dataset / classifier / name for dataset in datasets for classifier in classifiers]
    if columns is not None:
        return read_together([file for file in files if pq.read_metadata(file).num_rows] or files[:1], columns)
    found = [pd.read_parquet(file) for file in files]
    return pd.concat([table for table in found if len(table)] or found[:1], ignore_index=True)


DRAWN = ["level", "resamples", "seed"]


def drawn_with(rows: pd.DataFrame) -> dict[str, Any]:
    """Level, resamples and seed of the run, which its tables of photos hold: what an interval of theirs is given."""
    first = rows.iloc[0]
    return {"level": float(first["level"]), "n_resamples": int(first["resamples"]), "seed": int(first["seed"])}


def wide(
    summary: pd.DataFrame, settings: Mapping[str, str], measures: Mapping[str, str], digits: int = 3
) -> pd.DataFrame:
    """A tidy summary as a table to print: one row per setting, one column per measure, cells with intervals.

    `settings` and `measures` map column and measure names to headings; n is the largest number of photos used.
    """
    rows = []
    for setting, group in summary.groupby(list(settings), sort=False):
        found = {
            measure: estimate for measure, estimate in zip(group["measure"], group.to_dict("records"), strict=True)
        }
        row = dict(zip(settings.values(), map(str, setting), strict=True))
        row |= {heading: with_interval(found[measure], digits) for measure, heading in measures.items()}
        rows.append(row | {"n": str(max(found[measure]["n"] for measure in measures))})
    return pd.DataFrame(rows)


def with_interval(estimate: Estimate | Mapping[Any, Any], digits: int = 3) -> str:
    """An estimate as text: 0.812 [0.790, 0.834]."""
    mean, low, high = (
        (estimate.mean, estimate.low, estimate.high)
        if isinstance(estimate, Estimate)
        else (estimate["mean"], estimate["low"], estimate["high"])
    )
    if math.isnan(mean):
        return "n/a"
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def prints_alike(mean: float, best: float, digits: int = 3) -> bool:
    """Whether two means are the same in print, so that both are the best or neither; one not known (NaN) is not."""
    return not math.isnan(mean) and f"{mean:.{digits}f}" == f"{best:.{digits}f}"


def signed(estimate: Mapping[Any, Any]) -> str:
    """A difference as text, with its sign: +0.042 [-0.010, +0.090]."""
    return f"{estimate['mean']:+.3f} [{estimate['low']:+.3f}, {estimate['high']:+.3f}]"


def write(table: pd.DataFrame, stem: Path, caption: str, bold: pd.DataFrame | None = None) -> None:
    """Write `stem`.csv, .md and .tex (booktabs) with the same cells; the caption goes above the last two.

    `bold`, of the shape of the table, marks the cells to print in bold in the last two.
    """
    write_bytes(stem.with_suffix(".csv"), table.to_csv(index=False).encode())
    printed = table.rename(columns=_escape_pipes).map(_escape_pipes)
    if bold is not None:
        printed = printed.where(~bold.to_numpy(), "**" + printed.astype(str) + "**")
    markdown = f"{caption}\n\n{printed.to_markdown(index=False, disable_numparse=True)}\n"
    write_bytes(stem.with_suffix(".md"), markdown.encode())
    write_bytes(stem.with_suffix(".tex"), latex(table, caption, bold).encode())


def latex(table: pd.DataFrame, caption: str, bold: pd.DataFrame | None = None) -> str:
    """A table environment with booktabs rules; special characters are escaped."""
    styled = table.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    if bold is not None:
        styled = styled.apply(lambda _: bold.replace({True: "textbf:--rwrap;", False: ""}), axis=None)
    return str(styled.to_latex(hrules=True, caption=caption.translate(LATEX), position="t"))


def _escape_pipes(cell: Any) -> Any:
    return cell.replace("|", "\\|") if isinstance(cell, str) else cell
