"""Agreement of single-image with class-level clusterings."""

import pandas as pd

from nas.report.cells import signed, with_interval
from nas.report.names import label_of

MEASURES = {"adjusted_rand_index": "ARI", "v_measure": "V-measure"}


def table(summary: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Own against class-level clusterings by data set, network, class and own k, against chance; and its caption."""
    rows = []
    for (dataset, network, name, k), found in summary.groupby(["dataset", "network", "class", "own_k"], sort=False):
        estimates = {row["measure"]: row for row in found.to_dict("records")}
        row = {"data set": dataset, "network": label_of(network), "class": name, "own k": str(k)}
        for measure, heading in MEASURES.items():
            row[heading] = with_interval(estimates[measure])
            row[f"{heading} by chance"] = f"{estimates[f'{measure}_chance']['value']:.3f}"
            row[f"Δ {heading}"] = signed(estimates[f"{measure}_above_chance"])
        row["shifts"] = f"{estimates['adjusted_rand_index_reached']['value']:.2%}"
        row["clusters seen"] = f"{estimates['class_clusters']['value']:.1f} of {found['clusters'].iloc[0]}"
        rows.append(row | {"n": str(estimates["class_clusters"]["n"])})
    carried = summary.iloc[0]
    caption = (
        "Agreement of each photo's own clustering (own k) with a clustering of photos of its class together "
        f"(k = {carried['clusters']}), fitted without that photo (in five folds, or each photo alone); depths "
        f"{carried['depths']}, recipe's grid, seed {carried['seed']}. Mean over n photos [bootstrap interval; of two "
        "photos it reaches from one to the other]. "
        "ARI: adjusted Rand index; V-measure: mutual information, normalized; 1 is equal. Chance: mean over all "
        "circular shifts of the own map, which keep the shapes of its regions; Δ: difference from chance, paired by "
        "photo. Shifts: share of them with at least the ARI of the map in its place, which is one of them. Clusters "
        "seen: in a photo, of the clustering of all. Class all: every photo once."
    )
    return pd.DataFrame(rows), caption
