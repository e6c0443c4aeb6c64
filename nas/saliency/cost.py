"""How much disk and time the saliency maps of a photo take, before they are computed.

A method that samples or sums is run with a small count, and what its count asks for beyond that is counted in images
that pass through the network, at the measured cost of one. All others are run as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS
from nas.store import threads, timed


def bytes_of_saliency(n_methods: int, size: int) -> int:
    """Bytes, at most, that the stage saliency stores of one photo: a float32 map per method and each of two classes.

    Maps of activation methods are stored at their own, smaller size.
    """
    return 2 * n_methods * size**2 * 4


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

    with threads(1 if not on_gpu else torch.get_num_threads()):
        predict = classifier.predictor  # made in a second or more, which is no part of a pass
    forward = timed(lambda: _forward(predict, x), one_thread=not on_gpu) / n
    gradient = seconds("gradient", n) / n
    total, n_regions = 0.0, int(regions.max()) + 1
    for method in methods:
        entry, given = METHODS[method], dict(parameters.get(method, {}))
        if not entry.count:
            total += seconds(method, n, **given) / n
            continue
        count = {**entry.defaults, **given}[entry.count]
        # kernel_shap refuses fewer than 2 (M - 1) samples of M regions
        few = min(count, max(n, 2 * (n_regions - 1) if entry.needs_regions else 1))
        further = entry.passes(count, n_regions) - entry.passes(few, n_regions)
        total += seconds(method, 1, **given | {entry.count: few})
        total += further * (gradient if entry.gradient else forward)
    return total


@torch.no_grad()
def _forward(predict: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return predict(x.contiguous(memory_format=torch.channels_last)).cpu()
