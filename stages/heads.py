"""Fit a linear head for the classes of a data set on a frozen network: data/heads/DATASET/NETWORK.

It is fitted to the photos of the train split. Where the stage download brought none, and where the classes are the
network's own, there is no head, and head.json says why.
"""

import sys
from pathlib import Path

from nas import networks  # what of it takes seconds to import is imported where there is a head to fit
from nas.data import TRAIN, is_prepared, read_records
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    raw, weights = Path("data/raw", dataset), Path("data/weights", f"{network}.safetensors")
    target, scratch = (folder / "heads" / dataset / network for folder in (Path("data"), SCRATCH))
    records = read_records(raw / TRAIN) if is_prepared(raw / TRAIN) else []
    if not records:
        known = any(record.imagenet_index is not None for record in read_records(raw))
        networks.write_head(
            target, None, networks.Fit("its classes are ImageNet's" if known else "there are no photos to fit it to")
        )
        return
    classifier = networks.load_classifier(network, weights)
    reason = networks.why_no_head(classifier)
    if reason:
        print(f"{dataset} {network}: no linear head: {reason}", file=sys.stderr)
        networks.write_head(target, None, networks.Fit(reason))
        return
    chosen = parameters.activations
    forward = networks.Forward(chosen.batch, chosen.forward, threads=chosen.threads)
    try:
        head = networks.fit_to_photos(records, classifier, forward, scratch, parameters.seed)
    except ValueError as error:
        raise ValueError(f"heads {dataset}: {error} (download.train; 0 for no head)") from error
    networks.write_head(target, head, networks.Fit("", len(records), len(head.classes), head.C, head.cv_accuracy))
