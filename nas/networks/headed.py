"""Classifiers with a linear head in place of their own last layer."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from nas.networks.classifier import Classifier, load_classifier
from nas.networks.graphs import with_last_map
from nas.networks.heads import Head, read_head


@torch.no_grad()
def pooled_features(classifier: Classifier, x: Tensor) -> Tensor:
    """What a head takes in: inputs (B, 3, size, size) to the mean of the last feature map over its locations, (B, C).

    Raises
    ------
    ValueError : a network that ends in no feature map
    """
    maps, _ = _network(classifier)(x)
    features: Tensor = maps.mean((2, 3))
    return features


def with_head(classifier: Classifier, head: Head) -> Classifier:
    """The classifier up to its last feature map, then `head`: logits (B, n_classes) in the order of its classes.

    It shares all layers with the classifier, whose activations it has too.

    Raises
    ------
    ValueError : a network that ends in no feature map, or a head for other features
    """
    trunk = _network(classifier)
    network = fx.GraphModule(trunk, copy.deepcopy(trunk.graph))
    output = network.graph.output_node()
    last: fx.Node = output.args[0][0]  # type: ignore[index, assignment]
    n_classes, n_features = head.weight.shape
    channels = last.meta["tensor_meta"].shape[1]
    if n_features != channels:
        raise ValueError(
            f"the head takes {n_features} features, {classifier.name!r} has {channels}; "
            "fit it to the features of this network"
        )
    layer = nn.Linear(n_features, n_classes)
    layer.load_state_dict({"weight": torch.from_numpy(head.weight), "bias": torch.from_numpy(head.bias)})
    node = last
    with network.graph.inserting_before(output):
        for name, part in (("head_pool", nn.AdaptiveAvgPool2d(1)), ("head_flatten", nn.Flatten()), ("head", layer)):
            network.add_submodule(f"linear_{name}", part)
            node = network.graph.call_module(f"linear_{name}", (node,))
    output.args = (node,)
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()
    network.recompile()
    network_of_trunk = replace(classifier.network, depths=classifier.depths)
    return Classifier(classifier.name, network, network_of_trunk, classifier.device, trunk=classifier.module)


def load_headed(name: str, weights: Path, head: Head | None, depths: Mapping[int, str] | None = None) -> Classifier:
    """The classifier, with a head where there is one."""
    classifier = load_classifier(name, weights, depths=depths)
    return classifier if head is None else with_head(classifier, head)


@cache
def shared_classifier(name: str, weights: Path, folder: Path) -> Classifier:
    """The classifier with the head that `folder` holds, once per process, for functions that run in several."""
    return load_headed(name, weights, read_head(folder)[0])


def _network(classifier: Classifier) -> fx.GraphModule:
    """The network as a function to (last feature map, logits)."""
    try:
        return with_last_map(classifier.module, classifier.size)[0]
    except ValueError:
        raise ValueError(
            f"{classifier.name!r} ends in no feature map (B, C, h, w), so it can have no linear head; "
            "choose a convolutional network, such as mobilenet_v2 or resnet50"
        ) from None
