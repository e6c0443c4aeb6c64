"""What `explain` is given is checked, and completed by the defaults."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.networks.classifier import Classifier
from nas.saliency.arguments import check_inputs, settings

DEFAULTS = {"n_samples": 5, "seed": 0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": torch.zeros(3, 32, 32)}, r"x has shape \(3, 32, 32\) and dtype torch.float32; give float images"),
        ({"x": torch.zeros(3, 1, 32, 32)}, r"x has shape \(3, 1, 32, 32\)"),
        ({"x": torch.zeros(3, 3, 32, 32).byte()}, "dtype torch.uint8; give float images"),
        ({"x": torch.zeros(0, 3, 32, 32)}, "B >= 1"),
        ({"target": torch.tensor([3, 4])}, r"target has shape \(2,\) .* each of the 3 images, int64 of shape \(3,\)"),
        ({"target": torch.ones(3)}, "dtype torch.float32"),
        ({"target": torch.ones(3).bool()}, "dtype torch.bool"),
        ({"target": torch.tensor([3, 8, 4])}, "target holds 8, but 'own' has classes 0 to 7"),
        ({"target": torch.tensor([-1, 8, 4])}, "target holds -1, but 'own'"),
        ({"x": torch.full((3, 3, 32, 32), torch.nan)}, "x has values in image 0 that are not finite or beyond 1e\\+18"),
        ({"x": torch.arange(3.0).view(3, 1, 1, 1).expand(3, 3, 32, 32) * 1e20}, "in image 1 that are not finite"),
        ({"batch_size": 0}, "batch_size is 0; give a whole number of images, 1 or more"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
    ],
)
def test_inputs_that_are_refused(
    given: dict[str, Any], message: str, small: Classifier, images: Tensor, labels: Tensor
) -> None:
    usual = {"x": images, "target": labels, "batch_size": 4}
    check_inputs(small, **usual)
    with pytest.raises(ValueError, match=message) as error:
        check_inputs(small, **usual | given)
    assert "\n" not in str(error.value)


def test_the_network_is_asked_once_for_its_number_of_classes(wrap: Callable[..., Classifier]) -> None:
    seen = []
    module = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    module.register_forward_hook(lambda *_: seen.append(1))
    classifier = wrap(module, 4)
    seen.clear()  # it has been looked at
    for _ in range(3):
        check_inputs(classifier, torch.zeros(5, 3, 4, 4), torch.ones(5).long(), 1)
    assert len(seen) == 1
    module.train()
    with pytest.raises(ValueError, match=r"classifier 'own' is in training mode; call classifier\.module\.eval"):
        check_inputs(classifier, torch.zeros(5, 3, 4, 4), torch.ones(5).long(), 1)


def test_defaults_are_replaced_by_what_is_given(images: Tensor) -> None:
    assert settings("rise", DEFAULTS, False, {}, images) == DEFAULTS
    assert settings("rise", DEFAULTS, False, {"seed": 4}, images) == {"n_samples": 5, "seed": 4}
    with pytest.raises(ValueError, match="rise has no parameter 'regions': allowed are n_samples, seed"):
        settings("rise", DEFAULTS, False, {"regions": None}, images)


@pytest.mark.parametrize("kind", [lambda ids: ids, lambda ids: ids.numpy(), lambda ids: ids.to(torch.uint8).tolist()])
def test_regions_may_be_of_any_kind_of_integers(kind: Callable[[Tensor], Any], images: Tensor, regions: Tensor) -> None:
    found = settings("lime", DEFAULTS, True, {"regions": kind(regions)}, images)
    assert found["regions"].dtype == torch.int64 and found["regions"].equal(regions)
    assert {name: found[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "lime needs regions: give a region map"),
        ({"regions": None}, "lime needs regions: give a region map"),
        ({"regions": np.zeros((3, 16, 32), int)}, r"regions has shape \(3, 16, 32\); .* shape \(3, 32, 32\)"),
        ({"regions": 2 * np.ones((3, 32, 32), int)}, "regions has 1 different ids between 2"),
    ],
)
def test_regions_that_are_refused(given: dict[str, Any], message: str, images: Tensor) -> None:
    with pytest.raises(ValueError, match=message) as error:
        settings("lime", DEFAULTS, True, given, images)
    assert "\n" not in str(error.value)
