"""Score saliency maps against the clusters of a class that are tagged as object: data/semantics/DATASET/NETWORK.

The semi-supervised semantic evaluation. Tags are a person's (data/tags) or learnt from the masks of a few other
photos of the class.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from nas.classes import class_names, read_class
from nas.data import read_records
from nas.saliency import with_maps
from nas.semantics import (
    FEW_LABELS_COLUMNS,
    SEMANTICS_COLUMNS,
    Evaluation,
    counts_of,
    evaluate_class,
    plain,
    tags_of,
    worth_of_few_labels,
)
from nas.store import TABLE, Row, Shards, join_tables, keep_only, write_json, write_table
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    target, scratch = (folder / "semantics" / dataset / network for folder in (Path("data"), SCRATCH))
    settings, seed = parameters.semantics, parameters.seed
    records = {record.id: record for record in read_records(Path("data/raw", dataset))}
    methods = with_maps(Path("data/saliency", dataset, network), settings.methods, "semantics.methods")
    evaluation = Evaluation.of_data(Path("data"), dataset, network, methods, settings.regions)
    done: list[Path] = []
    labels: list[Row] = []
    used: dict[str, Any] = {}
    for name in class_names(Path(), dataset, network):
        found = read_class(Path(), dataset, network, name)
        photos = [records[i] for i in found.ids]
        counts = counts_of(found, photos, evaluation.size(found.ids[0]))
        tags = tags_of(found, photos, counts, settings.learnt_from, seed, Path("data/tags"))
        if tags:
            done.append(evaluate_class(found, photos, tags, evaluation, scratch))
            used[name] = plain(tags)
            if counts is not None:
                stored = Shards(done[-1])
                labels += worth_of_few_labels(found, counts, stored, methods, settings.labelled, settings.draws, seed)
    carried: dict[str, Any] = {"dataset": dataset, "network": network, "seed": seed}
    if done:
        join_tables([folder / TABLE for folder in done], target / TABLE, carried)
    else:
        write_table(pd.DataFrame(columns=[*SEMANTICS_COLUMNS, *carried]), target / TABLE)
    write_table(pd.DataFrame(labels, columns=FEW_LABELS_COLUMNS).assign(**carried), target / "labels.parquet")
    write_json(target / "tags.json", used)
    keep_only(scratch, done)
