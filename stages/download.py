"""Fetch the photos of a data set and what is known of them: data/raw/DATASET."""

import json
import sys
from pathlib import Path

from nas.data import Rules, prepare
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str) -> None:
    given = parameters.download
    settings = json.loads(Path("data/choices/datasets", f"{dataset}.json").read_text(encoding="utf-8"))
    taken = prepare(
        dataset,
        Path("data/raw", dataset),
        workspace=SCRATCH / "download",
        annotations=Path("data"),
        root=settings["root"],
        mirror=settings["mirror"],
        split=settings["split"],
        limit=given.limit,
        train=given.train,
        seed=parameters.seed,
        rules=Rules.of(settings["rules"]),
    )
    print(f"{dataset}: {taken.line()}", file=sys.stderr)
