"""The data sets by name, and how each becomes records."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from nas.datasets import Record, cub, sample, write_records
from nas.sources import Root

DATASETS = ("sample", "cub")


def prepare(
    name: str,
    target: Path,
    *,
    workspace: Path,
    annotations: Path,
    root: str | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> int:
    """Bring a data set into the one form of `nas.datasets`, in the folder `target`; returns the number of photos.

    Parameters
    ----------
    workspace : scratch folder for downloads; what was fetched and verified there is not fetched again
    annotations : JSON with the outlines of the sample
    root : folder of a data set that the user already has, in its native layout; needed for all but the sample
    limit : keep a class-balanced subset of this many photos, see `subset`

    Raises
    ------
    ValueError : an unknown data set
    SourceError : a file that cannot be fetched or a checksum that differs
    """
    if name not in DATASETS:
        raise ValueError(f"datasets has {name!r}: allowed are {', '.join(DATASETS)}")
    shutil.rmtree(target, ignore_errors=True)

    def track(photos: Iterator[Any]) -> Iterable[Any]:
        return tqdm(photos, desc=f"download {name}", unit="photo", disable=None)

    if name == "sample":
        records = sample.prepare(target, workspace=workspace, annotations=annotations, track=track)
    elif root is None:
        raise ValueError(f"datasets has {name!r}, which is not fetched: set download.root.{name} to your copy")
    else:
        folder = Root(root, f"download.root.{name}").fetch(target, workspace=workspace)
        records = cub.prepare(folder, track=track)
    records = subset(records, limit, seed)
    write_records(records, target)
    return len(records)


def subset(records: Sequence[Record], limit: int | None, seed: int) -> list[Record]:
    """At most `limit` records, drawn without replacement in turns over the classes, in their original order.

    A larger limit with the same seed keeps the records of a smaller one.
    """
    if limit is None or limit >= len(records):
        return list(records)
    order = np.random.default_rng(seed).permutation(len(records))
    turns: dict[str, int] = {}
    ranked = []
    for position in order:
        name = records[position].class_name
        turns[name] = turns.get(name, 0) + 1
        ranked.append((turns[name], int(position)))
    chosen = sorted(ranked, key=lambda turn: turn[0])[:limit]
    return [records[position] for position in sorted(position for _, position in chosen)]
