"""Segment every photo by NAS and its rivals, and hold them against masks and edges: data/superpixels/DATASET/NETWORK.

Writes label maps at the network's input size, one row per photo, variant and method, and the settings of the variants.
"""

from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.store import Stored, engine
from nas.superpixels import MEASURES, segment_photos, variants_with_maps, write_variants
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    activations = Path("data/activations", dataset, network)
    target = Path("data/superpixels", dataset, network)
    variants, shared = parameters.superpixels.variants(), parameters.superpixels.segmenting(parameters.seed)
    engine.run(
        partial(segment_photos, views=Stored(activations, ("view",)), settings=shared),
        read_records(Path("data/raw", dataset)),
        target,
        pieces=variants_with_maps(variants, activations),
        scratch=SCRATCH / "superpixels" / dataset / network,
        workers=0,
        description=f"superpixels {dataset} {network}",
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
        columns=MEASURES,
    )
    write_variants(target, variants)
