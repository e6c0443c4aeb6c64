"""Which methods are asked for, and which ones a network can do and why not another."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from nas.networks import Classifier
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS, check_parameters, entry_of
from nas.saliency.photo_maps import ToExplain
from nas.store import Stored, engine


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


def to_explain(
    methods: Sequence[str], parameters: Mapping[str, Mapping[str, Any]], seed: int, regions: Stored
) -> dict[str, ToExplain]:
    """The methods by name, each with what is its own of parameters, seed and regions.

    Raises
    ------
    ValueError : parameters that a method does not have or take; the line begins with their place in params.yaml
    """
    with engine.naming("saliency.parameters"):
        check_parameters(parameters)
    found = {}
    for name in methods:
        method = entry_of(name)
        own_seed = seed if "seed" in method.defaults else None
        own_regions = regions if method.needs_regions else None
        found[name] = ToExplain(name, method, dict(parameters.get(name, {})), own_seed, own_regions)
    return found
