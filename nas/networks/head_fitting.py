"""A linear head for the classes of a data set, fitted to photos of its train split."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nas.data import Record
from nas.networks.classifier import Classifier
from nas.networks.forward import Forward
from nas.networks.headed import pooled_features
from nas.networks.heads import Head, fit_head
from nas.networks.passes import naming_photos
from nas.networks.usable import check_maps
from nas.store import Shard, Shards, engine

FEATURES = "features"


def read_view(record: Record, classifier: Classifier) -> NDArray[np.uint8]:
    """A photo squashed to the classifier's input, (size, size, 3) uint8."""
    return classifier.view(record.photo())


def pool_photos(
    records: Sequence[Record], views: Sequence[NDArray[np.uint8]], classifier: Classifier, forward: Forward
) -> Shard:
    """Pooled features of a few photos, whose views are given, (B, C) float32."""
    features = forward.apply(partial(pooled_features, classifier), classifier, np.stack(views))
    with naming_photos(records):
        check_maps("features", torch.from_numpy(features))
    return Shard([record.id for record in records], {FEATURES: features})


def fit_to_photos(
    records: Sequence[Record],
    classifier: Classifier,
    forward: Forward,
    work: Path,
    seed: int,
) -> Head:
    """The head for the classes of the photos; features that an earlier run left in `work` are used again."""
    engine.run(
        partial(pool_photos, classifier=classifier, forward=forward),
        records,
        work / FEATURES,
        scratch=work / "parts",
        batch_size=forward.batch,
        network=True,
        description=f"heads {classifier.name}",
        load=partial(read_view, classifier=classifier),
    )
    features = Shards(work / FEATURES).read([record.id for record in records], [FEATURES])[FEATURES]
    head = fit_head(features, np.array([record.class_index for record in records]), seed)
    names = {record.class_index: record.class_name for record in records}
    return replace(head, names=tuple(names[int(label)] for label in head.classes))


def why_no_head(classifier: Classifier) -> str:
    """Why a network can have no head, "" where it can."""
    try:
        pooled_features(classifier, classifier.normalize(np.zeros((1, classifier.size, classifier.size, 3), np.uint8)))
    except ValueError as error:
        return str(error)
    return ""
