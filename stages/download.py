"""Fetch the photos of a data set and what is known of them: data/raw/DATASET."""

import sys
from pathlib import Path

from nas.datasets.catalogue import prepare
from params import SCRATCH, Parameters, run


def main(parameters: Parameters, dataset: str) -> None:
    prepare(
        dataset,
        Path("data/raw", dataset),
        workspace=SCRATCH / "download",
        annotations=Path("data/sample/annotations.json"),
        roots=parameters.download.root,
        mirrors=parameters.download.mirror,
        splits=parameters.download.split,
        limit=parameters.download.limit,
        train=parameters.download.train,
        seed=parameters.seed,
    )


if __name__ == "__main__":
    run(main, *sys.argv[1:])
