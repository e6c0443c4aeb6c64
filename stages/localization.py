"""Localize objects by saliency, raw and averaged inside regions: data/localization/DATASET/NETWORK."""

import sys
from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.localization import LOCALIZATION_COLUMNS, locate_photos, located, to_locate
from nas.saliency import with_maps
from nas.store import Stored, engine
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    saliency, superpixels = (Path("data", stage, dataset, network) for stage in ("saliency", "superpixels"))
    settings, records = parameters.localization, located(read_records(Path("data/raw", dataset)))
    if not records:
        print(
            f"{dataset}: has no boxes and no masks, so that nothing can be located; its tables are empty",
            file=sys.stderr,
        )
    methods = with_maps(saliency, list(settings.methods), "localization.methods")
    engine.run(
        partial(locate_photos, superpixels=Stored(superpixels, tuple(settings.regions))),
        records,
        Path("data/localization", dataset, network),
        pieces=to_locate(saliency, methods),
        scratch=SCRATCH / "localization" / dataset / network,
        workers=0,
        description=f"localization {dataset} {network}",
        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
        columns=LOCALIZATION_COLUMNS,
    )
