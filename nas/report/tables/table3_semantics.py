"""Table 3: saliency scored against tagged clusters and against masks or boxes; and how far the two agree."""

import pandas as pd

from nas.data import truth_in_words
from nas.report.cells import prints_alike, signed, with_interval
from nas.report.names import label_of, label_of_regions
from nas.saliency import RAW
from nas.semantics import HAND, LEARNT, TRUTH

SCORES = {
    "mass_share": "mass share",
    "average_precision": "pixel AP",
    "pointing_game": "pointing game",
    "auroc": "AUROC",
}
PAPER = {label_of(key) for key in ("grad_cam", "smoothgrad", "rise", "sobel", "random")}
AGAINST = {HAND: "clusters, hand tags", LEARNT: "clusters, learnt tags"}


def table(summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Table 3, which of its cells are best of a network and reference, and its caption."""
    rows, best = [], []
    for (dataset, network, against), group in summary.groupby(["dataset", "network", "against"], sort=False):
        named = truth_in_words(group["truth"].unique()) if against == TRUTH else AGAINST[str(against)]
        highest = group.groupby("measure")["value"].max()
        for (method, inside), found in group.groupby(["method", "regions"], sort=False):
            estimates = {row["measure"]: row for row in found.to_dict("records")}
            row = {
                "data set": dataset,
                "network": label_of(network),
                "against": named,
                "method": label_of(method),
            }
            row["regions"] = label_of_regions(inside)
            marks = dict.fromkeys(row, False)
            for measure, heading in SCORES.items():
                row[heading] = with_interval(estimates[measure])
                marks[heading] = prints_alike(estimates[measure]["value"], highest[measure])
            gain = estimates["gain_mass_share"]
            row["Δ mass share"] = "" if inside == RAW else signed(gain)
            marks["Δ mass share"] = False
            rows.append(row | {"n": str(estimates["mass_share"]["n"])})
            best.append(marks | {"n": False})
    seed = "" if summary.empty else f" (seed {summary['seed'].iloc[0]})"
    sources = summary["truth"].unique()
    known, learnt_from = truth_in_words(sources), truth_in_words(sources, 2)
    caption = (
        f"Saliency of the predicted class scored against the {known} and against the class-level clusters "
        f"tagged as object{seed}: share of positive saliency, pixel average precision, pointing game, AUROC; "
        "mean over n photos of the tagged classes [bootstrap interval]. Each map as it is (raw) or averaged inside "
        f"regions; Δ is the paired difference from raw. Learnt tags come from the {learnt_from} of a few "
        "other photos of the class (semantics.learnt_from at most). Bold: best of a network and reference, and what "
        "prints the same."
    )
    if summary.empty:
        caption += " No data set has a class with masks, boxes or tags, so that nothing is measured."
    order = ["data set", "network", "against", "method", "regions", *SCORES.values(), "Δ mass share", "n"]
    return pd.DataFrame(rows, columns=order), pd.DataFrame(best, columns=order, dtype=bool), caption


def short(table: pd.DataFrame) -> "pd.Series[bool]":
    """The rows for a paper: a few methods and the controls."""
    return table["method"].map(PAPER.__contains__)


def agreement(found: pd.DataFrame) -> pd.DataFrame:
    """Kendall's tau between the rankings of methods against tagged clusters and against masks."""
    return pd.DataFrame(
        [
            {
                "data set": row["dataset"],
                "network": label_of(row["network"]),
                "tags": row["against"],
                "score": SCORES[row["measure"]],
                "τ": with_interval(row, 2),
                "methods": str(row["methods"]),
                "n": str(row["n"]),
            }
            for row in found.to_dict("records")
        ]
    )


def labels(found: pd.DataFrame) -> pd.DataFrame:
    """Worth of tags learnt on few photos: mean over the draws and 5 to 95 % of them."""
    rows = []
    settings = ["dataset", "network", "class", "photos", "labelled"]
    for (dataset, network, name, photos, labelled), values in found.groupby(settings, sort=False):
        by_measure = {row["measure"]: row for row in values.to_dict("records")}
        row = {"data set": dataset, "network": label_of(network), "class": name}
        row |= {"labelled photos": f"{labelled} of {photos}"}
        row |= {
            heading: with_interval(by_measure[measure], 2)
            for measure, heading in (("IoU", "IoU of the others"), ("tau", "τ of methods"))
        }
        rows.append(row | {"draws": str(by_measure["IoU"]["draws"])})
    return pd.DataFrame(rows)
