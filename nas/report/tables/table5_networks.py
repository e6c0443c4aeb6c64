"""Table 5: the networks, and what they predict."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nas.report.cells import with_interval
from nas.report.names import label_of
from nas.report.results import summary
from nas.store import TABLE, collect, read_json
from nas.superpixels import read_variants


def table(root: Path, datasets: Sequence[str], networks: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Table 5 and its caption: per data set and network the depths, k, number of regions, and top-1."""
    rows = []
    for dataset in datasets:
        for network in networks:
            accuracy = summary(root, "activations", [dataset], [network])
            superpixels = summary(root, "superpixels", [dataset], [network])
            depths = read_json(root / "data" / "activations" / dataset / network / "network.json")
            head = read_json(root / "data" / "heads" / dataset / network / "head.json")
            variants = read_variants(root / "data" / "superpixels" / dataset / network)
            used = next(iter(variants.values())).depths
            row = {"data set": dataset, "network": label_of(network)}
            for depth in depths:
                mark = "*" if depth["depth"] in used else ""
                row[f"depth {depth['depth']}"] = f"{depth['channels']} × {depth['height']} × {depth['width']}{mark}"
            row["k"] = superpixels["clusters"].iloc[0]
            regions = superpixels[(superpixels["method"] == "nas_components") & (superpixels["measure"] == "n_regions")]
            for found in regions.to_dict("records"):
                row[f"regions, {label_of(found['variant'])}"] = with_interval(found, 0)
            for found in accuracy.to_dict("records"):
                if found["labels"] != "ours":
                    labels = "all photos" if found["labels"] == "all" else f"{found['labels']} labels"
                    row[f"top-1, {labels}, {found['view']}"] = f"{with_interval(found, 2)}, n = {found['n']}"
            row["classes"] = classes(head)
            row["head, cross-validated accuracy"] = accuracy_of(head)
            rows.append(row)
    caption = (
        "Networks: channels × height × width of the map at each depth (* used by default), number of clusters k, "
        "number of NAS components per photo (mean [bootstrap interval]), and top-1 accuracy [bootstrap interval] among "
        "the classes named in the row below it: the network's own, or those of the data set by a linear head on the "
        "frozen network. Maps of photos without a label among them are of the network's own prediction. Wall times are "
        "in reports/timings.json."
    )
    return pd.DataFrame(rows).T.reset_index().pipe(_headed), caption


def classes(head: Mapping[str, Any]) -> str:
    """Whose classes the network tells apart, and why there is no head where there is none."""
    if head["reason"]:
        return f"the network's own ({head['reason']})"
    return f"{head['n_classes']} of the data set, by a linear head"


def accuracy_of(head: Mapping[str, Any]) -> str:
    """Accuracy of the head in cross-validation, with what it was fitted to; "" where there is none."""
    return (
        ""
        if head["reason"]
        else f"{head['cv_accuracy']:.2f}, the best of six C, n = {head['n_photos']} train photos, C = {head['C']:g}"
    )


def predictions(root: Path, datasets: Sequence[str], networks: Sequence[str]) -> pd.DataFrame:
    """Label and prediction of every photo, one column per network; the rank of the label where it is not first."""
    frame = collect(root, "activations", datasets, networks, TABLE)
    columns = {}
    for network, group in frame.groupby("network", sort=False):
        group = group.set_index(["dataset", "id"])
        ranks = ["" if pd.isna(rank) or rank == 0 else f" (label at rank {rank + 1:.0f})" for rank in group["rank"]]
        columns["label"] = group["class_name"]
        columns[label_of(network)] = group["prediction_name"] + ranks
    return pd.DataFrame(columns).reset_index().rename(columns={"dataset": "data set", "id": "photo"})


def _headed(frame: pd.DataFrame) -> pd.DataFrame:
    """Network and data set as headings: a table of few rows and many columns reads better on its side."""
    datasets, networks = ([str(value) for value in frame.iloc[row, 1:]] for row in (0, 1))
    headed = frame.iloc[2:].fillna("").reset_index(drop=True)
    headed.columns = ["", *(f"{network}, {dataset}" for network, dataset in zip(networks, datasets, strict=True))]
    return headed
