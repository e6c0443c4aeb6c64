"""LIME over the regions of a region map."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.perturbation import Score, _over_regions


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
