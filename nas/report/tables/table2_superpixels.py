"""Table 2: superpixels against masks and edges."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nas.report.cells import wide, with_interval
from nas.report.names import label_of
from nas.statistics import Resampling, paired_bootstrap
from nas.store import TABLE, collect

AGREEMENT = {
    "achievable_segmentation_accuracy": "ASA",
    "undersegmentation_error": "UE",
    "boundary_recall": "boundary recall",
    "boundary_precision": "boundary precision",
    "edge_adherence": "edge adherence",
}


def table(summary: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Table 2 and its caption: superpixels against masks and edges, by data set, network, variant and method."""
    printed = summary.assign(
        network=summary["network"].map(label_of),
        variant=summary["variant"].map(label_of),
        method=summary["method"].map(label_of),
    )
    settings = {"dataset": "data set", "network": "network", "variant": "grid of NAS", "method": "method"}
    frame = wide(printed, settings, {**AGREEMENT, "n_regions": "regions"})
    frame["regions"] = [text.split(" ")[0] for text in wide(printed, settings, {"n_regions": "regions"}, 0)["regions"]]
    carried = summary.iloc[0]
    caption = (
        f"Agreement of superpixels with masks and with strong image edges; depths {carried['depths']}, "
        f"k = {carried['clusters']}, seed {carried['seed']}. Mean over n photos [bootstrap interval]. SLIC and "
        "Felzenszwalb are tuned per photo to the number of NAS components. ASA: achievable segmentation accuracy, "
        "higher is better; UE: undersegmentation error, lower is better; boundaries within 2 pixels; edge adherence: "
        "share of strong edges near a border, chance-corrected (0 is chance, 1 is all)."
    )
    return frame, caption


def paired_differences(
    root: Path, datasets: Sequence[str], networks: Sequence[str], resampling: Resampling
) -> pd.DataFrame:
    """NAS components minus each other connected method on the same photo, with paired bootstrap intervals."""
    columns = ["id", "dataset", "network", "variant", "method", *list(AGREEMENT)[:4]]
    frame = collect(root, "superpixels", datasets, networks, TABLE, columns)
    rows = []
    for (dataset, network, variant), group in frame.groupby(
        ["dataset", "network", "variant"], sort=False, observed=True
    ):
        by_method = {
            method: rows.set_index("id") for method, rows in group.groupby("method", sort=False, observed=True)
        }
        for other in ("slic", "felzenszwalb"):
            row = {
                "data set": dataset,
                "network": label_of(network),
                "grid of NAS": label_of(variant),
                "against": label_of(other),
            }
            for measure, heading in list(AGREEMENT.items())[:4]:
                a, b = by_method["nas_components"][measure].align(by_method[other][measure])
                estimate = paired_bootstrap(a, b, *resampling)
                row |= {heading: with_interval(estimate), "n": str(estimate.n)}
            rows.append(row)
    return pd.DataFrame(rows)
