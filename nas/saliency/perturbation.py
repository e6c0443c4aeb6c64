"""Scores of an image of which parts are hidden."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.baselines import absent
from nas.saliency.batches import batches

OUTPUTS = ("probability", "logit")
Predict = Callable[[Tensor], Tensor]
Score = Callable[[NDArray[np.bool_]], NDArray[np.float64]]


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
    missing, predict = absent(classifier, x, baseline), classifier.predictor
    maps = []
    for image, hidden, label, ids in zip(x, missing, target, regions, strict=True):
        score = partial(_region_scores, predict, image, hidden, label, ids, batch_size, output)
        values = torch.from_numpy(attribute(int(ids.max()) + 1, score)).to(x.device)
        maps.append(values[ids])
    return torch.stack(maps)


def _region_scores(
    predict: Predict,
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
        _scores(predict, torch.where(some[:, ids][:, None], image, hidden), label, output)
        for (some,) in batches(batch_size, torch.from_numpy(different).to(image.device))
    ]
    return torch.cat(scores).cpu().numpy()[which.ravel()]


def _scores(predict: Predict, inputs: Tensor, label: Tensor, output: str) -> Tensor:
    """Scores (n,) float64 of one class: its probability after softmax, or its logit."""
    if output not in OUTPUTS:
        raise ValueError(f"output is {output!r}; give one of {', '.join(OUTPUTS)}")
    logits = predict(inputs.contiguous(memory_format=torch.channels_last)).double()
    return (logits.softmax(1) if output == "probability" else logits)[:, label]
