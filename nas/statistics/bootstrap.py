"""How sure is a number: bootstrap intervals of means, ratios, and paired differences.

Every function draws from a fresh `np.random.default_rng(seed)`, so a result depends on its own values and
seed alone: adding a method to a table changes no other row.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]
# counts of resamples held at once, 16 MB of float32
BATCH_VALUES = 2**22
# values held at once while resampling otherwise, 4 MB of float64, a few times over
DRAWN_VALUES = 2**19


class Estimate(NamedTuple):
    """A statistic of a sample, its bootstrap interval from low to high, and the number of observations n."""

    value: float
    low: float
    high: float
    n: int


def interval(values: ArrayLike, level: float = 0.95, n_resamples: int = 2000, seed: int = 0) -> Estimate:
    """Mean of `values` (any shape), with its percentile bootstrap interval at the confidence `level`.

    Percentile rather than BCa: it is defined for values that are all equal, as hits and misses may be. NaN
    are dropped; n says how many were left. One value has the interval (NaN, NaN); none gives NaN throughout.

    >>> interval([0.5, 0.5, float("nan")])
    Estimate(value=0.5, low=0.5, high=0.5, n=2)
    """
    return bootstrap_statistic(np.mean, np.ravel(values), level=level, n_resamples=n_resamples, seed=seed)


def paired_bootstrap(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Mean of a - b over pairs, with its percentile bootstrap interval; pairs are drawn as one.

    Pairs with a NaN are dropped; otherwise as `interval`. Raises ValueError for unequal shapes.
    """
    a, b = _pair(a, b)
    return interval(a - b, level, n_resamples, seed)


def bootstrap_statistic(
    statistic: Callable[..., Any],
    *arrays: ArrayLike,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Percentile bootstrap interval of any statistic of observations.

    Parameters: `arrays`, each (..., n), the observations along the last axis, drawn with replacement, the
    same ones in every array; `statistic(*arrays, axis=-1)`, one number for arrays (..., n) and, vectorized,
    one for each resample for arrays (..., n_resamples, n), as `np.mean` gives for one array (n,) and
    `kendall_tau` for two; `level`, between 0 and 1.

    Returns: the statistic, its interval, and n, the observations without a NaN in any array, the only ones
    used. Resamples for which the statistic is NaN (the correlation of equal values) are left out. One
    observation has the interval (NaN, NaN); none gives NaN throughout.

    >>> from nas.statistics import kendall_tau
    >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> round(bootstrap_statistic(kendall_tau, x, x**2, n_resamples=100).low, 6)
    1.0
    """
    samples = [np.asarray(array, dtype=np.float64) for array in arrays]
    shapes = [sample.shape for sample in samples]
    if len({shape[-1:] for shape in shapes}) != 1 or () in shapes:
        raise ValueError(f"arrays have the shapes {shapes}; give one or more arrays (..., n) of the same n")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a confidence between 0 and 1, such as 0.95")
    _check(n_resamples)
    missing = [np.isnan(sample).any(axis=tuple(range(sample.ndim - 1))) for sample in samples]
    samples = [sample[..., ~np.any(missing, axis=0)] for sample in samples]
    n = samples[0].shape[-1]
    value = float(statistic(*samples, axis=-1)) if n else np.nan
    if n < 2:
        return Estimate(value, np.nan, np.nan, n)

    def resampled(index: NDArray[np.int64], axis: int) -> Any:
        return statistic(*[sample[..., index] for sample in samples], axis=axis)

    largest = max(sample.size for sample in samples)
    with warnings.catch_warnings(category=stats.DegenerateDataWarning, action="ignore"):
        replicates = stats.bootstrap(
            (np.arange(n),),
            resampled,
            n_resamples=n_resamples,
            batch=max(1, DRAWN_VALUES // largest),
            vectorized=True,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    replicates = replicates[~np.isnan(replicates)]
    if replicates.size == 0:
        return Estimate(value, np.nan, np.nan, n)
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n)


def resample_counts(n: int, n_resamples: int, seed: int = 0) -> Iterable[NDArray[np.float32]]:
    """How often each of n observations is in each bootstrap resample, in blocks (up to n_resamples, n).

    A sum over a resample is then a product of matrices. The same arguments give the same resamples, so that scores
    of several methods on them are paired.
    """
    _check(n_resamples)
    return [_only_block(n, n_resamples, seed)] if n * n_resamples <= BATCH_VALUES else _blocks(n, n_resamples, seed)


def resample_parts(
    n: int, n_resamples: int, seed: int = 0, largest: int | None = None
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The counts of `resample_counts`, of some observations at a time: which these are, and (n_resamples, of them).

    So that the sums over the resamples need a few observations in memory. The resamples are drawn anew for each
    2**22 counts. At most `largest` observations come at once.
    """
    _check(n_resamples)
    held = n if n * n_resamples <= BATCH_VALUES else max(1, BATCH_VALUES // n_resamples)
    for first in range(0, n, held):
        part = slice(first, min(first + held, n))
        counts = _only_block(n, n_resamples, seed) if held == n else _counts(n, n_resamples, seed, part)
        step = largest or held
        for start in range(first, part.stop, step):
            stop = min(start + step, part.stop)
            yield slice(start, stop), counts[:, start - first : stop - first]


def _check(n_resamples: int) -> None:
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}; give 1 or more")


@lru_cache(maxsize=2)
def _only_block(n: int, n_resamples: int, seed: int) -> NDArray[np.float32]:
    return _counts(n, n_resamples, seed, slice(0, n))


def _counts(n: int, n_resamples: int, seed: int, part: slice) -> NDArray[np.float32]:
    """How often each observation of a part is in each resample, (n_resamples, of the part)."""
    width = part.stop - part.start
    counts = np.empty((n_resamples, width), np.float32)
    for start, drawn in _draws(n, n_resamples, seed):
        cells = drawn - part.start + width * np.arange(len(drawn))[:, None]
        cells = cells[(drawn >= part.start) & (drawn < part.stop)]
        found = np.bincount(cells, minlength=len(drawn) * width)
        counts[start : start + len(drawn)] = found.reshape(len(drawn), width)
    return counts


def _blocks(n: int, n_resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    for _, drawn in _draws(n, n_resamples, seed):
        yield np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float32)


def _draws(n: int, n_resamples: int, seed: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The observations in each resample, some resamples (m, n) at a time, and the number of the first."""
    generator = np.random.default_rng(seed)
    rows = max(1, DRAWN_VALUES // n)
    for start in range(0, n_resamples, rows):
        yield start, generator.integers(n, size=(min(rows, n_resamples - start), n))


def interval_of(scores: Array, n: int, level: float = 0.95) -> Estimate:
    """The interval of a statistic from its replicates.

    Parameters: `scores`, the statistic of all n observations, then of each resample that has one, (1 + m,). One
    observation, or no resample, has the interval (NaN, NaN).
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a confidence between 0 and 1, such as 0.95")
    if n < 2 or len(scores) < 2:
        return Estimate(float(scores[0]), np.nan, np.nan, n)
    low, high = np.quantile(scores[1:], [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(scores[0]), float(low), float(high), n)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}; give pairs, arrays of the same shape")
    return a, b
