"""RISE: the expected score under random masks."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nas.networks import Classifier
from nas.saliency.batches import batches
from nas.saliency.perturbation import _scores


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
    predict = classifier.predictor
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
            scores = _scores(predict, x[image] * masks, target[image], output)
            maps[image] += torch.einsum("n,nhw->hw", scores, masks[:, 0].double())
    return maps / shown.clamp_min(torch.finfo(torch.float64).tiny)
