"""Table 1: localization by saliency, raw and averaged inside regions."""

import math

import pandas as pd

from nas.localization import MEAN
from nas.report.cells import prints_alike, signed, with_interval
from nas.report.names import REGIONS, label_of, label_of_regions
from nas.saliency import CONTROLS, RAW

CLAIMED = ("MaxBoxAccV2", "BoxAcc@0.7", "BoxAcc@0.9")
PAPER = {label_of(key) for key in ("grad_cam", "smoothgrad", "rise", "sobel", "random", "center_gaussian")}
INSIDE = {
    label_of_regions(kind)
    for kind in ("raw", "nas_clusters", "nas_components", "slic_few", "felzenszwalb_few", "moved_clusters")
}
LOCALIZATION = (
    "MaxBoxAcc",
    "MaxBoxAccV2",
    "Top-1 MaxBoxAccV2",
    "BoxAcc@0.3",
    "BoxAcc@0.5",
    "BoxAcc@0.7",
    "BoxAcc@0.9",
    "PxAP",
)


def table(summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Table 1, which of its cells are best, and its caption: localization by network, method and regions."""
    rows, best = [], []
    measures = [measure for measure in LOCALIZATION if measure in set(summary["measure"])]
    methods = summary[summary["method"] != MEAN]
    for (dataset, network, method), group in methods.groupby(["dataset", "network", "method"], sort=False):
        values = group.pivot_table(index="regions", columns="measure", values="value", sort=False)
        for kind, found in group.groupby("regions", sort=False):
            row = {
                "data set": dataset,
                "network": label_of(network),
                "method": label_of(method),
                "regions": label_of_regions(kind),
            }
            marks = dict.fromkeys(row, False)
            for estimate in found[found["measure"].isin(measures)].to_dict("records"):
                measure = estimate["measure"]
                row[measure] = with_interval(estimate)
                marks[measure] = len(values) > 1 and prints_alike(estimate["value"], values[measure].max())
                if kind != RAW and measure in CLAIMED:
                    gain = {key: estimate[f"gain{suffix}"] for key, suffix in GAIN.items()}
                    row[f"Δ {measure}"] = signed(gain)
            rows.append(row | {"n": str(int(found["n"].max()))})
            best.append(marks)
    order = ["data set", "network", "method", "regions"]
    first = [measure for measure in CLAIMED if measure in measures]  # what the claims are of
    ordered = [*first, *(measure for measure in measures if measure not in first)]
    order += [c for m in ordered for c in (m, f"Δ {m}") if c in set().union(*rows)] + ["n"]
    frame = pd.DataFrame(rows).reindex(columns=order).fillna("")
    bold = pd.DataFrame(best).reindex(columns=order).eq(True)
    seed = "" if summary.empty else f", seed {summary['seed'].iloc[0]}"
    caption = (
        "Weakly supervised localization (protocol of Choe et al. 2020, class given but for Top-1), as a share of n "
        f"photos [bootstrap interval]{seed}. Each map as it is (raw) or averaged inside regions. {REGIONS} Δ is the "
        "difference from raw with a paired interval; every interval chooses the threshold anew in each resample. "
        "Bold: best of a method, and what prints the same. PxAP: pooled pixel average precision."
        f"{of_predictions(summary)}"
    )
    if summary.empty:
        caption += " No data set has boxes or masks, so that nothing is measured."
    return frame, bold, caption


def short(table: pd.DataFrame) -> "pd.Series[bool]":
    """The rows for a paper: a few methods and the controls, as they are, in NAS, and in rivals of few regions."""
    return table["method"].map(PAPER.__contains__) & table["regions"].map(INSIDE.__contains__)


def of_predictions(summary: pd.DataFrame) -> str:
    """A sentence on the data sets and networks whose maps are not of the labelled class; "" where there are none."""
    found = [
        f"{label_of(network)} on {dataset} ({int(rows['n'].max() - rows['labelled'].max())} of {int(rows['n'].max())})"
        for (dataset, network), rows in summary.groupby(["dataset", "network"], sort=False)
        if rows["labelled"].max() < rows["n"].max()
    ]
    if not found:
        return ""
    return (
        " Maps are of the labelled class, but of the network's own prediction for photos whose class is not among "
        f"its classes, and then there is no Top-1: {', '.join(found)}."
    )


GAIN = {"value": "", "low": "_low", "high": "_high"}


def gains(summary: pd.DataFrame) -> pd.DataFrame:
    """Averaged minus raw, mean over the real methods, and how many of them gain or lose beyond their interval."""
    rows = []
    averaged = summary[(summary["regions"] != RAW) & summary["measure"].isin(CLAIMED)]
    settings = ["dataset", "network", "regions", "measure"]
    for (dataset, network, kind, measure), group in averaged.groupby(settings, sort=False):
        real = group[~group["method"].isin((*CONTROLS, MEAN))]
        if real.empty:
            continue
        mean = group[group["method"] == MEAN].iloc[0]
        rows.append(
            {
                "data set": dataset,
                "network": label_of(network),
                "regions": label_of_regions(kind),
                "measure": measure,
                "mean gain": signed({key: mean[f"gain{suffix}"] for key, suffix in GAIN.items()}),
                "p": "n/a" if math.isnan(mean["gain_p"]) else f"{mean['gain_p']:.3f}",
                "better": str(int((real["gain"] > 0).sum())),
                "interval above 0": str(int((real["gain_low"] > 0).sum())),
                "worse": str(int((real["gain"] < 0).sum())),
                "interval below 0": str(int((real["gain_high"] < 0).sum())),
                "methods": str(len(real)),
            }
        )
    return pd.DataFrame(rows)
