"""KernelSHAP over the regions of a region map."""

from math import comb

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.perturbation import Score, _over_regions


def kernel_shap(
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    *,
    batch_size: int,
    regions: Tensor,
    n_samples: int,
    baseline: str,
    output: str,
    seed: int,
) -> Tensor:
    """Shapley values of the regions by weighted linear regression (Lundberg and Lee 2017, theorem 2).

    The values of an image's regions sum exactly to its score less that of `baseline`. They are exact for M regions
    where 2^M - 2 is at most `n_samples`: all coalitions are scored. Otherwise coalitions are drawn by the Shapley
    kernel in pairs of complements (Covert and Lee 2021).

    Raises
    ------
    ValueError : fewer samples than 2 (M - 1), too few to determine M values
    """
    least = 2 * int(regions.max())
    if n_samples < least:
        raise ValueError(
            f"n_samples is {n_samples}, but an image has {least // 2 + 1} regions; kernel_shap needs at least {least} "
            "samples: give more, or a coarser region map"
        )

    def values(n_regions: int, score: Score) -> NDArray[np.float64]:
        ends = score(np.repeat([[False], [True]], n_regions, axis=1))
        gain = ends[1] - ends[0]
        if n_regions == 1:
            return np.array([gain])
        kept, weights = coalitions(n_regions, n_samples, seed)
        # the sum of the values is known, so the last one is eliminated
        rows = kept[:, :-1].astype(float) - kept[:, -1:]
        heights = score(kept) - ends[0] - kept[:, -1] * gain
        model = LinearRegression(fit_intercept=False).fit(rows, heights, sample_weight=weights)
        return np.append(model.coef_, gain - model.coef_.sum())

    return _over_regions(values, classifier, x, target, batch_size, regions, baseline, output)


def coalitions(n_regions: int, n_samples: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Sets of kept regions (n, n_regions), neither none nor all, and their weights (n,) in the regression."""
    sizes = np.arange(1, n_regions)
    if 2**n_regions - 2 <= n_samples:
        kept = (np.arange(1, 2**n_regions - 1)[:, None] >> np.arange(n_regions)) % 2 == 1
        kernel = np.array([1 / (comb(n_regions, int(size)) * size * (n_regions - size)) for size in sizes])
        return kept, kernel[kept.sum(axis=1) - 1]
    random = np.random.default_rng(seed)
    odds = 1 / (sizes * (n_regions - sizes))
    drawn = random.choice(sizes, size=n_samples // 2, p=odds / odds.sum())
    ranks = random.random((len(drawn), n_regions)).argsort(axis=1).argsort(axis=1)
    kept = ranks < drawn[:, None]
    return np.concatenate([kept, ~kept]), np.ones(2 * len(drawn))
