"""Baselines against colours worked out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nas.networks.classifier import Classifier
from nas.saliency.baselines import BASELINES, absent, pixels

# with the mean 0.4, 0.5, 0.6 and the deviation 0.2, 0.3, 0.4 of `wrap`
BLACK, WHITE = (-2.0, -5 / 3, -1.5), (3.0, 5 / 3, 1.0)


def test_baselines_show_their_colour(linear: Classifier) -> None:
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(2)).double() / 10
    black, white = (torch.tensor(values)[:, None, None].expand_as(x).double() for values in (BLACK, WHITE))
    torch.testing.assert_close(absent(linear, x, "black"), black, rtol=0, atol=1e-5)
    torch.testing.assert_close(absent(linear, x, "white"), white, rtol=0, atol=1e-5)
    grey = pixels(linear, absent(linear, x, "zero"))[0, :, 0, 0]
    torch.testing.assert_close(grey, torch.tensor([0.4, 0.5, 0.6]).double(), rtol=0, atol=1e-6)
    for image, flat in zip(pixels(linear, x), pixels(linear, absent(linear, x, "mean")), strict=True):
        for channel, constant in zip(image, flat, strict=True):
            torch.testing.assert_close(constant, torch.full_like(constant, float(channel.mean())))


def test_pixels_undo_normalize(network: Callable[..., Classifier]) -> None:
    classifier = network("efficientnet_lite0")
    views = torch.randint(0, 256, (2, 8, 8, 3), dtype=torch.uint8).numpy()
    back = pixels(classifier, classifier.normalize(views)).permute(0, 2, 3, 1) * 255
    torch.testing.assert_close(back, torch.from_numpy(views).float(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_baseline_has_the_shape_of_the_input_and_shows_one_colour(
    linear: Classifier, images: Tensor, baseline: str
) -> None:
    found = absent(linear, images, baseline)
    assert found.shape == images.shape and found.dtype == images.dtype
    torch.testing.assert_close(found, found[:, :, :1, :1].expand_as(images), rtol=0, atol=0)


def test_another_name_is_refused_with_those_that_there_are(linear: Classifier, images: Tensor) -> None:
    with pytest.raises(ValueError, match="baseline is 'grey'; give one of black, white, zero, mean"):
        absent(linear, images, "grey")
