"""How well two clusterings of one image agree, and how well they would by chance.

Clusterings of images are smooth, and smooth maps agree somewhat wherever they lie. Chance is therefore taken from
circular shifts: one map is moved over the other by every whole number of rows and columns, around the rim. That
keeps the shapes and sizes of the regions, and removes that they are of the same image.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.special import xlogy

from nas.superpixels import relabel

Array = NDArray[np.float64]
KINDS = ("", "_chance", "_above_chance", "_reached")  # of each measure
MEASURES = [f"{name}{kind}" for name in ("adjusted_rand_index", "v_measure") for kind in KINDS]
ROUNDING = 1e-9  # what two equal tables of overlaps may differ by after sums in another order


class OverShifts(NamedTuple):
    """Measures of two label maps for every circular shift of the first, each (H, W) float64.

    Entry (y, x) is for the first map moved down by y rows and right by x columns; (0, 0) is the maps as they are.
    """

    adjusted_rand_index: Array
    v_measure: Array


class OverChance(NamedTuple):
    """A measure, its mean over all circular shifts, and the share of the shifts that reach at least its value.

    The maps as they are count among the shifts, so that `reached` is at least 1 / (H W): the p-value of the test
    that the one map lies as it may over the other.
    """

    value: float
    chance: float
    reached: float


def clustering_agreement(a: ArrayLike, b: ArrayLike) -> dict[str, OverChance]:
    """Adjusted Rand index and V-measure of two label maps (H, W), by name, each against chance.

    >>> halves = np.repeat([[0, 0, 1, 1]], 4, axis=0)
    >>> clustering_agreement(halves, 1 - halves)["v_measure"].value
    1.0
    """
    found = {}
    for name, values in over_shifts(a, b)._asdict().items():
        value = values[0, 0]
        reached = values >= value - ROUNDING
        found[name] = OverChance(float(value), float(values.mean()), float(reached.mean()))
    return found


def over_shifts(a: ArrayLike, b: ArrayLike) -> OverShifts:
    """Adjusted Rand index and V-measure for every circular shift of `a` over `b`.

    The adjusted Rand index (Hubert and Arabie 1985) is 0 in expectation for random labels and 1 for equal
    clusterings; the V-measure (Rosenberg and Hirschberg 2007, beta 1) is twice the mutual information over the sum
    of the entropies. Both are those of scikit-learn, with its values where a measure is not defined: 1 for two
    maps of one cluster each.

    The overlaps of clusters i and j at all shifts are the cross-correlation of their masks, by the fast Fourier
    transform; they are counts, so that rounding makes them exact.

    Parameters: `a`, `b`, integers, both (H, W); any integer is a label.

    Raises
    ------
    ValueError : maps of unlike shapes, or none
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}: give two label maps of the same shape (H, W)")
    masks_a, masks_b = _masks(a), _masks(b)
    spectra_b = fft.rfft2(masks_b)
    pairs, information = np.zeros(a.shape), np.zeros(a.shape)
    for mask in masks_a:
        overlaps = np.rint(fft.irfft2(np.conj(fft.rfft2(mask)) * spectra_b, s=a.shape))
        pairs += _pairs(overlaps).sum(axis=0)
        information += xlogy(overlaps, overlaps).sum(axis=0)
    sizes_a, sizes_b = masks_a.sum(axis=(1, 2)), masks_b.sum(axis=(1, 2))
    return OverShifts(_adjusted_rand_index(pairs, sizes_a, sizes_b), _v_measure(information, sizes_a, sizes_b))


def _masks(labels: NDArray[np.integer]) -> Array:
    """One mask per label that occurs: (n, H, W) of 0 and 1."""
    ids = relabel(labels)
    return np.asarray(ids == np.arange(ids.max() + 1)[:, None, None], dtype=np.float64)


def _pairs(counts: Array) -> Array:
    return counts * (counts - 1) / 2


def _adjusted_rand_index(pairs: Array, sizes_a: Array, sizes_b: Array) -> Array:
    """(pairs - expected) / (largest - expected), from the pairs of locations that are together in both maps."""
    together_a, together_b = _pairs(sizes_a).sum(), _pairs(sizes_b).sum()
    everything = _pairs(sizes_a.sum())
    expected = together_a * together_b / everything if everything else 0.0
    largest = (together_a + together_b) / 2
    if largest == expected:
        return np.ones_like(pairs)
    return np.asarray((pairs - expected) / (largest - expected))


def _v_measure(information: Array, sizes_a: Array, sizes_b: Array) -> Array:
    """2 I / (H_a + H_b), from the sum of n log n over the overlaps n."""
    n = sizes_a.sum()
    entropy_a, entropy_b = (np.log(n) - xlogy(sizes, sizes).sum() / n for sizes in (sizes_a, sizes_b))
    if min(entropy_a, entropy_b) < ROUNDING:
        return np.full_like(information, float(len(sizes_a) == len(sizes_b) == 1))
    mutual = information / n - np.log(n) + entropy_a + entropy_b
    return np.asarray(np.clip(2 * mutual / (entropy_a + entropy_b), 0, 1))
