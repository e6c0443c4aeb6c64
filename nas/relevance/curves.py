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
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks import Classifier
from nas.relevance.replacements import REPLACEMENTS, Replacement
from nas.superpixels import regions

Name = TypeVar("Name", bound=Hashable)
Predict = Callable[[Tensor], Tensor]


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
    what they have in common. Masked images are built batch by batch.

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
    list by image, then order, then replacement, as given. Other images and orders change a curve by rounding alone.

    Raises
    ------
    ValueError : shapes that do not agree, steps that are not contiguous from 0, a target that is no class,
        logits that give no probability (NaN or +inf)

    >>> from nas.relevance.orders import removal_order
    >>> from nas.relevance.replacements import zero
    >>> x = torch.ones(1, 3, 2, 2)
    >>> order = removal_order(np.arange(4.0).reshape(2, 2))
    >>> two_classes = lambda x: torch.stack([x.sum((1, 2, 3)), torch.zeros(len(x))], dim=1)
    >>> [curve] = relevance_curves(two_classes, x, {"pixels": [order]}, {"zero": zero})
    >>> curve.probabilities.round(3)
    array([1.   , 1.   , 0.998, 0.953, 0.5  ])
    """
    _check(x, replacements, batch_size)
    maps = _by_image(orders, x)
    removals: list[_Removal] = []
    shown = [_distinct_removals(image, image_maps, removals) for image, image_maps in enumerate(maps)]
    x = x.contiguous()  # views have their channels last, which every batch would undo
    fills = torch.stack([replace(x).contiguous() for replace in replacements.values()])
    classes, unmasked, evaluated = _evaluate(predict, x, fills, removals, targets, batch_size)
    return [
        RelevanceCurve(
            image,
            name,
            replacement,
            classes[image],
            _fractions(order),
            np.r_[unmasked[image], evaluated[numbers, fill]],
        )
        for image, (image_maps, image_numbers) in enumerate(zip(maps, shown, strict=True))
        for name, order, numbers in zip(orders, image_maps, image_numbers, strict=True)
        for fill, replacement in enumerate(replacements)
    ]


def _check(x: Tensor, replacements: Mapping[str, Replacement], batch_size: int) -> None:
    if x.ndim != 4 or len(x) == 0 or not replacements or batch_size < 1:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, there are {len(replacements)} replacements and batch_size is "
            f"{batch_size}: give x as (N, C, H, W), not empty, a replacement, and batches of at least 1"
        )


def _evaluate(
    predict: Predict,
    x: Tensor,
    fills: Tensor,
    removals: "Sequence[_Removal]",
    targets: Sequence[int] | None,
    batch_size: int,
) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
    """The classes, and their probabilities: of the whole images (N, 1), of every removal with every fill (R, F)."""
    logits = torch.cat([predict(x[first : first + batch_size]) for first in range(0, len(x), batch_size)])
    chosen = _targets(targets, logits)
    images = torch.tensor([removal.image for removal in removals], device=x.device)
    n_jobs = len(removals) * len(fills)
    results = [_probabilities(logits, chosen)]
    for first in range(0, n_jobs, batch_size):
        jobs = torch.arange(first, min(first + batch_size, n_jobs), device=x.device)
        number, fill = jobs // len(fills), jobs % len(fills)
        start, stop = first // len(fills), (first + len(jobs) - 1) // len(fills) + 1
        removed = _masks(removals[start:stop], x.device)[number - start, None]
        shown, there = x, fills[0]
        if len(x) > 1 or len(fills) > 1:
            shown, there = x[images[number]], fills[fill, images[number]]
        masked = torch.lerp(shown, there, removed.to(x.dtype))  # exact at 0 and 1, and many times faster than `where`
        results.append(_probabilities(predict(masked), chosen[images[number]]))
    probabilities = torch.cat(results).cpu().numpy()
    if not np.isfinite(probabilities).all():
        raise ValueError("predict gave logits without a softmax (NaN or +inf): check x and the network")
    return chosen.tolist(), probabilities[: len(x), None], probabilities[len(x) :].reshape(-1, len(fills))


def relevance_curve(
    classifier: Classifier,
    x: Tensor,
    target: int | None,
    order: NDArray[Any],
    replacement: str = "mean",
) -> RelevanceCurve[None]:
    """The relevance curve of one image (1, C, H, W), see `relevance_curves` and `REPLACEMENTS`.

    Parameters: `target`, the class, or None for the predicted one; `order`, (H, W), see `removal_order`.
    """
    if replacement not in REPLACEMENTS:
        raise ValueError(f"replacement is {replacement!r}: allowed are {', '.join(REPLACEMENTS)}")
    fill = {replacement: REPLACEMENTS[replacement]}
    return relevance_curves(classifier.logits, x, {None: [order]}, fill, None if target is None else [target])[0]


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


def _masks(removals: "Sequence[_Removal]", device: torch.device) -> Tensor:
    """Removed pixels, bool (n, H, W). Neighbours tend to share their order: each travels once."""
    orders = {id(removal.order): removal.order for removal in removals}
    steps = {key: torch.from_numpy(order).to(device) for key, order in orders.items()}
    return torch.stack([steps[id(removal.order)] < removal.n_steps for removal in removals])


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
            regions.check(order)
    return [[np.ascontiguousarray(maps[image]) for maps in orders.values()] for image in range(len(x))]


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
