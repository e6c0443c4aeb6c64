"""A claim held against one data set and network."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.claims.claims import UNDECIDED
from nas.statistics import Resampling, bootstrap_p_value, interval, interval_of, sign_flip_p_value

ROUNDING = 1e-12  # averages of numbers near 1 that differ by less are the same


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
    missing : why it could not be measured, "" where it was
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
    missing: str = ""
    p_corrected: float = math.nan
    verdict: str = UNDECIDED


def of_differences(
    claim: str, dataset: str, network: str, differences: ArrayLike, resampling: Resampling, missing: str
) -> Finding:
    """The test that a mean over photos is 0: bootstrap interval, sign-flip p-value; NaN are left out.

    Parameters: `missing`, why, where there is nothing else.
    """
    found = interval(differences, *resampling)
    p = sign_flip_p_value(differences, seed=resampling.seed)
    why = "" if found.n else missing
    return Finding(claim, dataset, network, found.value, found.low, found.high, 0.0, p, found.n, why)


def of_replicates(
    claim: str, dataset: str, network: str, scores: NDArray[np.float64], null: float, n: int, level: float, missing: str
) -> Finding:
    """The test that a statistic of n photos has the value `null`, from its replicates, see `interval_of`.

    Without an interval or a p-value for a single photo, and where the statistic of the sample is NaN.

    Parameters: `missing`, why, where it is NaN.
    """
    kept = np.concatenate([scores[:1], scores[1:][~np.isnan(scores[1:])]])
    if n < 2 or kept.size < 2 or math.isnan(kept[0]):
        why = missing if math.isnan(kept[0]) else ""
        return Finding(claim, dataset, network, float(kept[0]), math.nan, math.nan, null, math.nan, n, why)
    found, beyond = interval_of(kept, n, level), kept - null
    p = bootstrap_p_value(np.where(np.abs(beyond) < ROUNDING, 0, beyond))
    return Finding(claim, dataset, network, found.value, found.low, found.high, null, p, n)
