"""Run a classifier once over a data set: maps at every depth and logits, data/activations/DATASET/CLASSIFIER."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas import engine
from nas.activations import Forward, seconds_of_pass, write_forward
from nas.checksums import sha256_of
from nas.classifiers import CATEGORIES, Classifier
from nas.datasets import Record, read_records
from nas.durations import in_words
from nas.estimates import bytes_of_activations, check_room
from nas.heads import Head, fingerprint, load_headed, read_head
from nas.shards import SUMMARY, TABLE, Row, Shard, Shards, join_tables, write_json, write_table
from nas.statistics import interval
from params import SCRATCH, Parameters, run


def read_views(record: Record, classifier: Classifier) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A photo squashed to the classifier's input, and its own center crop, (size, size, 3) uint8 each."""
    photo = record.photo()
    return classifier.view(photo), classifier.view(photo, crop=True)


def compute(
    records: Sequence[Record],
    views: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    classifier: Classifier,
    head: Head | None,
    forward: Forward,
    cache: bool,
) -> Shard:
    """What the classifier sees and says of a few photos, whose views are given, and, where they are kept, its maps.

    `label` is the number of the logit of the labelled class, -1 where there is none.
    """
    seen, cropped = (np.stack(each) for each in zip(*views, strict=True))
    logits = forward.logits(classifier, seen)
    logits_cropped = forward.logits(classifier, cropped)
    arrays = forward.maps(classifier, seen) if cache else {}
    labels = [label_of(record, head, logits.shape[1]) for record in records]
    known = np.array([-1 if label is None else label for label in labels])
    arrays |= {"view": seen, "logits": logits, "logits_cropped": logits_cropped, "label": known}
    names = names_of(head, logits.shape[1])
    rows = [describe(*each, names) for each in zip(records, logits, logits_cropped, labels, strict=True)]
    return Shard([record.id for record in records], arrays, rows)


def label_of(record: Record, head: Head | None, n_logits: int) -> int | None:
    """The number of the logit of the labelled class: by the head's classes, or by ImageNet's where it has these."""
    index = record.class_index
    if head is not None:
        return int(head.index(index)) if index is not None and index in head.classes else None
    return record.imagenet_index if n_logits == len(CATEGORIES) else None


def names_of(head: Head | None, n_logits: int) -> Sequence[str]:
    """Names of the classes of all logits; none where they are not known."""
    if head is not None:
        return head.names
    return CATEGORIES if n_logits == len(CATEGORIES) else []


def describe(
    record: Record, logits: NDArray[Any], logits_cropped: NDArray[Any], label: int | None, names: Sequence[str]
) -> Row:
    """What the classifier predicts for a photo squashed to its input, and for its own center crop."""
    row: Row = {
        "id": record.id,
        "class_index": label,
        "class_name": record.class_name,
        "label_source": record.label_source,
    }
    for suffix, values in (("", logits), ("_cropped", logits_cropped)):
        order = np.argsort(-values, kind="stable")
        row[f"prediction{suffix}"] = int(order[0])
        row[f"prediction_name{suffix}"] = names[order[0]] if names else ""
        row[f"rank{suffix}"] = None if label is None else int(np.nonzero(order == label)[0][0])
    return row


def accuracy(table: pd.DataFrame, level: float, resamples: int, seed: int) -> pd.DataFrame:
    """Top-1 accuracy by who labelled the photo and by view, with intervals; photos without a label do not count."""
    rows = []
    # in the order of the photos, where that of categories would be their own
    sources = table["label_source"].astype(str)
    for source, group in [*table.groupby(sources, sort=False), ("all", table)]:
        for view, column in (("center crop", "rank_cropped"), ("squashed", "rank")):
            hits = (group[column] == 0).astype(float).where(group[column].notna())
            estimate = interval(hits, level, resamples, seed)
            rows.append({"labels": source, "view": view, "measure": "top1", **estimate._asdict()})
    return pd.DataFrame(rows)


def architecture(classifier: Classifier, shapes: Mapping[int, tuple[int, int, int]]) -> list[Row]:
    """Where the depths are and how large their maps."""
    return [
        {"depth": depth, "node": classifier.depths[depth], "channels": channels, "height": height, "width": width}
        for depth, (channels, height, width) in shapes.items()
    ]


def main(parameters: Parameters, dataset: str, name: str) -> None:
    weights, heads = Path("data/weights", f"{name}.safetensors"), Path("data/heads", dataset, name)
    target, scratch = (folder / "activations" / dataset / name for folder in (Path("data"), SCRATCH))
    chosen, (head, _) = parameters.activations, read_head(heads)
    classifier = load_headed(name, weights, head, chosen.depths.get(name))
    forward = Forward(chosen.batch, chosen.forward, chosen.precision)
    records = read_records(Path("data/raw", dataset))
    shapes = classifier.shapes()
    each = bytes_of_activations(shapes, classifier.size, classifier.n_classes(), chosen.precision, chosen.cache)
    room = check_room(len(records), each, scratch)
    # two views for the logits, and the first one again for the maps
    seconds = len(records) * (2 + chosen.cache) * seconds_of_pass(classifier, forward)
    print(f"activations {dataset} {name}: {room}, about {in_words(seconds)} in all", file=sys.stderr)
    engine.run(
        partial(compute, classifier=classifier, head=head, forward=forward, cache=chosen.cache),
        records,
        target,
        key=[name, sha256_of(weights), fingerprint(heads), classifier.depths, chosen.model_dump(exclude={"depths"})],
        scratch=scratch,
        batch_size=chosen.batch,
        description=f"activations {dataset} {name}",
        load=partial(read_views, classifier=classifier),
    )
    write_forward(target, classifier, weights, forward)
    carried: dict[str, Any] = {"dataset": dataset, "network": name}
    join_tables([target / TABLE], target / TABLE, carried)
    level, resamples = parameters.statistics.level, parameters.statistics.resamples
    ranks = Shards(target).table(["label_source", "rank", "rank_cropped"])
    summary = accuracy(ranks, level, resamples, parameters.seed)
    write_table(summary.assign(**carried), target / SUMMARY)
    write_json(target / "network.json", architecture(classifier, shapes))


if __name__ == "__main__":
    run(main, *sys.argv[1:])
