"""Table 2: superpixels against masks and edges."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nas.report.cells import wide, with_interval
from nas.report.names import REGIONS, label_of
from nas.statistics import Resampling, paired_bootstrap
from nas.store import TABLE, collect

AGREEMENT = {
    "achievable_segmentation_accuracy": "ASA",
    "undersegmentation_error": "UE",
    "boundary_recall": "boundary recall",
    "boundary_precision": "boundary precision",
    "edge_adherence": "edge adherence",
}
PAIRS = (
    ("nas_components", "slic"),
    ("nas_components", "felzenszwalb"),
    ("nas_clusters", "slic_few"),
    ("nas_clusters", "felzenszwalb_few"),
)


def table(summary: pd.DataFrame, note: str = "") -> tuple[pd.DataFrame, str]:
    """Table 2 and its caption: superpixels against masks and edges, by data set, network, variant and method.

    Parameters: `note`, to end the caption, see `without_boundaries`.
    """
    printed = summary.assign(
        network=summary["network"].map(label_of),
        variant=summary["variant"].map(label_of),
        method=summary["method"].map(label_of),
    )
    settings = {"dataset": "data set", "network": "network", "variant": "grid of NAS", "method": "method"}
    frame = wide(printed, settings, {**AGREEMENT, "n_regions": "regions"})
    frame["regions"] = [text.split(" ")[0] for text in wide(printed, settings, {"n_regions": "regions"}, 0)["regions"]]
    carried = summary.iloc[0]
    fewer = ", n by measure where they differ: some need a mask, or boundaries" if "/" in "".join(frame["n"]) else ""
    caption = (
        f"Agreement of superpixels with masks and with strong image edges; depths {carried['depths']}, "
        f"k = {carried['clusters']}, seed {carried['seed']}. Mean over n photos [bootstrap interval]{fewer}. {REGIONS} "
        "ASA: achievable segmentation accuracy, higher is better; UE: undersegmentation error, lower is "
        "better; boundaries within 2 pixels; edge adherence: share of strong edges near a border, chance-corrected (0 "
        f"is chance, 1 is all).{note and ' ' + note}"
    )
    return frame, caption


def short(table: pd.DataFrame) -> "pd.Series[bool]":
    """The rows for a paper: those of the first grid."""
    return table["grid of NAS"].eq(table["grid of NAS"].iloc[0])


def paired_differences(
    root: Path, datasets: Sequence[str], networks: Sequence[str], resampling: Resampling
) -> pd.DataFrame:
    """NAS minus each rival with as many regions on the same photo, with paired bootstrap intervals."""
    columns = ["id", "dataset", "network", "variant", "method", *list(AGREEMENT)[:4]]
    frame = collect(root, "superpixels", datasets, networks, TABLE, columns)
    rows = []
    for (dataset, network, variant), group in frame.groupby(
        ["dataset", "network", "variant"], sort=False, observed=True
    ):
        by_method = {
            method: rows.set_index("id") for method, rows in group.groupby("method", sort=False, observed=True)
        }
        for ours, other in PAIRS:
            row = {
                "data set": dataset,
                "network": label_of(network),
                "grid of NAS": label_of(variant),
                "NAS": label_of(ours).removeprefix("NAS "),
                "against": label_of(other),
            }
            n = 0
            for measure, heading in list(AGREEMENT.items())[:4]:
                a, b = by_method[ours][measure].align(by_method[other][measure])
                estimate = paired_bootstrap(a, b, *resampling)
                row[heading] = with_interval(estimate)
                n = max(n, estimate.n)
            rows.append({**row, "n": str(n)})
    return pd.DataFrame(rows)
