"""From what claims measure of photos to estimates, p-values and verdicts: the rule, the same for every claim.

The unit is the photo. Its value is the mean over networks, so that a photo's values under all networks stay together;
data sets weigh the same, see `nas.statistics.pool`. Holm's correction is over claims. The verdict looks at nothing but
these numbers: beyond the null value on the claimed side, with a corrected p-value of at most alpha, is *supported*;
beyond it on the other side, *contradicted*; anything else is *undecided*. A data set takes part from `LEAST_PHOTOS`
photos on, at which the test holds its level; without one the claim is *not measured*.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.claims.cells import Cell
from nas.claims.claims import CONTRADICTED, NOT_MEASURED, SUPPORTED, UNDECIDED, Claim
from nas.statistics import (
    LEAST_PHOTOS,
    Pooled,
    detectable,
    heterogeneity,
    holm_correction,
    photos_needed,
    pool,
)

UNKNOWN = Pooled(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Judged:
    """A claim held against all data sets and networks.

    Attributes
    ----------
    claim : what was tested
    null : its value if there is nothing to the claim
    found : the pooled estimate; of NaN where it could not be measured
    cells : data set and network with the estimate there, and why there is none
    datasets : that take part in the pooled estimate
    missing : why it could not be measured
    i2 : share of the variation between cells that errors do not explain
    p_corrected, verdict : set by `judge`
    detectable, needed : the effect that so many photos show in 80 of 100 repetitions, and the photos that one as
        observed needs, at the level of the first step of Holm's correction
    """

    claim: Claim
    null: float
    found: Pooled
    cells: Sequence[tuple[Cell, Pooled]]
    datasets: Sequence[str] = ()
    missing: str = ""
    i2: float = math.nan
    p_corrected: float = math.nan
    verdict: str = NOT_MEASURED
    detectable: float = math.nan
    needed: float = math.nan


@dataclass(frozen=True)
class Across:
    """The claim that one result holds in every data set under every network.

    Attributes
    ----------
    cells : of how many data sets and networks, and in how many the result is on the claimed side
    p : that of the weakest cell where all are on the claimed side, else that of the strongest of those that are not,
        times the number of cells
    """

    verdict: str
    cells: int
    agreeing: int
    datasets: int
    networks: int
    p: float
    missing: str = ""
    p_corrected: float = math.nan


def judge(
    claims: Sequence[Claim],
    cells: Sequence[Cell],
    nulls: Mapping[str, float],
    alpha: float,
    level: float,
    across: str,
    least: tuple[int, int],
) -> tuple[list[Judged], Across]:
    """Verdicts on all claims, and on whether one of them holds everywhere.

    Parameters
    ----------
    cells : of every claim, data set and network
    nulls : null value by `Claim.threshold`; of "" it is 0
    alpha : of the corrected p-values; also of what an undecided claim could have shown, over the number of tests
    level : of the intervals
    across : name of the claim that is asked to hold in every cell
    least : data sets and networks that it needs
    """
    of_claim = {claim.name: [cell for cell in cells if cell.claim == claim.name] for claim in claims}
    found = [_pooled(claim, of_claim[claim.name], nulls.get(claim.threshold, 0.0), level) for claim in claims]
    everywhere = _across(next(each for each in found if each.claim.name == across), least)
    corrected = holm_correction([*(each.found.p for each in found), everywhere.p])
    decided = [_decided(each, p, alpha, len(found) + 1) for each, p in zip(found, corrected.tolist(), strict=False)]
    return decided, _everywhere(everywhere, float(corrected[-1]), alpha)


def _pooled(claim: Claim, cells: Sequence[Cell], null: float, level: float) -> Judged:
    each = [(cell, pool([np.asarray(cell.values, np.float64)], null, level)) for cell in cells]
    samples = {
        dataset: photo_means([cell for cell in cells if cell.dataset == dataset])
        for dataset in dict.fromkeys(cell.dataset for cell in cells)
    }
    kept = {dataset: sample for dataset, sample in samples.items() if len(sample) >= LEAST_PHOTOS}
    if not kept:
        return Judged(claim, null, UNKNOWN, each, missing=_why(cells, samples))
    known = [one for _, one in each if one.n > 1]
    i2 = heterogeneity(np.array([one.value for one in known]), np.array([one.se for one in known]))
    return Judged(claim, null, pool(list(kept.values()), null, level), each, list(kept), i2=i2)


def photo_means(cells: Sequence[Cell]) -> NDArray[np.float64]:
    """The mean over networks of each photo that has a value under one, in the order of their ids."""
    together = pd.concat([cell.values for cell in cells], axis=1) if cells else pd.DataFrame()
    return together.sort_index().mean(axis=1).to_numpy(np.float64)


def _why(cells: Sequence[Cell], samples: Mapping[str, NDArray[np.float64]]) -> str:
    few = [
        f"{len(sample)} {'photo' if len(sample) == 1 else 'photos'} of {dataset}"
        for dataset, sample in samples.items()
        if len(sample)
    ]
    if few:
        return f"{', '.join(few)}; a data set needs {LEAST_PHOTOS}, from which on the test holds its level"
    return "; ".join(dict.fromkeys(cell.missing for cell in cells if cell.missing)) or "no data set"


def _decided(judged: Judged, p: float, alpha: float, n_tests: int) -> Judged:
    found = judged.found
    if judged.missing:
        return judged
    verdict = UNDECIDED
    if p <= alpha:
        verdict = SUPPORTED if (found.value > judged.null) == judged.claim.greater else CONTRADICTED
    strict = alpha / n_tests
    shown, needed = detectable(found, strict), photos_needed(found, judged.null, strict)
    return replace(judged, p_corrected=p, verdict=verdict, detectable=shown, needed=needed)


def _across(judged: Judged, least: tuple[int, int]) -> Across:
    """Before the correction: supported stands for all cells on the claimed side, contradicted for one that is not."""
    known = [(cell, one) for cell, one in judged.cells if one.n >= LEAST_PHOTOS]
    datasets, networks = ({getattr(cell, axis) for cell, _ in known} for axis in ("dataset", "network"))
    sides = [one.value > judged.null if judged.claim.greater else one.value < judged.null for _, one in known]
    counts = len(known), sum(sides), len(datasets), len(networks)
    if len(datasets) < least[0] or len(networks) < least[1]:
        why = f"data sets of {LEAST_PHOTOS} photos: {len(datasets)} of {least[0]} needed"
        return Across(NOT_MEASURED, *counts, math.nan, f"{why}; networks: {len(networks)} of {least[1]}")
    others = [one.p for (_, one), side in zip(known, sides, strict=True) if not side]
    p = min(1.0, len(known) * min(others)) if others else max(one.p for _, one in known)
    return Across(CONTRADICTED if others else SUPPORTED, *counts, p)


def _everywhere(across: Across, p: float, alpha: float) -> Across:
    undecided = across.verdict != NOT_MEASURED and not p <= alpha
    return replace(across, p_corrected=p, verdict=UNDECIDED if undecided else across.verdict)
