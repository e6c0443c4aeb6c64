"""The tables of the report, from what the stages wrote."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nas.datasets import Record
from nas.plots.style import kind_name, name
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


LOCALIZATION = ("MaxBoxAcc", "MaxBoxAccV2", "Top-1 MaxBoxAccV2", "BoxAcc@0.5", "BoxAcc@0.7", "BoxAcc@0.9", "PxAP")


def localization(summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Table 1, which of its cells are best, and its caption: localization by network, method and regions."""
    rows, best = [], []
    measures = [measure for measure in LOCALIZATION if measure in set(summary["measure"])]
    for (dataset, network, method), group in summary.groupby(["dataset", "network", "method"], sort=False):
        values = group.pivot_table(index="regions", columns="measure", values="mean", sort=False)
        for kind, found in group.groupby("regions", sort=False):
            row = {"data set": dataset, "network": name(network), "method": name(method), "regions": kind_name(kind)}
            marks = dict.fromkeys(row, False)
            for estimate in found[found["measure"].isin(measures)].to_dict("records"):
                measure = estimate["measure"]
                row[measure] = with_interval(estimate) if measure != "PxAP" else f"{estimate['mean']:.3f}"
                marks[measure] = len(values) > 1 and estimate["mean"] >= values[measure].max() - 1e-9
                if kind != "raw" and measure in ("MaxBoxAccV2", "BoxAcc@0.7", "BoxAcc@0.9"):
                    gain = {key: estimate[f"gain{suffix}"] for key, suffix in GAIN.items()}
                    row[f"Δ {measure}"] = signed(gain)
            rows.append(row | {"n": str(int(found["n"].max()))})
            best.append(marks)
    order = ["data set", "network", "method", "regions"]
    order += [c for m in measures for c in (m, f"Δ {m}") if c in set().union(*rows)] + ["n"]
    table = pd.DataFrame(rows).reindex(columns=order).fillna("")
    bold = pd.DataFrame(best).reindex(columns=order).fillna(False).astype(bool)
    caption = (
        "Weakly supervised localization (protocol of Choe et al. 2020, class given but for Top-1), as a share of n "
        f"photos [bootstrap interval], seed {summary['seed'].iloc[0]}. Each map as it is (raw) or averaged inside "
        "regions; Δ is the difference from raw with a paired interval; every interval chooses the threshold anew in "
        "each resample. Bold: best of a method. PxAP: pooled pixel average precision."
    )
    return table, bold, caption


GAIN = {"mean": "", "low": "_low", "high": "_high"}


def signed(estimate: Mapping[Any, Any]) -> str:
    """A difference as text, with its sign: +0.042 [-0.010, +0.090]."""
    return f"{estimate['mean']:+.3f} [{estimate['low']:+.3f}, {estimate['high']:+.3f}]"


def gains(summary: pd.DataFrame) -> pd.DataFrame:
    """Averaged minus raw at high thresholds: how often over methods, and where the paired interval excludes zero."""
    rows = []
    real = summary[~summary["method"].isin(("random", "sobel", "center_gaussian")) & (summary["regions"] != "raw")]
    for (dataset, network, kind, measure), group in real.groupby(
        ["dataset", "network", "regions", "measure"], sort=False
    ):
        if measure in ("MaxBoxAccV2", "BoxAcc@0.7", "BoxAcc@0.9"):
            rows.append(
                {
                    "data set": dataset,
                    "network": name(network),
                    "regions": kind_name(kind),
                    "measure": measure,
                    "mean gain": f"{group['gain'].mean():+.3f}",
                    "better": str(int((group["gain"] > 0).sum())),
                    "interval above 0": str(int((group["gain_low"] > 0).sum())),
                    "worse": str(int((group["gain"] < 0).sum())),
                    "interval below 0": str(int((group["gain_high"] < 0).sum())),
                    "methods": str(len(group)),
                }
            )
    return pd.DataFrame(rows)


def contrast_table(gains: pd.DataFrame) -> pd.DataFrame:
    """AUROC raw and averaged by data set, network, method and regions, and the paired difference."""
    return pd.DataFrame(
        [
            {
                "data set": row["dataset"],
                "network": name(row["network"]),
                "method": name(row["method"]),
                "regions": kind_name(row["regions"]),
                "raw": f"{row['raw']:.3f}",
                "averaged": f"{row['averaged']:.3f}",
                "averaged − raw": signed(row),
                "n": str(row["n"]),
            }
            for row in gains.to_dict("records")
        ]
    )


def decisions(records: Sequence[Record]) -> pd.DataFrame:
    """What was decided about the extent of an object, by photo."""
    return pd.DataFrame(
        [{"photo": r.id, "class": r.class_name, "label": r.label_source, "decision": r.note} for r in records if r.note]
    )


def _headed(table: pd.DataFrame) -> pd.DataFrame:
    """Network and data set as headings: a table of few rows and many columns reads better on its side."""
    datasets, networks = ([str(value) for value in table.iloc[row, 1:]] for row in (0, 1))
    headed = table.iloc[2:].fillna("").reset_index(drop=True)
    headed.columns = ["", *(f"{network}, {dataset}" for network, dataset in zip(networks, datasets, strict=True))]
    return headed
