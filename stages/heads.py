"""Fit a linear head for the classes of a data set on a frozen network: data/heads/DATASET/CLASSIFIER.

It is fitted to the photos of the train split. Where the stage download brought none, and where the classes are the
network's own, there is no head, and head.json says why.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas import engine
from nas.activations import Forward
from nas.checksums import sha256_of
from nas.classifiers import Classifier, load_classifier
from nas.datasets import TRAIN, Record, is_prepared, read_records
from nas.heads import Fit, Head, fit_head, pooled_features, write_head
from nas.shards import INDEX, Shard, Shards
from params import SCRATCH, Parameters, run

FEATURES = "features"


def read_view(record: Record, classifier: Classifier) -> NDArray[np.uint8]:
    """A photo squashed to the classifier's input, (size, size, 3) uint8."""
    return classifier.view(record.photo())


def compute(
    records: Sequence[Record], views: Sequence[NDArray[np.uint8]], classifier: Classifier, forward: Forward
) -> Shard:
    """Pooled features of a few photos, whose views are given, (B, C) float32."""
    features = forward.apply(partial(pooled_features, classifier), classifier, np.stack(views))
    return Shard([record.id for record in records], {FEATURES: features})


def fit(records: Sequence[Record], classifier: Classifier, forward: Forward, work: Path, seed: int, title: str) -> Head:
    """The head for the classes of the photos; features that an earlier run left in `work` are used again."""
    if not (work / FEATURES / INDEX).exists():
        engine.run(
            partial(compute, classifier=classifier, forward=forward),
            records,
            work / FEATURES,
            key=[],
            scratch=work / "parts",
            batch_size=forward.batch,
            description=title,
            load=partial(read_view, classifier=classifier),
        )
    features = Shards(work / FEATURES).read([record.id for record in records], [FEATURES])[FEATURES]
    head = fit_head(features, np.array([record.class_index for record in records]), seed)
    names = {record.class_index: record.class_name for record in records}
    return replace(head, names=tuple(names[int(label)] for label in head.classes))


def refusal(classifier: Classifier) -> str:
    """Why a network can have no head, "" where it can."""
    try:
        pooled_features(classifier, classifier.normalize(np.zeros((1, classifier.size, classifier.size, 3), np.uint8)))
    except ValueError as error:
        return str(error)
    return ""


def main(parameters: Parameters, dataset: str, name: str) -> None:
    raw, weights = Path("data/raw", dataset), Path("data/weights", f"{name}.safetensors")
    target, scratch = (folder / "heads" / dataset / name for folder in (Path("data"), SCRATCH))
    batch, forward, seed = parameters.activations.batch, parameters.activations.forward, parameters.seed
    records = read_records(raw / TRAIN) if is_prepared(raw / TRAIN) else []
    if not records:
        known = any(record.imagenet_index is not None for record in read_records(raw))
        write_head(target, None, Fit("its classes are ImageNet's" if known else "there are no photos to fit it to"))
        return
    classifier = load_classifier(name, weights)
    reason = refusal(classifier)
    if reason:
        print(f"{dataset} {name}: no linear head: {reason}", file=sys.stderr)
        write_head(target, None, Fit(reason))
        return
    depends = [name, sha256_of(weights), batch, forward, [record.fingerprint for record in records]]
    work = engine.workplace(scratch, *depends)
    try:
        head = fit(records, classifier, Forward(batch, forward), work, seed, f"heads {dataset} {name}")
    except ValueError as error:
        raise ValueError(f"heads {dataset}: {error} (download.train; 0 for no head)") from error
    write_head(target, head, Fit("", len(records), len(head.classes), head.C, head.cv_accuracy))
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
