"""Relevance curves of saliency maps, least and most relevant part first: data/relevance/DATASET/NETWORK."""

import os
import sys
from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.networks import shared_classifier
from nas.relevance import Inputs, Settings, curve_photos, read_photo, seconds_of_curve
from nas.saliency import with_maps
from nas.store import engine
from stages.params import SCRATCH, Parameters, run


def main(parameters: Parameters, dataset: str, network: str) -> None:
    chosen, stages = parameters.relevance, ("activations", "saliency", "superpixels")
    inputs = Inputs(
        network,
        Path("data/weights", f"{network}.safetensors"),
        Path("data/heads", dataset, network),
        *(Path("data", stage, dataset, network) for stage in stages),
    )
    settings = Settings(
        {"least": chosen.least.orders, "most": chosen.most.orders},
        {"least": chosen.least.replacements, "most": chosen.most.replacements},
        chosen.n_steps,
        chosen.tile,
        chosen.blur,
        chosen.batch,
    )
    methods = with_maps(inputs.saliency, chosen.methods, "relevance.methods")
    classifier = shared_classifier(network, inputs.weights, inputs.head)
    on_gpu = classifier.device.type == "cuda"
    seconds = seconds_of_curve(classifier, settings.n_steps, settings.batch) * settings.n_curves * len(methods)
    engine.run(
        partial(curve_photos, inputs=inputs, settings=settings),
        read_records(Path("data/raw", dataset)),
        Path("data/relevance", dataset, network),
        key=inputs.key(settings),
        pieces=inputs.pieces(methods),
        scratch=SCRATCH / "relevance" / dataset / network,
        workers=1 if on_gpu else 0,
        description=f"relevance {dataset} {network}",
        load=partial(read_photo, methods=methods, inputs=inputs, settings=settings),
        seconds=seconds / (1 if on_gpu else os.cpu_count() or 1),
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
    )


if __name__ == "__main__":
    run(main, *sys.argv[1:])
