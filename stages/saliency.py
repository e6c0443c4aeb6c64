"""Saliency maps of every method for the predicted and for the true class: data/saliency/DATASET/NETWORK."""

import os
import sys
from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.networks import shared_classifier
from nas.saliency import (
    METHODS,
    Explaining,
    bytes_of_saliency,
    explain_photos,
    possible_methods,
    seconds_of_maps,
)
from nas.store import Shards, engine
from stages.params import SCRATCH, Parameters, run


def main(parameters: Parameters, dataset: str, network: str) -> None:
    settings = parameters.saliency
    made = Explaining.of_data(
        Path("data"),
        dataset,
        network,
        regions=settings.regions,
        batch=settings.batch,
        seed=parameters.seed,
        parameters=settings.parameters,
    )
    classifier = shared_classifier(network, made.weights, made.head)
    records, methods = read_records(Path("data/raw", dataset)), possible_methods(classifier, settings.methods)
    on_gpu, first = classifier.device.type == "cuda", [records[0].id]
    view, regions = Shards(made.activations).read(first, ["view"])["view"][0], made.region_maps(first)[0].numpy()
    seconds = seconds_of_maps(classifier, view, regions, methods, settings.parameters, settings.batch)
    # maps of activation methods are a thousandth of the others
    large = sum(METHODS[method].kind != "activation" for method in methods)
    engine.run(
        partial(explain_photos, settings=made),
        records,
        Path("data/saliency", dataset, network),
        key=made.key(),
        pieces=made.pieces(methods),
        scratch=SCRATCH / "saliency" / dataset / network,
        batch_size=settings.batch if on_gpu else 1,
        workers=1 if on_gpu else 0,
        description=f"saliency {dataset} {network}",
        n_bytes=bytes_of_saliency(large, classifier.size),
        seconds=seconds / (1 if on_gpu else os.cpu_count() or 1),
    )


if __name__ == "__main__":
    run(main, *sys.argv[1:])
