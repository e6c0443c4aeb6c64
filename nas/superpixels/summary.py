"""Means over photos of what superpixels and their ablation measured, with intervals."""

from itertools import chain
from pathlib import Path

import pandas as pd

from nas.statistics import Resampling, summarize
from nas.store import Shards
from nas.superpixels.measures import MEASURES, RATIOS
from nas.superpixels.variants import read_variants

ABLATION_SETTING = ["depths", "clusters", "size", "weighting"]
ABLATION_MEASURES = [
    "inertia_per_location",
    "n_components",
    "achievable_segmentation_accuracy",
    "undersegmentation_error",
    "achievable_segmentation_accuracy_clusters",
    "undersegmentation_error_clusters",
    "boundary_recall",
    "boundary_precision",
    "edge_share",
]


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """The summary of what the stage `superpixels` wrote into a folder: by variant and method, with the settings."""
    table = Shards(folder).table(["variant", "method", *MEASURES, *chain(*RATIOS.values())])
    found = summarize(table, ["variant", "method"], MEASURES, resampling, ratios=RATIOS)
    variants = read_variants(folder)
    settings = [variants[name].columns() for name in found["variant"]]
    return {"summary": found.join(pd.DataFrame(settings, index=found.index))}


def ablation_summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """The summary of what the stage `ablation` wrote into a folder, by setting."""
    table = Shards(folder).table([*ABLATION_SETTING, *ABLATION_MEASURES, *chain(*RATIOS.values())])
    return {"summary": summarize(table, ABLATION_SETTING, ABLATION_MEASURES, resampling, ratios=RATIOS)}
