"""How far saliency maps have converged at the counts of params.yaml: data/convergence/DATASET/NETWORK."""

import sys
from functools import partial
from pathlib import Path

import torch

from nas.data import read_records
from nas.saliency import CONVERGENCE_COLUMNS, Explaining, compare_counts, counted, to_explain
from nas.store import Stored, engine, spread
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    settings, saliency = parameters.convergence, parameters.saliency
    regions = Stored(Path("data/superpixels", dataset, network), (saliency.regions,))
    counts = counted(to_explain(saliency.methods, saliency.parameters, parameters.seed, regions))
    if not counts:
        print(
            "saliency.parameters: has no n_steps, n_samples or n_masks of a method in saliency.methods, so that "
            "nothing converges; its tables are empty",
            file=sys.stderr,
        )
    made = Explaining.of_data(Path("data"), dataset, network, saliency.batch, parameters.activations.backend)
    engine.run(
        partial(compare_counts, factors=settings.factors, reference=settings.reference, settings=made),
        spread(read_records(Path("data/raw", dataset)), settings.photos),
        Path("data/convergence", dataset, network),
        pieces=counts,
        scratch=SCRATCH / "convergence" / dataset / network,
        workers=1 if torch.cuda.is_available() else 0,
        network=True,
        description=f"convergence {dataset} {network}",
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
        columns=CONVERGENCE_COLUMNS,
    )
