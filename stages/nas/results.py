"""The tables of the report, from what the stages wrote."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nas.datasets import Record
from nas.plots.style import name
from nas.shards import TABLE
from nas.statistics import paired_bootstrap
from nas.tables import collect, wide, with_interval

AGREEMENT = {
    "achievable_segmentation_accuracy": "ASA",
    "undersegmentation_error": "UE",
    "boundary_recall": "boundary recall",
    "boundary_precision": "boundary precision",
    "edge_adherence": "edge adherence",
}


def agreement(summary: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Table 2 and its caption: superpixels against masks and edges, by data set, network, grid and method."""
    printed = summary.assign(
        network=summary["network"].map(name),
        size=summary["size"].map(name),
        method=summary["method"].map(name),
    )
    settings = {"dataset": "data set", "network": "network", "size": "grid of NAS", "method": "method"}
    table = wide(printed, settings, {**AGREEMENT, "n_regions": "regions"})
    table["regions"] = [text.split(" ")[0] for text in wide(printed, settings, {"n_regions": "regions"}, 0)["regions"]]
    carried = summary.iloc[0]
    caption = (
        f"Agreement of superpixels with masks and with strong image edges; depths {carried['depths']}, "
        f"k = {carried['clusters']}, seed {carried['seed']}. Mean over n photos [bootstrap interval]. SLIC and "
        "Felzenszwalb are tuned per photo to the number of NAS components. ASA: achievable segmentation accuracy, "
        "higher is better; UE: undersegmentation error, lower is better; boundaries within 2 pixels; edge adherence: "
        "share of strong edges near a border, chance-corrected (0 is chance, 1 is all)."
    )
    return table, caption


def paired_differences(root: Path, datasets: Sequence[str], classifiers: Sequence[str]) -> pd.DataFrame:
    """NAS components minus each other connected method on the same photo, with paired bootstrap intervals."""
    table = collect(root, "superpixels", datasets, classifiers, TABLE)
    rows = []
    for (dataset, network, size), group in table.groupby(["dataset", "network", "size"], sort=False):
        by_method = {method: rows.set_index("id") for method, rows in group.groupby("method", sort=False)}
        for other in ("slic", "felzenszwalb"):
            row = {
                "data set": dataset,
                "network": name(network),
                "grid of NAS": name(size),
                "against": name(other),
            }
            for measure, heading in list(AGREEMENT.items())[:4]:
                a, b = by_method["nas_components"][measure].align(by_method[other][measure])
                estimate = paired_bootstrap(a, b, seed=int(group["seed"].iloc[0]))
                row |= {heading: with_interval(estimate), "n": str(estimate.n)}
            rows.append(row)
    return pd.DataFrame(rows)


def networks(root: Path, datasets: Sequence[str], classifiers: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Table 5 and its caption: per data set and network the depths, k, number of regions, and top-1."""
    rows = []
    for dataset in datasets:
        for network in classifiers:
            accuracy = collect(root, "activations", [dataset], [network])
            superpixels = collect(root, "superpixels", [dataset], [network])
            depths = json.loads((root / "data" / "activations" / dataset / network / "network.json").read_text())
            used = {int(depth) for depth in superpixels["depths"].iloc[0].split("-")}
            row = {"data set": dataset, "network": name(network)}
            for depth in depths:
                mark = "*" if depth["depth"] in used else ""
                row[f"depth {depth['depth']}"] = f"{depth['channels']} × {depth['height']} × {depth['width']}{mark}"
            row["k"] = superpixels["clusters"].iloc[0]
            regions = superpixels[(superpixels["method"] == "nas_components") & (superpixels["measure"] == "n_regions")]
            for found in regions.to_dict("records"):
                row[f"regions, {name(found['size'])}"] = with_interval(found, 0)
            for found in accuracy.to_dict("records"):
                if found["labels"] != "ours":
                    labels = "all photos" if found["labels"] == "all" else f"{found['labels']} labels"
                    row[f"top-1, {labels}, {found['view']}"] = f"{with_interval(found, 2)}, n = {found['n']}"
            rows.append(row)
    caption = (
        "Networks: channels × height × width of the map at each depth (* used by default), number of clusters k, "
        "number of NAS components per photo (mean [bootstrap interval]), and top-1 accuracy [bootstrap interval]. "
        "Wall times are in reports/timings.json."
    )
    return pd.DataFrame(rows).T.reset_index().pipe(_headed), caption


def predictions(root: Path, datasets: Sequence[str], classifiers: Sequence[str]) -> pd.DataFrame:
    """Label and prediction of every photo, one column per network; the rank of the label where it is not first."""
    table = collect(root, "activations", datasets, classifiers, TABLE)
    columns = {}
    for network, group in table.groupby("network", sort=False):
        group = group.set_index(["dataset", "id"])
        ranks = ["" if pd.isna(rank) or rank == 0 else f" (label at rank {rank + 1:.0f})" for rank in group["rank"]]
        columns["label"] = group["class_name"]
        columns[name(network)] = group["prediction_name"] + ranks
    return pd.DataFrame(columns).reset_index().rename(columns={"dataset": "data set", "id": "photo"})


def decisions(records: Sequence[Record]) -> pd.DataFrame:
    """What was decided about the extent of an object, by photo."""
    return pd.DataFrame(
        [{"photo": r.id, "class": r.class_name, "label": r.label_source, "decision": r.note} for r in records if r.note]
    )


def _headed(table: pd.DataFrame) -> pd.DataFrame:
    """The first row as headings: a table of few rows and many columns reads better on its side."""
    headed = table.iloc[1:].fillna("")
    headed.columns = [""] + [str(value) for value in table.iloc[1, 1:]]
    return headed.iloc[1:].reset_index(drop=True)
