"""How long work takes on this machine, before it is done: a piece of it is timed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks import Classifier, Forward
from nas.relevance import channel_mean, relevance_curves, removal_order
from nas.saliency import METHODS, explain


def timed(call: Callable[[], object], *, one_thread: bool = False) -> float:
    """Seconds of a call, the shorter of two, since the first one loads kernels and traces graphs.

    On one thread a call of more than a second is not repeated: little of it is of the first time only.

    Parameters
    ----------
    call : on a GPU it must wait for its result, as `Tensor.cpu` does
    one_thread : as in one of several processes, each of which has a core
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1 if one_thread else n_threads)
    try:
        first = _once(call)
        return first if one_thread and first > 1 else min(first, _once(call))
    finally:
        torch.set_num_threads(n_threads)


def _once(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def seconds_of_pass(classifier: "Classifier", forward: Forward) -> float:
    """Seconds that a view takes in a pass, measured with a batch of grey ones, on a CPU a small one."""
    some = replace(forward, batch=forward.batch if classifier.device.type == "cuda" else min(forward.batch, 4))
    views = np.full((some.batch, classifier.size, classifier.size, 3), 127, np.uint8)
    return timed(lambda: some.logits(classifier, views)) / some.batch


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
def _forward(classifier: Classifier, x: Tensor) -> Tensor:
    logits: Tensor = classifier.predictor(x.contiguous(memory_format=torch.channels_last))
    return logits.cpu()


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
