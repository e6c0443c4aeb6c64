"""Means over photos of areas and curves, with intervals, and how the settings agree on the ranking of methods."""

from itertools import groupby
from pathlib import Path

import pandas as pd

from nas.relevance.agreement import SETTING, mean_setting_agreement, ranked, setting_agreement, with_gains
from nas.relevance.areas import FRACTIONS, mean_curve
from nas.relevance.outranking import outranking, rank_intervals
from nas.statistics import Resampling, summarize
from nas.store import Shards


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """Summaries of what the stage `relevance` wrote into a folder: areas, gains, curves, rank agreement, controls."""
    stored = Shards(folder)
    areas = with_gains(stored.table(["id", *SETTING, "method", "auc", "parts", "steps"]))
    means = summarize(areas, [*SETTING, "method"], ["auc"], resampling)
    steps, ranks = steps_of(areas), rank_intervals(areas, *resampling)
    return {
        "summary": ranked(means).merge(ranks, on=[*SETTING, "method"]).merge(steps, on=SETTING),
        "curves": bands(stored, resampling).merge(steps, on=SETTING),
        "tau": setting_agreement(areas, *resampling),
        "mean_tau": mean_setting_agreement(areas, *resampling),
        "outranking": outranking(areas, *resampling),
    }


def bands(stored: Shards, resampling: Resampling) -> pd.DataFrame:
    """Mean curves with pointwise intervals; in memory are those of one setting at a time."""
    rows = []
    for _, names in groupby(stored.names(), key=lambda name: name.split("/")[:3]):
        for name, curves in stored.read(stored.ids, list(names)).items():
            point = dict(zip([*SETTING, "method"], name.split("/"), strict=True))
            found = mean_curve(curves, *resampling)._asdict()
            rows.append(pd.DataFrame({**point, "fraction": FRACTIONS, **found, "n": len(curves)}))
    return pd.concat(rows, ignore_index=True)


def steps_of(table: pd.DataFrame) -> pd.DataFrame:
    """For each setting the fewest and the most parts of a photo, and in how many steps they go: least_parts, ..."""
    found = table.groupby(SETTING, sort=False)[["parts", "steps"]].agg(["min", "max"])
    found.columns = pd.Index(["least_parts", "most_parts", "least_steps", "most_steps"])
    return found.reset_index()
