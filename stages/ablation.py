"""NAS over depths, numbers of clusters, grids and weightings: data/ablation/DATASET/NETWORK.

Writes one row per photo and setting, the label maps on their own grids for figure 3, and the settings by name.
"""

from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.store import Stored, engine
from nas.superpixels import (
    ABLATION_MEASURES,
    Segmenting,
    Variant,
    ablate_photos,
    ablated,
    variants_with_maps,
    write_variants,
)
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    activations = Path("data/activations", dataset, network)
    target = Path("data/ablation", dataset, network)
    chosen, nas = parameters.ablation, parameters.superpixels
    default = Variant(nas.clusters, tuple(nas.depths), nas.weighting, "first")
    variants = ablated(chosen.depths, chosen.clusters, chosen.sizes, chosen.weighting, default)
    shared = Segmenting(nas.interpolation, parameters.seed, nas.tolerance, nas.edge_quantile)
    engine.run(
        partial(ablate_photos, views=Stored(activations, ("view",)), settings=shared),
        read_records(Path("data/raw", dataset)),
        target,
        pieces=variants_with_maps(variants, activations),
        scratch=SCRATCH / "ablation" / dataset / network,
        workers=0,
        description=f"ablation {dataset} {network}",
        carried={"dataset": dataset, "network": network, "method": "nas", "seed": parameters.seed},
        columns=ABLATION_MEASURES,
    )
    write_variants(target, variants)
