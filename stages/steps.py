"""How far areas under relevance curves have converged at their number of steps: data/steps/DATASET/NETWORK."""

from functools import partial
from pathlib import Path

import torch

from nas.data import read_records
from nas.relevance import STEPS_COLUMNS, Inputs, Settings, compare_steps, read_counts, to_rank
from nas.saliency import with_maps
from nas.store import engine, spread
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    chosen, saliency = parameters.relevance, Path("data/saliency", dataset, network)
    replacements = {"least": chosen.least.replacements[:1], "most": []}
    settings = Settings(
        {"least": chosen.least.orders, "most": []}, replacements, chosen.n_steps, chosen.tile, chosen.blur, chosen.batch
    )
    counts = sorted({chosen.n_steps, *parameters.convergence.n_steps})
    inputs = Inputs.of_data(Path("data"), dataset, network, settings, parameters.activations.backend)
    engine.run(
        partial(compare_steps, inputs=inputs, settings=settings),
        spread(read_records(Path("data/raw", dataset)), parameters.convergence.photos),
        Path("data/steps", dataset, network),
        pieces=to_rank(saliency, with_maps(saliency, chosen.methods, "relevance.methods")),
        scratch=SCRATCH / "steps" / dataset / network,
        workers=1 if torch.cuda.is_available() else 0,
        network=True,
        description=f"steps {dataset} {network}",
        load=partial(read_counts, inputs=inputs, settings=settings, counts=counts),
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
        columns=STEPS_COLUMNS,
    )
