"""Gradients against central differences."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nas.networks.classifier import Classifier
from nas.saliency.baselines import BASELINES, absent
from nas.saliency.explaining import explain


@pytest.fixture(scope="session")
def smooth(wrap: Callable[..., Classifier]) -> Classifier:
    """A small network in double precision, smooth, so that its gradient can be checked by differences."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 16, 5), nn.Tanh(), nn.Linear(5, 3)
    )
    return wrap(module.double(), 6)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(2)).double()


@torch.no_grad()
def differences(classifier: Classifier, x: Tensor, target: Tensor, step: float = 1e-4) -> Tensor:
    """Central differences of each image's target logit, in each channel of each pixel."""
    slopes = []
    for image, label in zip(x, target, strict=True):
        moves = step * torch.eye(image.numel(), dtype=x.dtype).reshape(-1, *image.shape)
        ends = [classifier.logits(image + sign * moves)[:, label] for sign in (1, -1)]
        slopes.append((ends[0] - ends[1]).reshape(image.shape) / (2 * step))
    return torch.stack(slopes)


def test_gradient_and_input_x_gradient_by_differences(smooth: Classifier, x: Tensor) -> None:
    target = torch.tensor([2, 0])
    slopes = differences(smooth, x, target)
    largest = slopes.abs().max(dim=1).values.float()
    torch.testing.assert_close(explain(smooth, x, target, "gradient"), largest, rtol=1e-4, atol=1e-6)
    product = (x * slopes).sum(1).float()
    torch.testing.assert_close(explain(smooth, x, target, "input_x_gradient"), product, rtol=1e-4, atol=1e-6)


def test_smoothgrad_without_noise_is_the_gradient(smooth: Classifier, x: Tensor) -> None:
    target = torch.tensor([1, 1])
    still = explain(smooth, x, target, "smoothgrad", noise_level=0.0, n_samples=3)
    torch.testing.assert_close(still, explain(smooth, x, target, "gradient"))


def test_smoothgrad_tends_to_the_gradient_of_the_smoothed_logit(wrap: Callable[..., Classifier]) -> None:
    # the mean of 3 (v + noise)^2 over the noise has the slope 6 v, that of (v + noise)^3 has 3 v^2 + 3 variance
    class Cubes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([(3 * x**2).sum((1, 2, 3)), (x**3).sum((1, 2, 3))], dim=1)

    classifier = wrap(Cubes(), 4, "stack")
    x = torch.linspace(-1, 1, 48).reshape(1, 3, 4, 4)
    settings = {"noise_level": 0.25, "n_samples": 4000, "batch_size": 1000}
    square = explain(classifier, x, torch.tensor([0]), "smoothgrad", **settings)
    torch.testing.assert_close(square, (6 * x).abs().amax(1), rtol=0, atol=0.2)
    cube = explain(classifier, x, torch.tensor([1]), "smoothgrad", **settings)
    torch.testing.assert_close(cube, (3 * x**2 + 3 * 0.5**2).amax(1), rtol=0, atol=0.2)


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_are_complete(smooth: Classifier, x: Tensor, baseline: str) -> None:
    target = torch.tensor([2, 0])
    maps = explain(smooth, x, target, "integrated_gradients", baseline=baseline, n_steps=64)
    start = absent(smooth, x, baseline)
    rise = (smooth.logits(x) - smooth.logits(start)).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(maps.sum((1, 2)), rise.float(), rtol=1e-4, atol=1e-5)


def test_integrated_gradients_are_the_plain_mean_of_gradients_on_the_way(smooth: Classifier, x: Tensor) -> None:
    target = torch.tensor([2, 0])
    way = (torch.arange(8) + 0.5) / 8
    slopes = torch.stack([differences(smooth, share * x, target) for share in way]).mean(0)
    maps = explain(smooth, x, target, "integrated_gradients", baseline="zero")
    torch.testing.assert_close(maps, (x * slopes).sum(1).float(), rtol=0, atol=0.02 * float(maps.abs().max()))
