"""How much time a relevance curve takes, before it is made."""

import numpy as np
import torch

from nas.networks import Classifier
from nas.relevance.curves import relevance_curves
from nas.relevance.orders import removal_order
from nas.relevance.replacements import channel_mean
from nas.store import threads, timed


def seconds_of_curve(classifier: Classifier, n_steps: int, batch_size: int) -> float:
    """Seconds of a curve with the order of its pixels, on a GPU or on one core of this machine; noise is removed.

    On a core, where images take as long one by one, only a few of the steps are timed.
    """
    on_gpu, size, generator = classifier.device.type == "cuda", classifier.size, np.random.default_rng(0)
    few = n_steps if on_gpu else min(n_steps, 4)
    saliency, view = generator.random((size, size)), generator.integers(0, 256, (1, size, size, 3), np.uint8)
    x = classifier.normalize(view)

    with threads(1 if not on_gpu else torch.get_num_threads()):
        predict = classifier.predictor  # made in a second or more, which is no part of a curve

    def curve() -> None:
        order = removal_order(saliency, None, few)
        relevance_curves(predict, x, {"pixels": [order]}, {"mean": channel_mean}, [0], batch_size)

    return timed(curve, one_thread=not on_gpu) * n_steps / few
