"""The test of a mean over photos, pooled over data sets, that holds its level for skewed values too.

Student's t rejects too often where values are skewed, and Hall's transformation of it (1992, J. R. Statist. Soc. B 54),
which takes the skewness out, where their tails are long. The larger of the two p-values holds its level for both, and
the interval is the hull of the two. Neither has a smallest p-value but the one that signs allow.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from nas.statistics.bootstrap import Array
from nas.statistics.resampling import POWER, ROUNDING


class Pooled(NamedTuple):
    """A mean over photos of data sets that weigh the same.

    value, low, high : the mean of the means, and its interval; NaN where a data set has fewer than two photos
    p : two-sided p-value of `null`
    se : standard error
    df : degrees of freedom, after Satterthwaite
    n : photos
    """

    value: float
    low: float
    high: float
    p: float
    se: float
    df: float
    n: int


def pool(samples: Sequence[Array], null: float = 0.0, level: float = 0.95) -> Pooled:
    """Test that the mean of the means of data sets is `null`.

    Parameters
    ----------
    samples : for each data set the values of its photos, finite, (n,)
    level : of the interval

    Returns
    -------
    The pooled mean. p is at least 2 to the power of 1 - m, m the photos whose value is not `null`: what the test of
    signs could give at best. Where all values are equal it is that, or 1 if they are `null`, and the interval has no
    length.

    >>> pool([np.array([0.1, 0.3, 0.2, 0.2])]).value.__round__(3)
    0.2
    """
    n = sum(map(len, samples))
    value = float(np.mean([sample.mean() for sample in samples])) if samples and min(map(len, samples)) else np.nan
    if not samples or min(map(len, samples)) < 2:
        return Pooled(value, np.nan, np.nan, np.nan, np.nan, np.nan, n)
    moments = np.array([_moments(sample) for sample in samples]) / np.array([len(samples) ** 2, len(samples) ** 3])
    variance, third = moments.sum(axis=0)
    se = float(np.sqrt(variance))
    if se <= ROUNDING:
        se, third, df = 0.0, 0.0, float(n - len(samples))
    else:
        sizes = np.array([len(sample) - 1 for sample in samples])
        df = float(variance**2 / (moments[:, 0] ** 2 / sizes).sum())
    skewness = third / se**3 if se else 0.0
    quantile = float(special.stdtrit(df, (1 + level) / 2))
    turned = _back(np.array([-quantile, quantile]), skewness)
    low, high = value - se * max(quantile, turned[1]), value + se * max(quantile, -turned[0])
    apart = value - null if abs(value - null) > ROUNDING else 0.0
    beyond = apart / se if se else math.copysign(math.inf, apart) if apart else 0.0
    unequal = sum(int(np.count_nonzero(np.abs(sample - null) > ROUNDING)) for sample in samples)
    return Pooled(value, low, high, _p_value(beyond, skewness, df, unequal), se, df, n)


def detectable(found: Pooled, alpha: float, power: float = POWER) -> float:
    """The smallest effect that so many photos show at the level `alpha` in a share `power` of repetitions."""
    return float(found.se * (special.stdtrit(found.df, 1 - alpha / 2) + special.ndtri(power)))


def photos_needed(found: Pooled, null: float, alpha: float, power: float = POWER) -> float:
    """Photos, over all data sets, that an effect as observed would need to be shown in a share `power` of repetitions.

    Infinity where there is no effect.
    """
    effect = abs(found.value - null)
    if effect <= ROUNDING:
        return np.inf
    deviations = found.se * np.sqrt(found.n) / effect
    return float(np.ceil((deviations * (special.ndtri(1 - alpha / 2) + special.ndtri(power))) ** 2))


def heterogeneity(values: Array, errors: Array) -> float:
    """I² of estimates with standard errors (Higgins and Thompson 2002), in [0, 1]; NaN for fewer than two.

    The share of the variation between them that their errors do not explain. Estimates of the same photos under several
    networks are not independent, so that it describes and tests nothing.
    """
    known = np.isfinite(values) & (errors > 0)
    if known.sum() < 2:
        return float("nan")
    weights = errors[known] ** -2.0
    q = float((weights * (values[known] - np.average(values[known], weights=weights)) ** 2).sum())
    return max(0.0, 1 - (known.sum() - 1) / q) if q > 0 else 0.0


def _moments(sample: Array) -> NDArray[np.float64]:
    """Variance and third cumulant of the mean of a sample; the latter is 0 for fewer than three values."""
    n, deviations = len(sample), sample - sample.mean()
    third = (deviations**3).sum() / (n * (n - 1) * (n - 2)) if n > 2 else 0.0
    return np.array([(deviations**2).sum() / (n * (n - 1)), third])


def _p_value(beyond: float, skewness: float, df: float, unequal: int) -> float:
    least = min(1.0, 2.0 ** (1 - unequal)) if beyond else 1.0
    if not np.isfinite(beyond) or not beyond:
        return least
    turned = beyond + skewness * beyond**2 / 3 + skewness**2 * beyond**3 / 27 + skewness / 6
    return float(max(least, *(2 * special.stdtr(df, -abs(t)) for t in (beyond, turned))))


def _back(quantiles: Array, skewness: float) -> Array:
    """The inverse of Hall's transformation, which is monotone."""
    if abs(skewness) < 1e-9:
        return quantiles
    return np.asarray(3 / skewness * (np.cbrt(1 + skewness * (quantiles - skewness / 6)) - 1))
