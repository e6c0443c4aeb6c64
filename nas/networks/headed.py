"""Classifiers with a linear head in place of their own last layer."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from nas.networks.backends import Backend, backend_on
from nas.networks.classifier import Classifier, load_classifier
from nas.networks.graphs import with_last_map
from nas.networks.heads import Head, head_fingerprint, read_head
from nas.store import sha256_of_file


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
    return Classifier(
        classifier.name,
        network,
        network_of_trunk,
        classifier.device,
        trunk=classifier.module,
        backend=classifier.backend,
    )


def load_headed(
    name: str,
    weights: Path,
    head: Head | None,
    depths: Mapping[int, str] | None = None,
    backend: Backend = "openvino",
) -> Classifier:
    """The classifier, with a head where there is one."""
    classifier = load_classifier(name, weights, depths=depths, backend=backend)
    return classifier if head is None else with_head(classifier, head)


@dataclass(frozen=True)
class StoredClassifier:
    """A classifier as it lies on disk, for functions that run in several processes.

    name : of the network
    weights : their file
    head : folder of its head, if it has one
    backend : see `Classifier`
    """

    name: str
    weights: Path
    head: Path
    backend: Backend = "openvino"

    def load(self) -> Classifier:
        """The classifier with its head; once per process."""
        return shared_classifier(self.name, self.weights, self.head, self.backend)

    @property
    def fingerprint(self) -> list[Any]:
        """What logits and maps depend on, and what makes them on what device, since each rounds differently."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        made_by = [device, backend_on(device, self.backend)]
        return [self.name, sha256_of_file(self.weights), head_fingerprint(self.head), *made_by]


@cache
def shared_classifier(name: str, weights: Path, folder: Path, backend: Backend = "openvino") -> Classifier:
    """The classifier with the head that `folder` holds, once per process."""
    return load_headed(name, weights, read_head(folder)[0], backend=backend)


def _network(classifier: Classifier) -> fx.GraphModule:
    """The network as a function to (last feature map, logits)."""
    try:
        return with_last_map(classifier.module, classifier.size)[0]
    except ValueError as error:
        reason = str(error).partition(";")[0]
        raise ValueError(
            f"{classifier.name!r} can have no linear head: {reason}; choose a convolutional network, such as "
            "mobilenet_v2 or resnet50"
        ) from error
