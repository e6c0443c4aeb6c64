"""Means over photos of how own and class-level clusterings agree, with intervals."""

from pathlib import Path

import pandas as pd

from nas.classes.agreement import MEASURES
from nas.statistics import Resampling, summarize
from nas.store import TABLE, read_columns

CARRIED = ["depths", "clusters", "weighting"]


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """The summary of what the stage `classes` wrote into a folder: by class and own k, and over all photos.

    There, as class "all", each photo counts once whatever classes it is in.
    """
    measures = [*MEASURES, "class_clusters"]
    table = read_columns(folder / TABLE, ["id", "class", "own_k", *measures, *CARRIED])
    means = table.groupby(["id", "own_k"], sort=False, observed=True)[measures].mean()
    found = [
        summarize(rows, ["class", "own_k"], measures, resampling)
        for rows in (table, means.reset_index().assign(**{"class": "all"}))
    ]
    settings = {name: str(table[name].iloc[0]) for name in CARRIED}
    return {"summary": pd.concat(found, ignore_index=True).assign(**settings)}
