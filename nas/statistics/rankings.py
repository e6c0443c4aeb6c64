"""Rank correlations, of values and of the rankings of methods, with bootstrap intervals over images."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from nas.statistics.bootstrap import Array, Estimate, _pair, resample_counts


def kendall_tau(a: ArrayLike, b: ArrayLike, axis: int = -1) -> Any:
    """Kendall's tau-b of `a` and `b` (same shape) along `axis`, corrected for ties; a float for vectors.

    Pairs with a NaN are dropped; NaN where fewer than two pairs are left or either side is all equal.
    """
    return _rank_correlation(lambda x, y: stats.kendalltau(x, y).statistic, a, b, axis)


def spearman(a: ArrayLike, b: ArrayLike, axis: int = -1) -> Any:
    """Spearman's rank correlation of `a` and `b` along `axis`; shapes and NaN as in `kendall_tau`."""
    return _rank_correlation(lambda x, y: stats.spearmanr(x, y).statistic, a, b, axis)


def _rank_correlation(correlate: Callable[[Array, Array], Any], a: ArrayLike, b: ArrayLike, axis: int) -> Any:
    a, b = _pair(a, b)

    def complete(x: Array, y: Array) -> float:
        kept = ~(np.isnan(x) | np.isnan(y))
        x, y = x[kept], y[kept]
        if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
            return np.nan
        return float(correlate(x, y))

    along = np.vectorize(complete, signature="(n),(n)->()", otypes=[np.float64])
    return along(np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1))[()]


class TauMatrix(NamedTuple):
    """Kendall's tau-b between settings, (S, S) each, with its bootstrap interval from low to high."""

    tau: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def pairwise_tau(scores: ArrayLike, level: float = 0.95, n_resamples: int = 1000, seed: int = 0) -> TauMatrix:
    """How far the settings of a benchmark agree on the ranking of methods.

    Parameters
    ----------
    scores : (S settings, N images, M methods), as in `ranking_replicates`
    level : confidence of the intervals, between 0 and 1
    n_resamples : bootstrap resamples of the images

    Returns
    -------
    Kendall's tau-b between each two settings, with percentile intervals. NaN where a setting ranks all
    methods equal; such resamples are left out. One image has intervals of NaN.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}: give a confidence between 0 and 1, such as 0.95")
    taus = ranking_replicates(scores, n_resamples, seed)
    if np.shape(scores)[1] < 2:
        return TauMatrix(taus[0], np.full_like(taus[0], np.nan), np.full_like(taus[0], np.nan))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # settings that are NaN throughout
        low, high = np.nanquantile(taus[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return TauMatrix(taus[0], low, high)


def ranking_replicates(scores: ArrayLike, n_resamples: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """Kendall's tau-b between the rankings of methods, for all images, then for each bootstrap resample of them.

    Parameters
    ----------
    scores : (S settings, N images, M methods), higher is better: an area under LeRF as it is, one under MoRF
        negated. Methods are ranked by their mean over images.
    n_resamples : bootstrap resamples of the images, the same for every setting

    Returns
    -------
    (1 + n_resamples, S, S), NaN where a setting ranks all methods equal

    All pairs and resamples are found at once: with s the signs of the M (M - 1) / 2 differences between
    methods, tau-b is s . t / sqrt(s . s  t . t), exact with ties.
    """
    scores = check_finite(scores, 3)
    a, b = np.triu_indices(scores.shape[2], k=1)
    # differences before sums: methods with equal scores tie exactly, whatever the rounding of the product
    samples, resamples = [], []
    for setting in scores:
        differences = setting[:, a] - setting[:, b]
        samples.append(differences.sum(axis=0))
        counted = [counts @ differences for counts in resample_counts(len(setting), n_resamples, seed)]
        resamples.append(np.concatenate(counted))
    return np.concatenate([_tau(np.stack(samples))[None], _tau(np.stack(resamples, axis=1))])


def photo_taus(scores: ArrayLike) -> NDArray[np.float64]:
    """Kendall's tau-b between the rankings of methods on each image alone.

    No images are averaged or drawn, so that nothing but the settings makes the rankings of an image differ.

    Parameters: `scores` (S settings, N images, M methods), as in `ranking_replicates`.

    Returns: (N, S, S), NaN where a setting ranks all methods of the image equal.
    """
    scores = check_finite(scores, 3)
    a, b = np.triu_indices(scores.shape[2], k=1)
    return _tau((scores[..., a] - scores[..., b]).swapaxes(0, 1))


def ranking_agreement(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Kendall's tau-b between the rankings of methods by two scores, such as AUC-LeRF and AUROC against masks.

    Parameters
    ----------
    a, b : (N images, M methods), the same images and methods, higher is better; their scales may differ
    level, n_resamples, seed : of the bootstrap over images, as in `pairwise_tau`

    Returns
    -------
    tau, in [-1, 1], of the means over images, its interval, and the number of images
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}; give the scores of the same images and methods")
    tau, low, high = (float(matrix[0, 1]) for matrix in pairwise_tau(np.stack([a, b]), level, n_resamples, seed))
    return Estimate(tau, low, high, len(a))


def _tau(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tau-b (..., S, S) of the settings from the differences between methods (..., S, pairs)."""
    signs = np.sign(differences).astype(np.float32)
    agreement = (signs @ signs.swapaxes(-1, -2)).astype(np.float64)
    untied = np.diagonal(agreement, axis1=-2, axis2=-1)
    norms = np.sqrt(untied[..., :, None] * untied[..., None, :])
    tau = np.full_like(agreement, np.nan)
    np.divide(agreement, norms, out=tau, where=norms > 0)
    return tau


def check_finite(scores: ArrayLike, ndim: int) -> NDArray[np.float64]:
    """Scores in float64; raises ValueError unless they are finite, not empty, of at least so many axes."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim < ndim or scores.size == 0 or not np.isfinite(scores).all():
        raise ValueError(
            f"scores has shape {scores.shape}; give at least {ndim} axes, not empty, of finite values: "
            "leave out images that lack a score for any method"
        )
    return scores
