"""Run a classifier once over a data set: maps at every depth and logits, data/activations/DATASET/CLASSIFIER."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from nas import engine
from nas.checksums import sha256_of
from nas.classifiers import CATEGORIES, Classifier, load_classifier
from nas.datasets import Record, read_records, views
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, write_json, write_table
from nas.statistics import interval
from params import SCRATCH, Parameters, run


@torch.no_grad()
def compute(records: Sequence[Record], classifier: Classifier, precision: str, batch: int) -> Shard:
    """The maps of a few photos, and what the classifier sees and says."""
    seen = views(records, classifier.view)
    cropped = views(records, partial(classifier.view, crop=True))
    # a short last batch is filled up: the size of a batch can change the last bits of a convolution
    fill = [*range(len(records)), *[0] * (batch - len(records))]
    x = classifier.normalize(seen[fill])
    maps = {depth: m[: len(records)] for depth, m in classifier.activations(x).items()}
    logits = classifier.logits(x)[: len(records)].cpu().numpy()
    logits_cropped = classifier.logits(classifier.normalize(cropped[fill]))[: len(records)].cpu().numpy()
    arrays = {f"depth{depth}": convert(m, precision) for depth, m in maps.items()}
    arrays |= {"view": seen, "logits": logits, "logits_cropped": logits_cropped}
    rows = [describe(*each) for each in zip(records, logits, logits_cropped, strict=True)]
    return Shard([record.id for record in records], arrays, rows)


def convert(maps: torch.Tensor, precision: str) -> NDArray[Any]:
    converted = maps.to(getattr(torch, precision)).cpu().numpy()
    if not np.isfinite(converted).all():
        raise ValueError(
            f"activations.precision is {precision!r}: values up to {maps.abs().max():g} do not fit; set float32"
        )
    return converted


def describe(record: Record, logits: NDArray[Any], logits_cropped: NDArray[Any]) -> Row:
    """What the classifier predicts for a photo squashed to its input, and for its own center crop."""
    row: Row = {
        "id": record.id,
        "class_index": record.imagenet_index,
        "class_name": record.class_name,
        "label_source": record.label_source,
    }
    for suffix, values in (("", logits), ("_cropped", logits_cropped)):
        order = np.argsort(-values, kind="stable")
        row[f"prediction{suffix}"] = int(order[0])
        row[f"prediction_name{suffix}"] = CATEGORIES[order[0]] if len(values) == len(CATEGORIES) else ""
        row[f"rank{suffix}"] = None
        if record.imagenet_index is not None:
            row[f"rank{suffix}"] = int(np.nonzero(order == record.imagenet_index)[0][0])
    return row


def accuracy(table: pd.DataFrame, level: float, resamples: int, seed: int) -> pd.DataFrame:
    """Top-1 accuracy by who labelled the photo and by view, with intervals; photos without a label do not count."""
    rows = []
    for source, group in [*table.groupby("label_source", sort=False), ("all", table)]:
        for view, column in (("center crop", "rank_cropped"), ("squashed", "rank")):
            hits = (group[column] == 0).astype(float).where(group[column].notna())
            estimate = interval(hits, level, resamples, seed)
            rows.append({"labels": source, "view": view, "measure": "top1", **estimate._asdict()})
    return pd.DataFrame(rows)


def architecture(classifier: Classifier, target: Path) -> list[Row]:
    """Where the depths are and how large their maps."""
    stored = Shards(target)
    found = stored.read(stored.ids[:1], [f"depth{depth}" for depth in classifier.depths])
    return [
        {
            "depth": depth,
            "node": node,
            **dict(zip(("channels", "height", "width"), found[f"depth{depth}"].shape[1:], strict=True)),
        }
        for depth, node in sorted(classifier.depths.items())
    ]


def main(parameters: Parameters, dataset: str, name: str) -> None:
    weights = Path("data/weights", f"{name}.safetensors")
    target = Path("data/activations", dataset, name)
    classifier = load_classifier(name, weights)
    settings = parameters.activations.precision, parameters.activations.batch
    engine.run(
        partial(compute, classifier=classifier, precision=settings[0], batch=settings[1]),
        read_records(Path("data/raw", dataset)),
        target,
        key=[name, sha256_of(weights), *settings],
        scratch=SCRATCH / "activations" / dataset / name,
        batch_size=settings[1],
        description=f"activations {dataset} {name}",
    )
    carried: dict[str, Any] = {"dataset": dataset, "network": name}
    table = Shards(target).table()
    level, resamples = parameters.statistics.level, parameters.statistics.resamples
    summary = accuracy(table, level, resamples, parameters.seed)
    write_table(table.assign(**carried), target / TABLE)
    write_table(summary.assign(**carried), target / SUMMARY)
    write_json(target / "network.json", architecture(classifier, target))


if __name__ == "__main__":
    run(main, *sys.argv[1:])
