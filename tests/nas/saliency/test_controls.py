from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.networks.classifier import Classifier
from nas.saliency.explaining import explain


@pytest.fixture(scope="session")
def classifier(wrap: Callable[..., Classifier]) -> Classifier:
    return wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), 8)


def test_random_is_uniform_and_differs_between_images_but_not_between_classes(classifier: Classifier) -> None:
    x = torch.randn(200, 3, 8, 8)
    x[1] = x[0]
    maps = explain(classifier, x, torch.arange(200) % 4, "random")
    assert maps[0].equal(maps[1])
    assert len(maps.flatten(1).unique(dim=0)) == 199
    shares = torch.histc(maps, 10, 0, 1) / maps.numel()
    torch.testing.assert_close(shares, torch.full((10,), 0.1), rtol=0, atol=0.02)


def test_random_is_of_the_colours_and_not_of_the_last_bits_of_a_processor(classifier: Classifier) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    x, target = classifier.normalize(photos), torch.tensor([0, 1])
    maps = explain(classifier, x, target, "random")
    assert explain(classifier, x * (1 + 2e-7), target, "random").equal(maps)
    photos[0, 0, 0, 0] ^= 1
    changed = explain(classifier, classifier.normalize(photos), target, "random")
    assert changed[1].equal(maps[1]) and not changed[0].equal(maps[0])


def test_sobel_is_the_plain_magnitude_of_the_luminance_gradient(classifier: Classifier) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    maps = explain(classifier, classifier.normalize(photos), torch.tensor([0, 1]), "sobel").numpy()
    gray = photos / 255 @ [0.2125, 0.7154, 0.0721]
    for image, expected in zip(maps, gray, strict=True):
        for i in range(1, 7):
            for j in range(1, 7):
                block = expected[i - 1 : i + 2, j - 1 : j + 2]
                down = (block[2] - block[0]) @ [1, 2, 1] / 4
                right = (block[:, 2] - block[:, 0]) @ [1, 2, 1] / 4
                assert image[i, j] == pytest.approx(np.sqrt((down**2 + right**2) / 2), abs=1e-5)


def test_sobel_of_one_colour_is_zero(classifier: Classifier, images: Tensor) -> None:
    flat = images.mean((2, 3), keepdim=True).expand(3, 3, 8, 8).contiguous()
    assert explain(classifier, flat, torch.tensor([0, 1, 2]), "sobel").abs().max() < 1e-6
