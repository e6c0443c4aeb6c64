"""A claim held against one data set and network."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.claims.claims import UNDECIDED
from nas.statistics import bootstrap_p_value, interval, interval_of, sign_flip_p_value


@dataclass(frozen=True)
class Finding:
    """A claim held against one data set and network.

    Attributes
    ----------
    claim, dataset, network : what was tested on what
    value, low, high : the statistic and its bootstrap interval
    null : its value if there is nothing to the claim
    p : two-sided p-value that the statistic equals `null`; NaN where nothing could be measured
    n : number of photos
    p_corrected, verdict : set by `decide`
    """

    claim: str
    dataset: str
    network: str
    value: float
    low: float
    high: float
    null: float
    p: float
    n: int
    p_corrected: float = math.nan
    verdict: str = UNDECIDED


def of_differences(claim: str, dataset: str, network: str, differences: ArrayLike, level: float, seed: int) -> Finding:
    """The test that a mean over photos is 0: bootstrap interval, sign-flip p-value; NaN are left out."""
    found = interval(differences, level, seed=seed)
    p = sign_flip_p_value(differences, seed=seed)
    return Finding(claim, dataset, network, found.value, found.low, found.high, 0.0, p, found.n)


def of_replicates(
    claim: str, dataset: str, network: str, scores: NDArray[np.float64], null: float, n: int, level: float
) -> Finding:
    """The test that a statistic of n photos has the value `null`, from its replicates, see `interval_of`.

    Without an interval or a p-value for a single photo, and where the statistic of the sample is NaN.
    """
    kept = np.concatenate([scores[:1], scores[1:][~np.isnan(scores[1:])]])
    if n < 2 or kept.size < 2 or math.isnan(kept[0]):
        return Finding(claim, dataset, network, float(kept[0]), math.nan, math.nan, null, math.nan, n)
    found = interval_of(kept, n, level)
    return Finding(claim, dataset, network, found.value, found.low, found.high, null, bootstrap_p_value(kept - null), n)
