"""How long saliency maps take on this machine, before they are computed.

A method that samples or sums is run with a small count, and what its count asks for beyond that is counted in images
that pass through the network, at the measured cost of one. All others are run as they are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.classifiers import Classifier
from nas.durations import timed
from nas.saliency import METHODS, explain

COUNTS = ("n_steps", "n_samples", "n_masks")
WITHOUT_GRADIENT = ("rise", "lime", "kernel_shap")


def n_passes(method: str, count: int, n_regions: int) -> int:
    """Images that a method with this count passes through the network for one map.

    Those of "lime" and "kernel_shap" are bounded by the sets of regions that there are; of draws that are equal, one
    is passed, so that these are at most so many.
    """
    if method == "xrai":
        return 2 * count  # from black and from white
    if method == "lime":
        return min(count, 1 << n_regions)
    if method == "kernel_shap":
        return 2 + min(count, (1 << n_regions) - 2)
    return count


def seconds_of_maps(
    classifier: Classifier,
    view: NDArray[np.uint8],
    regions: NDArray[Any],
    methods: Sequence[str],
    parameters: Mapping[str, Mapping[str, Any]],
    batch: int,
) -> float:
    """Seconds of the maps of one photo for one class, by all methods, on a GPU or on one core.

    Parameters
    ----------
    view : what the classifier sees of a photo, (size, size, 3) uint8
    regions : its region map, (size, size), for the methods that need one
    parameters : by method, in place of its defaults
    batch : images per pass
    """
    on_gpu = classifier.device.type == "cuda"
    n = batch if on_gpu else 1  # a core takes as long for each of several images as for one
    x = classifier.normalize(view[None]).expand(n, -1, -1, -1)
    target, labels = torch.zeros(n, dtype=torch.int64, device=x.device), torch.from_numpy(regions.astype(np.int64))

    def seconds(method: str, images: int, **given: Any) -> float:
        if METHODS[method].needs_regions:
            given["regions"] = labels.expand(images, -1, -1)
        return timed(
            lambda: explain(classifier, x[:images], target[:images], method, batch_size=batch, **given).cpu(),
            one_thread=not on_gpu,
        )

    forward = timed(lambda: _forward(classifier, x), one_thread=not on_gpu) / n
    gradient = seconds("gradient", n) / n
    total, n_regions = 0.0, int(regions.max()) + 1
    for method in methods:
        chosen = {**METHODS[method].defaults, **parameters.get(method, {})}
        given = dict(parameters.get(method, {}))
        count = next((name for name in COUNTS if name in chosen), None)
        if count is None:
            total += seconds(method, n, **given) / n
            continue
        # kernel_shap refuses fewer than 2 (M - 1) samples of M regions
        few = min(chosen[count], max(n, 2 * (n_regions - 1) if method == "kernel_shap" else 1))
        further = n_passes(method, chosen[count], n_regions) - n_passes(method, few, n_regions)
        total += seconds(method, 1, **given | {count: few})
        total += further * (forward if method in WITHOUT_GRADIENT else gradient)
    return total


@torch.no_grad()
def _forward(classifier: Classifier, x: Tensor) -> Tensor:
    logits: Tensor = classifier.predictor(x.contiguous(memory_format=torch.channels_last))
    return logits.cpu()
