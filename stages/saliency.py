"""Saliency maps of every method for the predicted and for the true class: data/saliency/DATASET/CLASSIFIER."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas import engine
from nas.checksums import sha256_of
from nas.classifiers import Classifier
from nas.datasets import Record, read_records
from nas.durations import in_words
from nas.estimates import bytes_of_saliency, check_room
from nas.heads import fingerprint, shared_classifier
from nas.saliency import METHODS, check_parameters, explain, possible
from nas.saliency.costs import seconds_of_maps
from nas.shards import Shard, Shards
from params import SCRATCH, Parameters, Saliency, run


def compute(
    records: Sequence[Record],
    name: str,
    weights: Path,
    head: Path,
    methods: Sequence[str],
    activations: Path,
    superpixels: Path,
    settings: Saliency,
    seed: int,
) -> Shard:
    """Maps of a few photos: float32 at the input's size, of activation methods at their own size.

    `predicted/METHOD` is for the class that the classifier predicts, `true/METHOD` for the labelled class, or for
    the predicted one where the label is not among the classifier's classes (`labelled` is false).
    """
    classifier = shared_classifier(name, weights, head)
    ids = [record.id for record in records]
    found = Shards(activations).read(ids, ["view", "logits", "label"])
    regions = torch.from_numpy(Shards(superpixels).read(ids, [settings.regions])[settings.regions].astype(np.int64))
    x = classifier.normalize(found["view"])
    predicted = torch.from_numpy(found["logits"]).argmax(dim=1)
    label = torch.from_numpy(found["label"])
    true = torch.where(label < 0, predicted, label)
    other = (true != predicted).nonzero()[:, 0]
    arrays: dict[str, Any] = {"target_predicted": predicted.numpy(), "target_true": true.numpy()}
    arrays["labelled"] = (label >= 0).numpy()
    for method in methods:
        chosen: dict[str, Any] = dict(settings.parameters.get(method, {}))
        if "seed" in METHODS[method].defaults:
            chosen["seed"] = seed
        upsample = METHODS[method].kind != "activation"

        def maps(images: torch.Tensor, targets: torch.Tensor, method: str = method, **given: Any) -> torch.Tensor:
            given |= {"regions": regions[images]} if METHODS[method].needs_regions else {}
            return explain(classifier, x[images], targets, method, batch_size=settings.batch, **given)

        of_predicted = maps(torch.arange(len(ids)), predicted, upsample=upsample, **chosen)
        of_true = of_predicted.clone()
        if len(other):
            of_true[other] = maps(other, true[other], upsample=upsample, **chosen)
        arrays[f"predicted/{method}"] = of_predicted.cpu().numpy()
        arrays[f"true/{method}"] = of_true.cpu().numpy()
    return Shard(ids, arrays)


def forecast(
    records: Sequence[Record],
    classifier: Classifier,
    methods: Sequence[str],
    activations: Path,
    superpixels: Path,
    settings: Saliency,
    scratch: Path,
) -> str:
    """What all maps take of disk and time, in words; raises a ValueError where the disk is too small."""
    first = [records[0].id]
    view = Shards(activations).read(first, ["view"])["view"][0]
    regions = Shards(superpixels).read(first, [settings.regions])[settings.regions][0]
    # maps of activation methods are a thousandth of the others
    n_maps = sum(METHODS[method].kind != "activation" for method in methods)
    each = bytes_of_saliency(n_maps, classifier.size)
    room = check_room(len(records), each, scratch, saving="download.limit or fewer saliency.methods")
    seconds = seconds_of_maps(classifier, view, regions, methods, settings.parameters, settings.batch)
    cores = 1 if classifier.device.type == "cuda" else os.cpu_count() or 1
    return f"{room}, about {in_words(len(records) * seconds / cores)} in all for one class a photo"


def main(parameters: Parameters, dataset: str, name: str) -> None:
    weights, head = Path("data/weights", f"{name}.safetensors"), Path("data/heads", dataset, name)
    activations, superpixels = (Path("data", stage, dataset, name) for stage in ("activations", "superpixels"))
    classifier, settings = shared_classifier(name, weights, head), parameters.saliency
    with engine.about("saliency.parameters"):
        check_parameters(settings.parameters)
    on_gpu, scratch = classifier.device.type == "cuda", SCRATCH / "saliency" / dataset / name
    records, methods = read_records(Path("data/raw", dataset)), possible(classifier, settings.methods)
    needs = forecast(records, classifier, methods, activations, superpixels, settings, scratch)
    print(f"saliency {dataset} {name}: {needs}", file=sys.stderr)
    engine.run(
        partial(
            compute,
            name=name,
            weights=weights,
            head=head,
            methods=methods,
            activations=activations,
            superpixels=superpixels,
            settings=settings,
            seed=parameters.seed,
        ),
        records,
        Path("data/saliency", dataset, name),
        key=[
            settings.model_dump(),
            parameters.seed,
            sha256_of(weights),
            fingerprint(head),
            Shards(activations).fingerprint,
            Shards(superpixels).fingerprint,
        ],
        scratch=scratch,
        batch_size=settings.batch if on_gpu else 1,
        workers=1 if on_gpu else 0,
        description=f"saliency {dataset} {name}",
    )


if __name__ == "__main__":
    run(main, *sys.argv[1:])
