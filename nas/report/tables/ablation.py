"""Every setting of the ablation."""

import pandas as pd

from nas.report.cells import wide

SETTINGS = {
    "dataset": "data set",
    "network": "network",
    "depths": "depths",
    "clusters": "k",
    "size": "grid",
    "weighting": "weighting",
}
MEASURES = {
    "edge_adherence": "edge adherence",
    "achievable_segmentation_accuracy": "ASA",
    "undersegmentation_error": "UE",
    "boundary_recall": "BR",
    "boundary_precision": "BP",
    "n_components": "components",
    "inertia_per_location": "inertia",
}


def table(summary: pd.DataFrame) -> pd.DataFrame:
    """Measures by data set, network and setting."""
    return wide(summary, SETTINGS, MEASURES)
