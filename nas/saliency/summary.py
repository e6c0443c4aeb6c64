"""Means over photos of how far saliency maps have converged, with intervals."""

from pathlib import Path

import pandas as pd

from nas.statistics import Estimate, Resampling, summarize
from nas.store import TABLE, read_table

SETTING = ["method", "parameter", "factor", "count", "reference_count"]
CONVERGENCE_COLUMNS = ["id", *SETTING, "spearman", "auroc", "reference_auroc"]


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """Summaries of what the stage `convergence` wrote into a folder: rank correlation, and distance in AUROC."""
    table = read_table(folder / TABLE)
    columns = [*SETTING, "measure", *Estimate._fields]
    shifts = table.assign(auroc_shift=(table["auroc"] - table["reference_auroc"]).abs())
    return {
        "summary": summarize(table, SETTING, ["spearman"], resampling).reindex(columns=columns),
        "contrast": summarize(shifts, SETTING, ["auroc_shift"], resampling).reindex(columns=columns),
    }
