"""The area under a relevance curve, and the mean of curves."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.statistics import resample_counts

if TYPE_CHECKING:  # a summary needs no torch
    from nas.relevance.curves import RelevanceCurve

# of the pixels removed, where curves with steps of their own are averaged
FRACTIONS = np.linspace(0, 1, 21)


def area(curve: "RelevanceCurve[Any]") -> float:
    """Area under a relevance curve, trapezoid over fractions 0 to 1: in [0, 1]."""
    return float(np.trapezoid(curve.probabilities, curve.fractions))


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
