"""Which methods a network can do, and why not another."""

import sys
from collections.abc import Sequence

import numpy as np
import torch

from nas.networks import Classifier
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS


def possible_methods(classifier: Classifier, methods: Sequence[str]) -> list[str]:
    """The methods that the network can do; a line on stderr says why another is left out."""
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise ValueError(f"saliency.methods has {unknown[0]!r}: allowed are {', '.join(METHODS)}")
    # noise, as a network can do with a blank picture what it cannot do with others
    noise = np.random.default_rng(0).integers(0, 256, (1, classifier.size, classifier.size, 3), np.uint8)
    x, target = classifier.normalize(noise), torch.zeros(1, dtype=torch.int64)
    kept = []
    for method in methods:
        if METHODS[method].kind in ("activation", "propagation"):
            try:
                explain(classifier, x, target, method)
            except ValueError as error:
                print(f"{classifier.name}: {method} is left out: {error}", file=sys.stderr)
                continue
        kept.append(method)
    return kept
