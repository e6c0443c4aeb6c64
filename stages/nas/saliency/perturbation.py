"""Saliency from the scores of perturbed inputs: RISE, and LIME and KernelSHAP over the regions of a region map."""

from collections.abc import Callable
from functools import partial
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, Ridge
from torch import Tensor
from torch.nn.functional import interpolate

from nas.classifiers import Classifier
from nas.saliency.baselines import absent
from nas.saliency.batches import batches

OUTPUTS = ("probability", "logit")

Score = Callable[[NDArray[np.bool_]], NDArray[np.float64]]


@torch.no_grad()
def rise(
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    *,
    batch_size: int,
    n_masks: int,
    grid: int,
    keep: float,
    output: str,
    seed: int,
) -> Tensor:
    """Expected score of the input under random masks that show the pixel (Petsiuk et al. 2018, eq. 4).

    A mask is a pattern of `grid` x `grid` cells, each 1 with probability `keep`, enlarged bilinear to one cell more
    than the input and cropped at random. It multiplies the normalized input. All images get the same masks.

    The sum of scores times masks is divided by the sum of the masks. The paper divides by its expectation, `n_masks`
    times `keep` (eq. 6): the same limit, but with few masks the map then mostly shows which pixels they happen to
    cover.
    """
    height, width = x.shape[2:]
    cell = (-(-height // grid), -(-width // grid))
    random = torch.Generator().manual_seed(seed)
    patterns = (torch.rand(n_masks, 1, grid, grid, generator=random) < keep).to(x)
    corners = torch.stack([torch.randint(side, (n_masks,), generator=random) for side in cell], dim=1)
    maps = x.new_zeros(len(x), height, width, dtype=torch.float64)
    shown = x.new_zeros(height, width, dtype=torch.float64)
    for some, places in batches(batch_size, patterns, corners):
        covers = interpolate(some, ((grid + 1) * cell[0], (grid + 1) * cell[1]), mode="bilinear")
        crops = zip(covers, places.tolist(), strict=True)
        masks = torch.stack([cover[:, i : i + height, j : j + width] for cover, (i, j) in crops])
        shown += masks[:, 0].double().sum(dim=0)
        for image in range(len(x)):
            scores = _scores(classifier, x[image] * masks, target[image], output)
            maps[image] += torch.einsum("n,nhw->hw", scores, masks[:, 0].double())
    return maps / shown.clamp_min(torch.finfo(torch.float64).tiny)


def lime(
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    *,
    batch_size: int,
    regions: Tensor,
    n_samples: int,
    baseline: str,
    output: str,
    kernel_width: float,
    alpha: float,
    seed: int,
) -> Tensor:
    """Slopes of a local linear model of the score over present and absent regions (Ribeiro et al. 2016, eq. 1).

    The first sample is the whole image; each other one keeps each region with probability 1/2, and shows `baseline`
    elsewhere. A sample that keeps a share s of the regions weighs exp(-(d / kernel_width)^2), where d = 1 - sqrt(s)
    is its cosine distance to the whole image. The model is a ridge regression with penalty `alpha`.
    """

    def slopes(n_regions: int, score: Score) -> NDArray[np.float64]:
        kept = np.random.default_rng(seed).random((n_samples, n_regions)) < 0.5
        kept[0] = True
        weights = np.exp(-(((1 - np.sqrt(kept.mean(axis=1))) / kernel_width) ** 2))
        return np.asarray(Ridge(alpha=alpha).fit(kept, score(kept), sample_weight=weights).coef_)

    return _over_regions(slopes, classifier, x, target, batch_size, regions, baseline, output)


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


@torch.no_grad()
def _over_regions(
    attribute: Callable[[int, Score], NDArray[np.float64]],
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    batch_size: int,
    regions: Tensor,
    baseline: str,
    output: str,
) -> Tensor:
    """Maps (B, H, W) of the attribution of each image's regions, from the scores of sets of kept regions."""
    missing = absent(classifier, x, baseline)
    maps = []
    for image, hidden, label, ids in zip(x, missing, target, regions, strict=True):
        score = partial(_region_scores, classifier, image, hidden, label, ids, batch_size, output)
        values = torch.from_numpy(attribute(int(ids.max()) + 1, score)).to(x.device)
        maps.append(values[ids])
    return torch.stack(maps)


def _region_scores(
    classifier: Classifier,
    image: Tensor,
    hidden: Tensor,
    label: Tensor,
    ids: Tensor,
    batch_size: int,
    output: str,
    kept: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Scores (n,) of an image that shows the regions `kept` (n, n_regions), and `hidden` in the others."""
    # with few regions most draws repeat; each different one is scored once
    different, which = np.unique(kept, axis=0, return_inverse=True)
    scores = [
        _scores(classifier, torch.where(some[:, ids][:, None], image, hidden), label, output)
        for (some,) in batches(batch_size, torch.from_numpy(different).to(image.device))
    ]
    return torch.cat(scores).cpu().numpy()[which.ravel()]


def _scores(classifier: Classifier, inputs: Tensor, label: Tensor, output: str) -> Tensor:
    """Scores (n,) float64 of one class: its probability after softmax, or its logit."""
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; give one of {', '.join(OUTPUTS)}")
    logits: Tensor = classifier.predictor(inputs.contiguous(memory_format=torch.channels_last)).double()
    return (logits.softmax(1) if output == "probability" else logits)[:, label]
