"""The area under a relevance curve, where it halves, and the mean of curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.statistics import resample_counts
from nas.store import Shards

if TYPE_CHECKING:  # a summary needs no torch
    from nas.relevance.curves import RelevanceCurve

# of the pixels removed, where curves with steps of their own are averaged
FRACTIONS = np.linspace(0, 1, 21)
PHOTOS = 1024  # whose curves are read at a time


def area(curve: "RelevanceCurve[Any]") -> float:
    """Area under a relevance curve, trapezoid over fractions 0 to 1: in [0, 1]."""
    return float(np.trapezoid(curve.probabilities, curve.fractions))


def removable_shares(stored: Shards, names: Sequence[str]) -> NDArray[np.float64]:
    """The share of pixels that can go before the probability halves, mean over the curves `names` of each photo: (n,).

    Between the `FRACTIONS` of the stored curves it is interpolated. 1 where the probability never falls to half, and 0
    where there was none.

    Parameters: `stored`, what the stage `relevance` wrote; `names`, DIRECTION/ORDER/REPLACEMENT/METHOD.
    """
    total = np.zeros(len(stored.ids))
    for start in range(0, len(stored.ids), PHOTOS):
        part = slice(start, start + PHOTOS)
        curves = stored.read(stored.ids[part], names)
        total[part] = sum(halving(curves[name]) for name in names)
    return total / len(names)


def halving(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where curves (N, P) at `FRACTIONS` first are at half their first value, (N,), interpolated; 1 if nowhere."""
    half = curves[:, :1] / 2
    low = curves <= half
    after = np.where(low.any(axis=1), low.argmax(axis=1), 0)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(curves))
    fall = curves[rows, before] - curves[rows, after]
    share = np.divide(curves[rows, before] - half[:, 0], fall, out=np.zeros(len(curves)), where=fall > 0)
    found = FRACTIONS[before] + share * (FRACTIONS[after] - FRACTIONS[before])
    return np.asarray(np.where(low.any(axis=1), found, 1.0))


class Band(NamedTuple):
    """A mean curve, `value` (P,), and its pointwise bootstrap interval from low to high, (P,) each."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def mean_curve(curves: ArrayLike, level: float = 0.95, n_resamples: int = 2000, seed: int = 0) -> Band:
    """Mean of curves (N, P) of N images, on P fractions that they share, with its bootstrap interval at `level`.

    The images are drawn whole, so that a resample is one curve. One image has an interval of NaN.
    """
    curves = np.asarray(curves, dtype=np.float64)
    if curves.ndim != 2 or curves.size == 0:
        raise ValueError(f"curves has shape {curves.shape}; give (N images, P fractions), not empty")
    mean, n = curves.mean(axis=0), len(curves)
    if n < 2:
        return Band(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    resampled = np.concatenate([counts @ curves / n for counts in resample_counts(n, n_resamples, seed)])
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Band(mean, low, high)
