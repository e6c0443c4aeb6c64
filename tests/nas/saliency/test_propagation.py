"""Guided backpropagation and LRP against plain rules, and against zennit where it has a canonizer."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import one_hot
from torchvision.models.vgg import make_layers
from torchvision.ops import SqueezeExcitation
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer, SequentialMergeBatchNorm
from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from nas.networks.classifier import Classifier
from nas.saliency.baselines import absent
from nas.saliency.explaining import explain

NETWORKS = ["mobilenet_v2", "efficientnet_lite0", "resnet18"]


@pytest.fixture
def photos() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def two() -> Tensor:
    return torch.tensor([3, 7])


class GuidedReLU(torch.autograd.Function):
    """ReLU below `top` whose gradient passes where the input was inside and the gradient is positive."""

    @staticmethod
    def forward(ctx, x: Tensor, top: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.inside = (x > 0) & (x < top)
        return x.clamp(0, top)

    @staticmethod
    def backward(ctx, slope: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        return slope * ctx.inside * (slope > 0), None


def test_guided_backprop_is_the_gradient_through_guided_relus(
    small: Classifier, images: Tensor, labels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = explain(small, images, labels, "guided_backprop")
    plain = explain(small, images, labels, "input_x_gradient")
    monkeypatch.setattr(functional, "relu", lambda x, inplace=False: GuidedReLU.apply(x, torch.inf))
    monkeypatch.setattr(nn.ReLU6, "forward", lambda self, x: GuidedReLU.apply(x, 6.0))
    x = images.requires_grad_()
    (expected,) = torch.autograd.grad(small.module(x).gather(1, labels[:, None]).sum(), x)
    torch.testing.assert_close(maps, expected.sum(1), rtol=1e-4, atol=1e-5)
    assert not maps.allclose(plain)


def plain_layer(layer: nn.Module, x: Tensor, relevance: Tensor, rule: str) -> Tensor:
    """Relevance of a layer's inputs from that of its outputs, by the matrix of the layer, entry by entry."""
    zero = torch.zeros(x.numel())

    def output(values: Tensor) -> Tensor:
        return layer(values.reshape(1, *x.shape)).ravel()

    bias = output(zero)
    weights = torch.stack([output(column) - bias for column in torch.eye(x.numel())])
    result = torch.zeros(x.numel())
    for j, share in enumerate(relevance.ravel()):
        parts = x.ravel() * weights[:, j]
        if rule == "flat":
            parts, bias_j = (weights[:, j] != 0).float(), torch.zeros(())
        elif rule == "z+":
            parts, bias_j = parts.clamp(min=0), bias[j].clamp(min=0)
        else:
            bias_j = bias[j]
        total = parts.sum() + bias_j
        result += parts / (total + 1e-6 * (1 if total >= 0 else -1)) * share
    return result.reshape(x.shape)


@pytest.mark.parametrize(
    ("composite", "rules"),
    [("epsilon", ["epsilon"] * 4), ("epsilon_plus_flat", ["flat", "z+", "epsilon", "epsilon"])],
)
def test_lrp_is_the_plain_rule_layer_by_layer(
    composite: str, rules: list[str], wrap: Callable[..., Classifier]
) -> None:
    torch.manual_seed(0)
    steps = [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 2, stride=2), nn.Sequential(nn.Flatten(), nn.Linear(20, 6))]
    steps.append(nn.Linear(6, 3))
    layers = [steps[0], nn.ReLU(inplace=True), steps[1], nn.ReLU(inplace=True), steps[2], nn.ReLU(), steps[3]]
    classifier = wrap(nn.Sequential(*layers), 6)
    x, target = torch.randn(2, 3, 6, 6), torch.tensor([1, 2])
    maps = explain(classifier, x, target, "lrp", composite=composite)
    for image, label, found in zip(x, target, maps, strict=True):
        inputs = [image]
        with torch.no_grad():
            for step in steps[:-1]:
                inputs.append(step(inputs[-1][None])[0].relu())
            logits = steps[-1](inputs[-1][None])[0]
            relevance = logits * one_hot(label, 3)
            for step, value, rule in reversed(list(zip(steps, inputs, rules, strict=True))):
                relevance = plain_layer(step, value, relevance, rule)
        torch.testing.assert_close(found, relevance.sum(0), rtol=1e-3, atol=1e-4 * float(relevance.abs().max()))


@pytest.mark.parametrize("composite", ["epsilon_plus_flat", "epsilon_gamma_box"])
@pytest.mark.parametrize("name", ["resnet18", "vgg"])
def test_lrp_is_zennits_own_where_zennit_has_a_canonizer(
    name: str, composite: str, network: Callable[..., Classifier], wrap: Callable[..., Classifier], photos: Tensor,
    two: Tensor,
) -> None:  # fmt: skip
    if name == "resnet18":
        classifier, canonizer = network(name), ResNetCanonizer()
    else:
        classifier, canonizer = vgg(wrap), SequentialMergeBatchNorm()
    expected = zennits(classifier, composite, canonizer, photos, two)
    maps = explain(classifier, photos, two, "lrp", composite=composite)
    assert correlation(maps, expected) > 0.999
    assert maps.sum() == pytest.approx(float(expected.sum()), rel=0.01)


def vgg(wrap: Callable[..., Classifier], biases: bool = True) -> Classifier:
    torch.manual_seed(0)
    features = make_layers([8, "M", 16, 16, "M"], batch_norm=True)
    for layer in features:
        if isinstance(layer, nn.BatchNorm2d) and biases:
            layer.running_mean.normal_(std=0.1)
        elif isinstance(layer, nn.Conv2d) and not biases:
            nn.init.zeros_(layer.bias)
    head = [nn.Linear(256, 32, bias=biases), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 9, bias=biases)]
    return wrap(nn.Sequential(*features, nn.AdaptiveAvgPool2d(4), nn.Flatten(), *head), 64)


def zennits(classifier: Classifier, composite: str, canonizer: Canonizer, x: Tensor, target: Tensor) -> Tensor:
    if composite == "epsilon_plus_flat":
        rules = EpsilonPlusFlat(canonizers=[canonizer])
    else:
        low, high = absent(classifier, x[:1], "black"), absent(classifier, x[:1], "white")
        rules = EpsilonGammaBox(low=low, high=high, canonizers=[canonizer])
    with Gradient(model=classifier.module, composite=rules) as attributor:
        _, relevance = attributor(
            x.clone(), lambda logits: logits.detach() * one_hot(target, logits.shape[1]).to(logits)
        )
    return relevance.sum(1).detach()


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.ravel(), b.ravel()]))[0, 1])


@pytest.mark.parametrize("composite", ["epsilon", "epsilon_plus_flat", "epsilon_gamma_box"])
@pytest.mark.parametrize("name", [*NETWORKS, "vgg", "small"])
def test_lrp_conserves_the_logit_where_no_bias_absorbs_any(
    name: str,
    composite: str,
    network: Callable[..., Classifier],
    wrap: Callable[..., Classifier],
    small: Classifier,
    photos: Tensor,
    two: Tensor,
) -> None:
    if name == "small":
        classifier = small
        with torch.no_grad():
            for key, value in small.module.state_dict().items():
                if key.endswith(("bias", "running_mean")):
                    value.zero_()
    else:
        classifier = vgg(wrap, biases=False) if name == "vgg" else network(name, biases=False)
    logits = classifier.logits(photos).gather(1, two[:, None])[:, 0].detach()
    maps = explain(classifier, photos, two, "lrp", composite=composite, epsilon=1e-9)
    torch.testing.assert_close(maps.sum((1, 2)), logits, rtol=0.01, atol=0)


@pytest.mark.parametrize(
    ("layer", "operation"),
    [
        (SqueezeExcitation(4, 2), "Sigmoid"),
        (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4)), "BatchNorm2d"),
        (nn.GroupNorm(2, 4), "GroupNorm"),
    ],
)
def test_lrp_is_refused_where_there_is_no_rule(
    layer: nn.Module, operation: str, wrap: Callable[..., Classifier]
) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=f"lrp cannot explain 'own': there is no rule for its operation {operation}"):
        explain(wrap(module, 8), torch.zeros(1, 3, 8, 8), torch.tensor([0]), "lrp")


def test_guided_backprop_is_refused_without_relu(wrap: Callable[..., Classifier]) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 2))
    with pytest.raises(ValueError, match="guided_backprop cannot explain 'own': it has no ReLU"):
        explain(wrap(module, 8), torch.zeros(1, 3, 8, 8), torch.tensor([0]), "guided_backprop")
