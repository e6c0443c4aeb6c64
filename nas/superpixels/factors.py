"""Deep feature factorization (Collins, Achanta and Süsstrunk 2018, arXiv 1806.10206): regions from one depth.

The rival of NAS that also explains one's own network: the activations of one depth, rows for locations and columns for
channels, are a product of two matrices without negative values. Each factor is a map of where some channels fire
together, and a pixel belongs to the factor that is strongest there.
"""

import warnings

import numpy as np
import torch
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from nas.superpixels.regions import Labels, relabel
from nas.superpixels.resizing import Resize

ITERATIONS, TOLERANCE = 300, 1e-4  # those of scikit-learn's solver


def deep_feature_factorization(maps: Tensor, n_factors: int, size: tuple[int, int], seed: int = 0) -> Labels:
    """The strongest factor at each pixel.

    Parameters
    ----------
    maps : (C, h, w), of one depth of one image; negative values are taken as 0
    n_factors : 1 or more; of a map of fewer locations or channels, as many as those
    size : (height, width) of the image, to which the factors are resized, bilinear
    seed : of the start, which scikit-learn fills up at random where singular vectors have zeros

    Returns
    -------
    region map, int32 (height, width), of at most `n_factors` regions, which need not be connected. Each factor is in
    units of the activations: its row of channels has length 1. One region where all activations are 0.

    Raises
    ------
    ValueError : no map (C, h, w), or no factor
    """
    if maps.ndim != 3 or 0 in maps.shape or n_factors < 1:
        raise ValueError(
            f"maps has shape {tuple(maps.shape)} and n_factors is {n_factors}: give (C, h, w) and 1 or more"
        )
    height, width = maps.shape[1:]
    rows = maps.double().clamp_min(0).flatten(1).T.cpu().numpy()
    model = NMF(min(n_factors, *rows.shape), init="nndsvda", max_iter=ITERATIONS, tol=TOLERANCE, random_state=seed)
    if not rows.any():
        return np.zeros(size, dtype=np.int32)
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):  # as far as it got
        places = model.fit_transform(rows)
    strengths = places * np.linalg.norm(model.components_, axis=1)
    factors = torch.from_numpy(strengths.T.reshape(-1, height, width))
    resized = Resize.between((height, width), size, "bilinear", factors)(factors)
    return relabel(resized.argmax(dim=0).numpy())
