"""One pass of a classifier over photos: maps at every depth, logits, what it predicts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data import Record
from nas.networks.classifier import Classifier
from nas.networks.descriptions import CATEGORIES
from nas.networks.forward import Forward
from nas.networks.heads import Head
from nas.store import Row, Shard

Views = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def read_views(record: Record, classifier: Classifier) -> Views:
    """A photo squashed to the classifier's input, and its own center crop, (size, size, 3) uint8 each."""
    photo = record.photo()
    return classifier.view(photo), classifier.view(photo, crop=True)


def run_photos(
    records: Sequence[Record],
    views: Sequence[Views],
    classifier: Classifier,
    head: Head | None,
    forward: Forward,
    cache: bool,
) -> Shard:
    """What the classifier sees and says of a few photos, whose views are given, and, where they are kept, its maps.

    `label` is the number of the logit of the labelled class, -1 where there is none.
    """
    seen, cropped = (np.stack(each) for each in zip(*views, strict=True))
    with naming_photos(records):
        logits = forward.logits(classifier, seen)
        logits_cropped = forward.logits(classifier, cropped)
        arrays = forward.maps(classifier, seen) if cache else {}
    labels = [_label(record, head, logits.shape[1]) for record in records]
    known = np.array([-1 if label is None else label for label in labels])
    arrays |= {"view": seen, "logits": logits, "logits_cropped": logits_cropped, "label": known}
    names = _names(head, logits.shape[1])
    rows = [_describe(*each, names) for each in zip(records, logits, logits_cropped, labels, strict=True)]
    return Shard([record.id for record in records], arrays, rows)


@contextmanager
def naming_photos(records: Sequence[Record]) -> Iterator[None]:
    """Photos by name, in place of "image N", in what is raised of a batch of them."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            re.sub(r"of image (\d+)", lambda found: f"of {records[int(found[1])].id!r}", str(error))
        ) from error


def layers(classifier: Classifier, shapes: Mapping[int, tuple[int, int, int]]) -> list[Row]:
    """Where the depths are and how large their maps."""
    return [
        {"depth": depth, "node": classifier.depths[depth], "channels": channels, "height": height, "width": width}
        for depth, (channels, height, width) in shapes.items()
    ]


def _label(record: Record, head: Head | None, n_logits: int) -> int | None:
    """The number of the logit of the labelled class: by the head's classes, or by ImageNet's where it has these."""
    index = record.class_index
    if head is not None:
        return int(head.index(index)) if index is not None and index in head.classes else None
    return record.imagenet_index if n_logits == len(CATEGORIES) else None


def _names(head: Head | None, n_logits: int) -> Sequence[str]:
    """Names of the classes of all logits; none where they are not known."""
    if head is not None:
        return head.names
    return CATEGORIES if n_logits == len(CATEGORIES) else []


def _describe(
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
