"""The canonical form is the same function, made of other layers."""

import copy
from collections.abc import Callable

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional
from zennit.layer import Sum

from nas.networks.classifier import Classifier
from nas.saliency.canonical import canonical
from nas.saliency.explaining import explain

NETWORKS = ["mobilenet_v2", "efficientnet_lite0", "resnet18"]


@pytest.fixture
def photos() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_canonical_form_is_the_same_function(name: str, network: Callable[..., Classifier], photos: Tensor) -> None:
    classifier = network(name)
    form = canonical(classifier.module, photos)
    logits = classifier.logits(photos).detach()
    torch.testing.assert_close(form(photos), logits, rtol=1e-3, atol=1e-4 * float(logits.abs().max()))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in form.modules())
    assert not any(getattr(layer, "inplace", False) for layer in form.modules())
    assert canonical(classifier.module, photos) is form


def test_the_canonical_form_follows_the_weights(small: Classifier, images: Tensor, labels: Tensor) -> None:
    before = explain(small, images, labels, "lrp")
    with torch.no_grad():
        small.module.classify.weight.mul_(2)
        small.module.classify.bias.mul_(2)
    torch.testing.assert_close(explain(small, images, labels, "lrp"), 2 * before, rtol=1e-3, atol=1e-6)


def test_a_form_that_says_something_else_is_not_used(
    small: Classifier, images: Tensor, labels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy.deepcopy(small.module)
    with torch.no_grad():
        other.classify.bias.add_(0.5)
    monkeypatch.setattr("nas.saliency.canonical._new_form", lambda _module, _x: other)
    with pytest.raises(ValueError, match=r"cannot be rewritten .* \(its logits would differ by up to 0\.5\)"):
        canonical(small.module, images)


class Written(nn.Module):
    """What networks may be written as: functions, methods, operators, means of several kinds."""

    def __init__(self, mean: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, padding=1), BatchNormAct2d(4)
        self.second, self.mean = nn.Conv2d(4, 4, 3, padding=1), mean
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x))
        x = functional.avg_pool2d(torch.add(self.second(x).relu(), x), 2)
        x = functional.relu6(x + functional.adaptive_avg_pool2d(x, 4))
        return self.head(self.mean(x).flatten(1))


MEANS = {
    "method": lambda x: x.mean((2, 3)),
    "function": lambda x: torch.mean(x, dim=[-2, -1]),
    "kept": lambda x: x.mean((-2, -1), keepdim=True),
}


@pytest.mark.parametrize("mean", MEANS.values(), ids=MEANS)
def test_functions_and_operators_become_layers(mean: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    module = Written(mean).eval()
    module.norm.running_mean.normal_()
    x = torch.randn(2, 3, 8, 8)
    form = canonical(module, x)
    torch.testing.assert_close(form(x), module(x), rtol=1e-4, atol=1e-5)
    layers = [type(form.get_submodule(str(node.target))) for node in form.graph.nodes if node.op == "call_module"]
    assert layers.count(Sum) == 2 and layers.count(nn.Conv2d) == 2 and nn.BatchNorm2d not in layers
    assert {nn.ReLU, nn.ReLU6, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Linear} <= set(layers)
    assert len(layers) == len({id(form.get_submodule(str(node.target))) for node in form.graph.nodes
                               if node.op == "call_module"})  # fmt: skip
    assert all(not parameter.requires_grad for parameter in form.parameters())
    assert all(parameter.requires_grad for parameter in module.parameters())
