"""Networks that are small, or have random weights, and what they make of photos."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network, build, find_network


@pytest.fixture(scope="session")
def small():
    """A function that makes a classifier of one layer, to look at what goes into it."""

    def make(**changes):
        tiny = Network("torchvision", "none", depths={0: "0"}, size=32, resize=37)
        module = nn.Sequential(nn.Conv2d(3, 2, 3, stride=2, padding=1))
        return Classifier("tiny", module, dataclasses.replace(tiny, **changes), "cpu")

    return make


@pytest.fixture(scope="session")
def randomized():
    """A function that makes a network with random weights and running statistics, as a classifier."""

    def make(name, **changes):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = build(find_network(name))
            for part in module.modules():
                if isinstance(part, nn.BatchNorm2d):
                    nn.init.uniform_(part.running_mean, -0.5, 0.5)
                    nn.init.uniform_(part.running_var, 0.5, 2)
                    nn.init.uniform_(part.weight, 0.5, 1.5)
                    nn.init.uniform_(part.bias, -0.5, 0.5)
        return Classifier(name, module, dataclasses.replace(find_network(name), **changes), "cpu")

    return make


def network(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.Flatten(), nn.Linear(96, 5)
        )


def photos(n=3):
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), np.uint8)


def plain(module, views):
    """Maps and logits of one photo after the other."""
    x = torch.from_numpy(views).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        first = torch.cat([module[:2](one[None]) for one in x])
        second = torch.cat([module[:3](one[None]) for one in x])
        return {"depth0": first.numpy(), "depth2": second.numpy(), "logits": module(x).numpy()}


@pytest.fixture(scope="session")
def made():
    """A small network, photos for it, and its maps and logits of one photo after the other."""
    return SimpleNamespace(network=network, photos=photos, plain=plain)


@pytest.fixture
def classifier():
    """The small network as a classifier of two depths."""
    found = Network("", "made", depths={2: "2", 0: "1"}, size=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Classifier("made", network(0), found)
