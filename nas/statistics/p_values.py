"""p-values: of bootstrap replicates, and of sign flips of paired differences."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from nas.statistics.bootstrap import DRAWN_VALUES, Array


def bootstrap_p_value(scores: Array) -> float:
    """Two-sided p-value that a statistic is 0, from its replicates (1 + n_resamples,), see `interval_of`.

    Twice the smaller share of the resamples on either side of 0, those at 0 on both, the sample itself counted
    in, so that it is never 0 (Davison and Hinkley 1997, section 4.4). It is below 1 - level about when the
    percentile interval leaves 0 out.
    """
    replicates = scores[1:]
    tail = min(np.count_nonzero(replicates <= 0), np.count_nonzero(replicates >= 0))
    return float(min(1.0, 2 * (1 + tail) / (1 + replicates.size)))


def sign_flip_p_value(differences: ArrayLike, n_permutations: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of the sign-flip permutation test that paired differences are symmetric about 0.

    All 2^n patterns of signs are counted, exactly, where they are no more than `n_permutations` (n up to 13
    by default); otherwise that many random ones are, and the sample is added to them (Phipson & Smyth 2010),
    so p is never 0. NaN are dropped; without values p is NaN.
    """
    values = np.ravel(np.asarray(differences, dtype=np.float64))
    values = values[~np.isnan(values)]
    if n_permutations < 1:
        raise ValueError(f"n_permutations is {n_permutations}; give 1 or more")
    if values.size < 2:
        return 1.0 if values.size else np.nan
    test = stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        n_resamples=n_permutations,
        batch=max(1, DRAWN_VALUES // values.size),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(test.pvalue)
