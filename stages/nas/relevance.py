"""LeRF and MoRF relevance curves (after Samek et al. 2017, doi 10.1109/TNNLS.2016.2599820).

The least (LeRF) or most (MoRF) relevant part of an image is removed first, and the softmax probability of the
originally predicted class is followed against the fraction of pixels removed. A good saliency map has a large
area under the LeRF curve and a small one under the MoRF curve.

A *removal order* is an integer map (H, W): the step, 0 to n - 1, at which each pixel is removed. The forward
passes are the cost, so an image that several curves have in common is evaluated once.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from nas.durations import timed
from nas.regions import check, means, relabel
from nas.statistics import resample_counts

if TYPE_CHECKING:
    from nas.classifiers import Classifier

Name = TypeVar("Name", bound=Hashable)
Order = NDArray[np.int32]
Predict = Callable[[Tensor], Tensor]
Replacement = Callable[[Tensor], Tensor]


def tiles(height: int, width: int, side: int = 8) -> NDArray[np.int32]:
    """Region map (height, width) of square tiles; those at the right and lower border may be cut."""
    if min(height, width, side) < 1:
        raise ValueError(f"height, width and side are {height}, {width} and {side}: each is at least 1 pixel")
    rows, columns = np.arange(height, dtype=np.int32) // side, np.arange(width, dtype=np.int32) // side
    return np.asarray(rows[:, None] * (columns[-1] + 1) + columns)


def removal_order(
    saliency: ArrayLike, regions: ArrayLike | None = None, n_steps: int = 32, first: str = "least"
) -> Order:
    """The step at which each pixel is removed.

    Parameters
    ----------
    saliency : (H, W), finite
    regions : label map (H, W) of the parts that are removed whole, ranked by their mean saliency; None for
        single pixels
    n_steps : the most steps. Up to as many parts have a step each. More are grouped along the ranking into
        steps of nearly equal numbers of pixels: the part whose middle is the fraction f of the ranked pixels
        goes into step floor(f n_steps).
    first : "least" relevant (LeRF) or "most" relevant (MoRF)

    Returns
    -------
    int32 (H, W), steps contiguous from 0. In both directions, of equally relevant parts the one that appears
    first in raster order goes first. Means of regions are equal if they agree to 12 decimals of the map's
    largest magnitude: sums of different lengths round differently.

    Examples
    --------
    >>> removal_order([[3.0, 1.0], [2.0, 1.0]])
    array([[3, 0],
           [2, 1]], dtype=int32)
    """
    saliency = np.asarray(saliency, dtype=np.float64)
    if saliency.ndim != 2 or saliency.size == 0 or not np.isfinite(saliency).all():
        raise ValueError(f"saliency has shape {saliency.shape}; give one map (H, W) of finite values, not empty")
    if n_steps < 1:
        raise ValueError(f"n_steps is {n_steps}: give at least 1")
    if first not in ("least", "most"):
        raise ValueError(f"first is {first!r}: allowed are 'least' (LeRF) and 'most' (MoRF)")
    parts = np.arange(saliency.size, dtype=np.int32).reshape(saliency.shape)
    relevance = saliency.ravel()
    if regions is not None:
        parts = relabel(regions)
        relevance = np.round(means(saliency, parts) / max(np.abs(saliency).max(), np.finfo(float).tiny), 12)
    ranking = np.argsort(relevance if first == "least" else -relevance, kind="stable")
    pixels = np.bincount(parts.ravel())[ranking]
    groups = np.arange(len(ranking))
    if len(ranking) > n_steps:
        middles = 2 * np.cumsum(pixels) - pixels
        groups = np.unique(middles * n_steps // (2 * saliency.size), return_inverse=True)[1]
    steps = np.empty(len(ranking), dtype=np.int32)
    steps[ranking] = groups
    return steps[parts]


def channel_mean(x: Tensor) -> Tensor:
    """Each channel's mean over the image: (B, C, H, W) to the same shape."""
    return x.mean(dim=(2, 3), keepdim=True).expand_as(x)


def zero(x: Tensor) -> Tensor:
    """Zero after normalization: the mean color of the network's training images."""
    return torch.zeros_like(x)


def blur(x: Tensor, sigma: float = 10.0) -> Tensor:
    """Gaussian blur, `sigma` in pixels of the input; mirrored at the border (scipy's mode "reflect")."""
    rows, columns = (_gaussian_matrix(side, sigma).to(x) for side in x.shape[2:])
    return rows @ x @ columns.mT


@cache
def _gaussian_matrix(side: int, sigma: float) -> Tensor:
    return torch.from_numpy(gaussian_filter1d(np.eye(side), sigma, axis=0, mode="reflect"))


REPLACEMENTS: dict[str, Replacement] = {"mean": channel_mean, "zero": zero, "blur": blur}


@dataclass(frozen=True, eq=False)
class RelevanceCurve(Generic[Name]):
    """The probability of a class while an image is removed.

    image : its index in the batch
    order, replacement : their names
    target : the class
    fractions : (n + 1,), fraction of pixels removed, from 0 to 1
    probabilities : (n + 1,), softmax probability of the target. It is not divided by the first value, so an
        image whose target has probability 0 throughout has a curve of zeros, of area 0.
    """

    image: int
    order: Name
    replacement: str
    target: int
    fractions: NDArray[np.float64]
    probabilities: NDArray[np.float64]


def area(curve: RelevanceCurve[Any]) -> float:
    """Area under a relevance curve, trapezoid over fractions 0 to 1: in [0, 1]."""
    return float(trapezoid(curve.probabilities, curve.fractions))


class Band(NamedTuple):
    """A mean curve (P,) and its pointwise bootstrap interval from low to high, (P,) each."""

    mean: NDArray[np.float64]
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


@torch.no_grad()
def relevance_curves(
    predict: Predict,
    x: Tensor,
    orders: Mapping[Name, Sequence[NDArray[Any]] | NDArray[Any]],
    replacements: Mapping[str, Replacement] = REPLACEMENTS,
    targets: Sequence[int] | None = None,
    batch_size: int = 32,
) -> list[RelevanceCurve[Name]]:
    """Relevance curves of all images, orders and replacements.

    Every distinct image is evaluated once: what is removed is known by the hash of its mask, so curves share
    their ends, and whatever else they have in common. Masked images are built batch by batch.

    Parameters
    ----------
    predict : inputs (B, C, H, W) to logits (B, n_classes), such as `Classifier.logits`
    x : (N, C, H, W), normalized
    orders : name to the removal orders of the N images, each (H, W), see `removal_order`
    replacements : name to a function from x to what is shown in place of removed pixels, same shape
    targets : class per image; by default the predicted one (the lowest of equals)
    batch_size : images per forward pass

    Returns
    -------
    list by image, then order, then replacement, in the order given. An image's curves do not depend, but for
    rounding, on the other images or orders.

    Raises
    ------
    ValueError : shapes that do not agree, steps that are not contiguous from 0, a target that is no class,
        logits that give no probability (NaN or +inf)

    Examples
    --------
    >>> x = torch.ones(1, 3, 2, 2)
    >>> order = removal_order(np.arange(4.0).reshape(2, 2))
    >>> two_classes = lambda x: torch.stack([x.sum((1, 2, 3)), torch.zeros(len(x))], dim=1)
    >>> [curve] = relevance_curves(two_classes, x, {"pixels": [order]}, {"zero": zero})
    >>> curve.probabilities.round(3)
    array([1.   , 1.   , 0.998, 0.953, 0.5  ])
    """
    if x.ndim != 4 or len(x) == 0 or not replacements or batch_size < 1:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, there are {len(replacements)} replacements and batch_size is "
            f"{batch_size}: give x as (N, C, H, W), not empty, a replacement, and batches of at least 1"
        )
    maps = _by_image(orders, x)
    fills = torch.stack([replace(x) for replace in replacements.values()])
    logits = torch.cat([predict(x[first : first + batch_size]) for first in range(0, len(x), batch_size)])
    chosen = _targets(targets, logits)

    removals: list[_Removal] = []
    shown = [_distinct_removals(image, image_maps, removals) for image, image_maps in enumerate(maps)]
    images = torch.tensor([removal.image for removal in removals], device=x.device)
    n_jobs = len(removals) * len(fills)
    results = [_probabilities(logits, chosen)]
    for first in range(0, n_jobs, batch_size):
        jobs = torch.arange(first, min(first + batch_size, n_jobs), device=x.device)
        number, fill = jobs // len(fills), jobs % len(fills)
        start, stop = first // len(fills), (first + len(jobs) - 1) // len(fills) + 1
        removed = _masks(removals[start:stop], x.device)[number - start, None]
        masked = torch.where(removed, fills[fill, images[number]], x[images[number]])
        results.append(_probabilities(predict(masked), chosen[images[number]]))
    classes, probabilities = chosen.tolist(), torch.cat(results).cpu().numpy()
    if not np.isfinite(probabilities).all():
        raise ValueError("predict gave logits without a softmax (NaN or +inf): check x and the network")
    unmasked, evaluated = probabilities[: len(x), None], probabilities[len(x) :].reshape(-1, len(fills))
    return [
        RelevanceCurve(
            image=image,
            order=name,
            replacement=replacement,
            target=classes[image],
            fractions=_fractions(order),
            probabilities=np.concatenate([unmasked[image], evaluated[numbers, fill]]),
        )
        for image, (image_maps, image_numbers) in enumerate(zip(maps, shown, strict=True))
        for name, order, numbers in zip(orders, image_maps, image_numbers, strict=True)
        for fill, replacement in enumerate(replacements)
    ]


def relevance_curve(
    predict: Predict,
    x: Tensor,
    order: NDArray[Any],
    replacement: str = "mean",
    target: int | None = None,
) -> RelevanceCurve[None]:
    """The relevance curve of one image (1, C, H, W), see `relevance_curves` and `REPLACEMENTS`."""
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement is {replacement!r}: allowed are {', '.join(REPLACEMENTS)}")
    chosen = {replacement: REPLACEMENTS[replacement]}
    return relevance_curves(predict, x, {None: [order]}, chosen, None if target is None else [target])[0]


def seconds_of_curve(classifier: "Classifier", n_steps: int, batch_size: int) -> float:
    """Seconds of a curve with the order of its pixels, on a GPU or on one core of this machine; noise is removed.

    On a core, where images take as long one by one, only a few of the steps are timed.
    """
    on_gpu, size, generator = classifier.device.type == "cuda", classifier.size, np.random.default_rng(0)
    few = n_steps if on_gpu else min(n_steps, 4)
    saliency, view = generator.random((size, size)), generator.integers(0, 256, (1, size, size, 3), np.uint8)
    x = classifier.normalize(view)

    def curve() -> None:
        order = removal_order(saliency, None, few)
        relevance_curves(classifier.predictor, x, {"pixels": [order]}, {"mean": channel_mean}, [0], batch_size)

    return timed(curve, one_thread=not on_gpu) * n_steps / few


class _Removal(NamedTuple):
    """What is gone from an image: the pixels whose step is below `n_steps`."""

    image: int
    order: NDArray[Any]
    n_steps: int


def _distinct_removals(image: int, maps: Sequence[NDArray[Any]], removals: list[_Removal]) -> list[NDArray[np.intp]]:
    """For each order, the number of each removal but the empty one; those not seen before join `removals`."""
    seen: dict[bytes, int] = {}
    shown = []
    for order in maps:
        numbers = []
        for n_steps in range(1, int(order.max()) + 2):
            mask = np.packbits(order.ravel() < n_steps).tobytes()
            number = seen.setdefault(hashlib.blake2b(mask, digest_size=16).digest(), len(removals))
            if number == len(removals):
                removals.append(_Removal(image, order, n_steps))
            numbers.append(number)
        shown.append(np.array(numbers))
    return shown


def _masks(removals: Sequence[_Removal], device: torch.device) -> Tensor:
    """Removed pixels, bool (n, H, W). Neighbours tend to share their order: each travels once."""
    orders = {id(removal.order): removal.order for removal in removals}
    keys = list(orders)
    steps = torch.from_numpy(np.stack(list(orders.values()))).to(device)
    row = torch.tensor([keys.index(id(removal.order)) for removal in removals], device=device)
    n_steps = torch.tensor([removal.n_steps for removal in removals], device=device)
    return steps[row] < n_steps[:, None, None]


def _fractions(order: NDArray[Any]) -> NDArray[np.float64]:
    return np.concatenate([[0], np.cumsum(np.bincount(order.ravel()))]) / order.size


def _by_image(orders: Mapping[Name, Sequence[NDArray[Any]] | NDArray[Any]], x: Tensor) -> list[list[NDArray[Any]]]:
    """The orders of each image, validated."""
    for name, maps in orders.items():
        shapes = {np.shape(order) for order in maps}
        if len(maps) != len(x) or shapes != {tuple(x.shape[2:])}:
            raise ValueError(
                f"orders[{name!r}] has {len(maps)} maps of the shapes {sorted(shapes)}: give one of shape "
                f"{tuple(x.shape[2:])} for each of the {len(x)} images"
            )
        for order in maps:
            check(order)
    return [[np.asarray(maps[image]) for maps in orders.values()] for image in range(len(x))]


def _targets(targets: Sequence[int] | None, logits: Tensor) -> Tensor:
    if logits.ndim != 2:
        raise ValueError(f"predict gave shape {tuple(logits.shape)}: it must give logits (B, n_classes)")
    if targets is None:
        return logits.argmax(dim=1)
    chosen = torch.as_tensor(targets, device=logits.device)
    if chosen.shape != logits.shape[:1] or chosen.min() < 0 or chosen.max() >= logits.shape[1]:
        raise ValueError(
            f"targets is {list(targets)}: give {len(logits)} classes, each from 0 to {logits.shape[1] - 1}"
        )
    return chosen


def _probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.double().softmax(dim=1).gather(1, targets[:, None])[:, 0]
