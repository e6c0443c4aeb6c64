"""Many tests at once: Holm's correction of p-values."""

import numpy as np
from numpy.typing import ArrayLike

from nas.statistics.bootstrap import Array


def holm_correction(p_values: ArrayLike) -> Array:
    """Holm's (1979) adjusted p-values, same shape: reject at family-wise level alpha where they are <= alpha.

    The i-th smallest of m (from 0) becomes the largest of (m - j) p_j over j <= i, at most 1. NaN stay NaN
    and do not count among the m tests.

    >>> holm_correction([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    if np.any((p < 0) | (p > 1)):
        raise ValueError(f"p_values lie in [{np.nanmin(p)}, {np.nanmax(p)}]; give values in [0, 1]")
    adjusted = p.ravel().copy()
    order = np.argsort(adjusted, kind="stable")[: np.count_nonzero(~np.isnan(adjusted))]
    steps = np.arange(order.size, 0, -1) * adjusted[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.reshape(p.shape)
