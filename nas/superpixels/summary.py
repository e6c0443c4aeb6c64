"""Means over photos of what superpixels and their ablation measured, with intervals."""

from itertools import chain
from pathlib import Path

import pandas as pd

from nas.statistics import Resampling, summarize
from nas.store import Shards
from nas.superpixels import ablation, segmentations
from nas.superpixels.segmentations import RATIOS
from nas.superpixels.variants import read_variants


def summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """The summary of what the stage `superpixels` wrote into a folder: by variant and method, with the settings."""
    table = Shards(folder).table(["variant", "method", *segmentations.MEASURES, *chain(*RATIOS.values())])
    found = summarize(table, ["variant", "method"], segmentations.MEASURES, resampling, ratios=RATIOS)
    variants = read_variants(folder)
    settings = [variants[name].columns() for name in found["variant"]]
    return {"summary": found.join(pd.DataFrame(settings, index=found.index))}


def ablation_summaries(folder: Path, resampling: Resampling) -> dict[str, pd.DataFrame]:
    """The summary of what the stage `ablation` wrote into a folder, by setting."""
    table = Shards(folder).table([*ablation.ABLATION_SETTING, *ablation.ABLATION_MEASURES, *chain(*RATIOS.values())])
    return {
        "summary": summarize(table, ablation.ABLATION_SETTING, ablation.ABLATION_MEASURES, resampling, ratios=RATIOS)
    }
