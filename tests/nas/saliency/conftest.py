"""Small classifiers with random weights whose activations neither vanish nor explode."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network, build, find_network
from nas.saliency.baselines import absent


@torch.no_grad()
def randomize(module: nn.Module, biases: bool = True) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                layer.bias.normal_(std=0.1 * biases)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.weight.uniform_(0.5, 1.0)
            layer.running_var.uniform_(0.8, 1.2)
            layer.bias.normal_(std=0.1 * biases)
            layer.running_mean.normal_(std=0.1 * biases)


@pytest.fixture(scope="session")
def network() -> Callable[..., Classifier]:
    """A known architecture with random weights; with `biases=False`, batch norms and layers add no constant."""

    @cache
    def load(name: str, biases: bool = True) -> Classifier:
        torch.manual_seed(0)
        found = find_network(name)
        module = build(found)
        randomize(module, biases)
        return Classifier(name, module, found)

    return load


@pytest.fixture(scope="session")
def wrap() -> Callable[..., Classifier]:
    """A classifier around any module; `node` is one of its graph nodes."""

    def classifier(module: nn.Module, size: int, node: str = "0") -> Classifier:
        found = Network("torchvision", "own", depths={0: node}, size=size, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
        return Classifier("own", module, found)

    return classifier


class Block(nn.Module):
    """A residual block as torchvision and timm write them: in place, one ReLU6 used twice, a sum of two maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)])
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.norms[0](self.first(x)))
        out = self.norms[1](self.second(out))
        out += x
        return self.relu(out)


class Small(nn.Module):
    """Eight classes, from maps at strides 1, 2 and 4; functional ReLU, pooling and mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.block = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), Block(8)
        self.widen, self.classify = nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.norm(self.stem(x)), inplace=True), 2)
        x = functional.relu(self.widen(self.block(x)))
        return self.classify(functional.dropout(x.mean((2, 3)), training=self.training))


@pytest.fixture
def small(wrap: Callable[..., Classifier]) -> Classifier:
    torch.manual_seed(0)
    module = Small()
    randomize(module)
    return wrap(module, 32, "relu")


@pytest.fixture
def images() -> Tensor:
    """Three smooth images of 32 x 32 pixels."""
    coarse = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return functional.interpolate(coarse, size=(32, 32), mode="bilinear")


@pytest.fixture
def labels() -> Tensor:
    return torch.tensor([3, 0, 7])


@pytest.fixture
def regions() -> Tensor:
    """Region maps of 4, 8 and 16 bands for the images of `images`."""
    rows = torch.arange(32)[:, None].expand(32, 32)
    return torch.stack([rows // 8, rows // 4, rows // 2])


@pytest.fixture(scope="session")
def linear(wrap: Callable[..., Classifier]) -> Classifier:
    """Logits that are linear in the pixels."""
    torch.manual_seed(0)
    return wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), 8)


@pytest.fixture(scope="session")
def curved(wrap: Callable[..., Classifier]) -> Classifier:
    """Logits in which pixels work together."""
    torch.manual_seed(0)
    return wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 4)), 8)


@pytest.fixture(scope="session")
def bands() -> Callable[[int], Tensor]:
    """A function that gives a region map (1, 8, 8) of n bands of rows."""
    return lambda n: (torch.arange(8)[:, None].expand(8, 8) * n // 8)[None]


@pytest.fixture(scope="session")
def parts(linear: Classifier, bands: Callable[[int], Tensor]) -> Callable[[int, int, str], tuple[Tensor, ...]]:
    """A function that draws an image, a class and n regions, and what each adds to the linear logit: a map."""

    def draw(seed: int, n: int, baseline: str) -> tuple[Tensor, ...]:
        random = torch.Generator().manual_seed(seed)
        x = torch.randn(1, 3, 8, 8, generator=random)
        label = torch.randint(4, (1,), generator=random)
        ids = torch.randperm(n, generator=random)[bands(n)]
        weights = linear.module[1].weight[label].reshape(3, 8, 8)
        change = (weights * (x - absent(linear, x, baseline))[0]).sum(0)
        added = torch.stack([change[ids[0] == region].sum() for region in range(n)]).detach()
        return x, label, ids, added[ids]

    return draw
