"""How far saliency maps have converged at the counts of params.yaml: data/convergence/DATASET/NETWORK."""

import sys
from functools import partial
from pathlib import Path

import torch

from nas.data import read_records
from nas.saliency import CONVERGENCE_COLUMNS, Explaining, compare_counts, counted
from nas.store import engine, spread
from stages.params import SCRATCH, Parameters, run


def main(parameters: Parameters, dataset: str, network: str) -> None:
    settings, saliency = parameters.convergence, parameters.saliency
    made = Explaining.of_data(
        Path("data"),
        dataset,
        network,
        regions=saliency.regions,
        batch=saliency.batch,
        seed=parameters.seed,
        parameters=saliency.parameters,
    )
    counts = counted(saliency.methods, saliency.parameters)
    if not counts:
        print(
            "saliency.parameters: has no n_steps, n_samples or n_masks of a method in saliency.methods, so that "
            "nothing converges; its tables are empty",
            file=sys.stderr,
        )
    factors, reference = settings.factors, settings.reference
    engine.run(
        partial(compare_counts, counts=counts, factors=factors, reference=reference, settings=made),
        spread(read_records(Path("data/raw", dataset)), settings.photos),
        Path("data/convergence", dataset, network),
        key=[factors, reference, made.key()],
        pieces={method: made.piece(method) for method in counts},
        scratch=SCRATCH / "convergence" / dataset / network,
        workers=1 if torch.cuda.is_available() else 0,
        description=f"convergence {dataset} {network}",
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
        columns=CONVERGENCE_COLUMNS,
    )


if __name__ == "__main__":
    run(main, *sys.argv[1:])
