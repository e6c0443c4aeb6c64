"""How often a network is right about the photos."""

from pathlib import Path

import pandas as pd

from nas.statistics import Resampling, interval
from nas.store import Shards


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """The summary of what the stage `activations` wrote into a folder: top-1 accuracy, see `accuracy`."""
    return {"summary": accuracy(Shards(folder).table(["label_source", "rank", "rank_cropped"]), resampling)}


def accuracy(table: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Top-1 accuracy by who labelled the photo and by view, with intervals; photos without a label do not count."""
    rows = []
    # in the order of the photos, where that of categories would be their own
    sources = table["label_source"].astype(str)
    for source, group in [*table.groupby(sources, sort=False), ("all", table)]:
        for view, column in (("center crop", "rank_cropped"), ("squashed", "rank")):
            hits = (group[column] == 0).astype(float).where(group[column].notna())
            estimate = interval(hits, *resampling)
            rows.append({"labels": source, "view": view, "measure": "top1", **estimate._asdict()})
    return pd.DataFrame(rows)
