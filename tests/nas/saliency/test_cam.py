from collections.abc import Callable

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.networks.graphs import with_last_map
from nas.saliency.explaining import explain

LAST_LAYERS = {
    "mobilenet_v2": lambda module: module.features[18],
    "efficientnet_lite0": lambda module: module.bn2,
    "resnet18": lambda module: module.layer4,
}


@pytest.fixture
def photos() -> Tensor:
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", LAST_LAYERS)
def test_grad_cam_is_captums_at_the_layer_before_pooling_and_cam_its_multiple(
    name: str, network: Callable[..., Classifier], photos: Tensor, labels: Tensor
) -> None:
    classifier = network(name)
    captums = LayerGradCam(classifier.module, LAST_LAYERS[name](classifier.module))
    expected = captums.attribute(photos.requires_grad_(), labels)[:, 0].detach()
    signed = explain(classifier, photos, labels, "grad_cam", relu=False, upsample=False)
    scale = float(expected.abs().max())
    torch.testing.assert_close(signed, expected, rtol=1e-3, atol=1e-5 * scale)
    cut = explain(classifier, photos, labels, "grad_cam", upsample=False)
    torch.testing.assert_close(cut, signed.clamp(min=0), rtol=1e-3, atol=1e-5 * scale)
    locations = signed[0].numel()
    maps = explain(classifier, photos, labels, "cam", upsample=False)
    torch.testing.assert_close(maps, locations * signed, rtol=1e-3, atol=1e-5 * scale * locations)


def test_the_mean_of_cam_is_the_logit_less_the_bias(small: Classifier, images: Tensor, labels: Tensor) -> None:
    maps = explain(small, images, labels, "cam", upsample=False)
    logits = small.logits(images).gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(maps.mean((1, 2)), (logits - small.module.classify.bias[labels]).detach())


def convolutions() -> list[nn.Module]:
    return [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU()]


@pytest.mark.parametrize(
    "head",
    [
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 6)],
        [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 6)],
        [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 6)],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ReLU(), nn.Linear(6, 6), nn.Tanh()],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(6), nn.Linear(6, 6)],
    ],
)
def test_cam_is_refused_where_more_than_pooling_and_one_linear_layer_follows(
    head: list[nn.Module], wrap: Callable[..., Classifier]
) -> None:
    torch.manual_seed(0)
    classifier = wrap(nn.Sequential(*convolutions(), *head), 16)
    x, target = torch.randn(2, 3, 16, 16), torch.tensor([0, 5])
    with pytest.raises(ValueError, match="cam cannot explain 'own': its logits are not a linear layer of the mean"):
        explain(classifier, x, target, "cam")
    assert explain(classifier, x, target, "grad_cam", upsample=False).shape == (2, 8, 8)


def test_the_last_map_comes_before_every_pooling_and_dropout_of_the_head(wrap: Callable[..., Classifier]) -> None:
    head = [nn.MaxPool2d(2), nn.Dropout2d(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 3)]
    module = nn.Sequential(*convolutions(), *head)
    classifier = wrap(module, 16)
    x = torch.randn(2, 3, 16, 16)
    network, closing = with_last_map(classifier.module, 16)
    maps, logits = network(x)
    assert maps.equal(module[:5](x))
    assert logits.equal(module(x))
    assert closing is module[-1]


@pytest.mark.parametrize(
    ("name", "channels", "side"),
    [("squeezenet1_1", 1000, 13), ("shufflenet_v2_x0_5", 1024, 7)],
)
def test_the_last_map_of_other_architectures(name: str, channels: int, side: int) -> None:
    found = find_network(name)
    network, _ = with_last_map(build(found).eval(), found.size)
    with torch.no_grad():
        maps, logits = network(torch.zeros(1, 3, found.size, found.size))
    assert maps.shape == (1, channels, side, side)
    assert logits.shape == (1, 1000)


def test_a_network_of_tokens_has_no_last_map(wrap: Callable[..., Classifier]) -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.mix, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patches(x).flatten(2).transpose(1, 2)
            return self.head(self.mix(tokens).mean(1))

    with pytest.raises(ValueError, match=r"Tokens has no feature map .* before its closing pooling"):
        explain(wrap(Tokens(), 16, "patches"), torch.zeros(1, 3, 16, 16), torch.tensor([0]), "grad_cam")


@pytest.mark.parametrize(("name", "normed"), [("swin_tiny_patch4_window7_224", "norm"), ("swin_t", "norm")])
def test_grad_cam_and_cam_of_a_network_with_channels_last(
    name: str, normed: str, network: Callable[..., Classifier]
) -> None:
    """Both hold the maps (B, h, w, C) before the closing mean; plainly, by a hook and by hand."""
    classifier = network(name)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    kept: list[Tensor] = []

    def keep(_layer: nn.Module, _given: object, output: Tensor) -> None:
        output.retain_grad()
        kept.append(output)

    handle = classifier.module.get_submodule(normed).register_forward_hook(keep)
    classifier.module(x.clone().requires_grad_())[0, 7].backward()
    handle.remove()
    [maps] = kept
    assert maps.grad is not None and maps.shape == (1, 7, 7, 768)
    expected = (maps.grad.mean((1, 2)) * maps).sum(-1).detach()
    scale = float(expected.abs().max())
    signed = explain(classifier, x, 7, "grad_cam", relu=False, upsample=False)
    torch.testing.assert_close(signed, expected, rtol=0, atol=1e-4 * scale)
    torch.testing.assert_close(
        explain(classifier, x, 7, "cam", upsample=False), 49 * expected, rtol=0, atol=5e-3 * scale
    )


@pytest.mark.parametrize("name", ["regnety_002", "repvgg_a0"])
def test_cam_finds_the_linear_layer_before_layers_that_change_nothing(
    name: str, network: Callable[..., Classifier]
) -> None:
    classifier = network(name)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    maps = explain(classifier, x, 3, "cam", upsample=False)
    layers = [layer for layer in classifier.module.modules() if isinstance(layer, nn.Linear)]
    assert layers[-1].bias is not None
    torch.testing.assert_close(maps.mean((1, 2)), classifier.logits(x)[:, 3].detach() - layers[-1].bias[3].detach())
