"""Numbers that are none are refused where they enter, with what they are of."""

import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.networks.forward import Forward
from nas.networks.usable import check_maps, n_not_usable
from nas.networks.weights import load_weights
from nas.superpixels.estimator import NeuroActivatedSuperpixels

WRONG = [torch.nan, torch.inf, -torch.inf, 1e20, -1e20]


@pytest.mark.parametrize("value", WRONG)
def test_values_that_cannot_be_computed_with_are_counted(value):
    values = torch.ones(4, 5)
    values[0, 3] = values[2, 2] = value
    assert n_not_usable(values) == 2 and n_not_usable(torch.tensor([-1e18, 0.0, 1e18])) == 0


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]
)
def test_values_of_any_width_are_counted(dtype):
    values = torch.tensor([torch.nan, 1.0, -2.0]).to(dtype)
    assert n_not_usable(values) == 1
    if dtype != torch.float8_e4m3fn:  # which has no inf
        assert n_not_usable(torch.tensor([torch.nan, torch.inf, -torch.inf, 1.0]).to(dtype)) == 3
    assert n_not_usable(torch.tensor([2, -3])) == 0


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.complex64])
def test_weights_of_another_kind_of_number_are_refused(tmp_path, dtype):
    module = nn.Sequential(nn.Conv2d(3, 2, 1))
    state = module.state_dict() | {"0.weight": torch.ones(2, 3, 1, 1, dtype=dtype)}
    torch.save(state, tmp_path / "own.pth")
    message = rf"own\.pth: '0\.weight' has {dtype}, must have torch\.float32; give weights that are not quantized"
    with pytest.raises(ValueError, match=message):
        load_weights(module, tmp_path / "own.pth")


@pytest.mark.parametrize("value", WRONG)
def test_maps_that_are_none_are_named_with_image_and_share(value):
    maps = torch.zeros(3, 2, 4, 4)
    maps[1, 0, 2, 3] = value
    with pytest.raises(ValueError, match=r"^activations at depth 2 of image 1: 1 of its 32 values are not finite or"):
        check_maps("activations at depth 2", maps)
    check_maps("activations at depth 2", maps[[0, 2]])


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("entry", ["0.weight", "1.running_var", "3.bias"])
def test_weights_that_are_none_are_refused_and_the_module_is_as_it_was(tmp_path, value, entry):
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    before = {name: each.clone() for name, each in module.state_dict().items()}
    state = {name: each.clone() for name, each in before.items()}
    state[entry].view(-1)[1] = value
    save_file(state, tmp_path / "own.safetensors")
    message = rf"own\.safetensors: 1 of the \d+ values of '{re.escape(entry)}' are not finite or beyond 1e\+18"
    with pytest.raises(ValueError, match=message) as caught:
        load_weights(module, tmp_path / "own.safetensors")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("scope", ["image", "collection"])
@pytest.mark.parametrize("size", ["first", 9])
def test_activations_that_are_none_are_never_clustered(value, scope, size):
    maps = {depth: torch.rand(3, 4, 6 // depth, 6 // depth) for depth in (1, 2)}
    maps[2][1, 2, 0, 1] = value
    model = NeuroActivatedSuperpixels(3, depths=(1, 2), size=size, scope=scope)
    message = r"^activations of image \d, 4 channels of 3 x 3: \d+ of the \d+ locations have values that are not finite"
    with pytest.raises(ValueError, match=message):
        model.fit(maps)


def test_a_pass_with_weights_that_give_no_numbers_says_where(small):
    classifier = small()
    views = np.full((2, 32, 32, 3), 7, np.uint8)
    views[0] = 0
    with torch.no_grad():
        classifier.module[0].weight.fill_(1e38)
    with pytest.raises(ValueError, match=r"^activations at depth 0 of image 0: \d+ of its 512 values are not finite"):
        Forward(2).maps(classifier, views)
    with pytest.raises(ValueError, match=r"^logits of image 0: \d+ of its \d+ values are not finite"):
        Forward(2).logits(classifier, views)
