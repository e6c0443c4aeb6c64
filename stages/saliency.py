"""Saliency maps of every method for the predicted and for the true class: data/saliency/DATASET/NETWORK."""

from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.saliency import (
    TARGETS,
    Explaining,
    bytes_of_saliency,
    explain_photos,
    possible_methods,
    seconds_of_maps,
    to_explain,
)
from nas.store import Stored, engine, n_cores
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    settings = parameters.saliency
    regions = Stored(Path("data/superpixels", dataset, network), (settings.regions,))
    made = Explaining.of_data(Path("data"), dataset, network, settings.batch, parameters.activations.backend)
    records, classifier = read_records(Path("data/raw", dataset)), made.classifier.load()
    methods = possible_methods(classifier, settings.methods)
    asked = to_explain(methods, settings.parameters, parameters.seed, regions)
    on_gpu = classifier.device.type == "cuda"
    workers = 1 if on_gpu else n_cores()

    # read in any case, so that an earlier stage that has not run is named before the first photo
    view, labels = made.seen.one(records[0].id), regions.one(records[0].id)

    def seconds() -> float:
        return seconds_of_maps(classifier, view, labels, methods, settings.parameters, settings.batch) / workers

    # maps of activation methods are a thousandth of the others
    large = sum(each.method.kind != "activation" for each in asked.values())
    engine.run(
        partial(explain_photos, settings=made),
        records,
        Path("data/saliency", dataset, network),
        pieces={TARGETS: None, **asked},
        scratch=SCRATCH / "saliency" / dataset / network,
        batch_size=settings.batch if on_gpu else 1,
        workers=workers,
        network=True,
        description=f"saliency {dataset} {network}",
        n_bytes=bytes_of_saliency(large, classifier.size),
        seconds=seconds,
    )
