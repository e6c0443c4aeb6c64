"""Relevance curves of saliency maps, least and most relevant part first: data/relevance/DATASET/NETWORK."""

from functools import partial
from pathlib import Path

import torch

from nas.data import read_records
from nas.relevance import Inputs, Settings, curve_photos, read_photo, seconds_of_curve, to_rank
from nas.saliency import with_maps
from nas.store import engine, n_cores
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    chosen, saliency = parameters.relevance, Path("data/saliency", dataset, network)
    settings = Settings(
        {"least": chosen.least.orders, "most": chosen.most.orders},
        {"least": chosen.least.replacements, "most": chosen.most.replacements},
        chosen.n_steps,
        chosen.tile,
        chosen.blur,
        chosen.batch,
    )
    inputs = Inputs.of_data(Path("data"), dataset, network, settings, parameters.activations.backend)
    methods = with_maps(saliency, chosen.methods, "relevance.methods")
    workers = 1 if torch.cuda.is_available() else n_cores()

    def seconds() -> float:
        a_curve = seconds_of_curve(inputs.classifier.load(), settings.n_steps, settings.batch)
        return a_curve * settings.n_curves * len(methods) / workers

    engine.run(
        partial(curve_photos, inputs=inputs, settings=settings),
        read_records(Path("data/raw", dataset)),
        Path("data/relevance", dataset, network),
        pieces=to_rank(saliency, methods),
        scratch=SCRATCH / "relevance" / dataset / network,
        workers=workers,
        network=True,
        description=f"relevance {dataset} {network}",
        load=partial(read_photo, inputs=inputs, settings=settings),
        seconds=seconds,
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
    )
