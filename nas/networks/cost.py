"""How much disk and time the activations of a photo take, before they are computed."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nas.networks.classifier import Classifier
from nas.networks.forward import Forward
from nas.store import timed

BYTES = {"float32": 4, "float16": 2}
Shape = tuple[int, int, int]


def bytes_of_activations(
    shapes: Mapping[int, Shape], size: int, n_classes: int, precision: str = "float32", cache: bool = True
) -> int:
    """Bytes that the stage activations stores of one photo: maps, the view and the logits of two views.

    Parameters
    ----------
    shapes : depth to channels, height and width
    size : side of the view, in pixels
    n_classes : number of logits
    precision : "float32" or "float16", of the maps
    cache : whether maps are stored at all
    """
    values = sum(channels * height * width for channels, height, width in shapes.values())
    return cache * values * BYTES[precision] + 3 * size**2 + 2 * n_classes * BYTES["float32"]


def seconds_of_pass(classifier: Classifier, forward: Forward) -> float:
    """Seconds that a view takes in a pass, measured with a batch of grey ones, on a CPU a small one."""
    some = replace(forward, batch=forward.batch if classifier.device.type == "cuda" else min(forward.batch, 4))
    views = np.full((some.batch, classifier.size, classifier.size, 3), 127, np.uint8)
    return timed(lambda: some.logits(classifier, views)) / some.batch
