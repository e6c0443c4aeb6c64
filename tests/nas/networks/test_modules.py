"""A module of one's own is left as it was, and what was made of it follows its changes."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.networks.classifier import Classifier
from nas.networks.descriptions import Network
from nas.networks.modules import evaluating, state_of_module, structure_of
from nas.saliency.explaining import explain
from nas.saliency.methods import METHODS

SIDE = 16
METHODS_OF_NETWORKS = [name for name, method in METHODS.items() if method.kind != "control"]
COUNTS = {"smoothgrad": {"n_samples": 2}, "integrated_gradients": {"n_steps": 2}, "rise": {"n_masks": 4}}
COUNTS |= {"xrai": {"n_steps": 2}, "lime": {"n_samples": 8}, "kernel_shap": {"n_samples": 8}}


class Own(nn.Module):
    """A network as people write them: layers and functions that write into their input, batch norms, dropout."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.relu = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True)
        self.second, self.drop, self.pool = nn.Conv2d(6, 6, 3, padding=1), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1)
        self.head, self.window = nn.Linear(6, 3), 2

    def forward(self, x):
        x = self.relu(self.norm(self.stem(x)))
        y = self.second(x)
        y = functional.relu(y, inplace=True)
        y = y + x
        return self.head(self.drop(self.pool(functional.max_pool2d(y, self.window)).flatten(1)))


def wrapped(module, depths):
    found = Network("torchvision", "own", depths=depths, size=SIDE, resize=SIDE)
    return Classifier("own", module, found)


@pytest.fixture
def own():
    torch.manual_seed(0)
    module = Own()
    with torch.no_grad():
        module.norm.running_mean.normal_()
        module.norm.bias.normal_()
    return wrapped(module, {0: "stem", 1: "norm", 2: "second"})


@pytest.fixture
def x():
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def everything(module):
    """Bytes of all tensors, and what is set of all parts."""
    tensors = {name: (value.dtype, value.numpy().tobytes()) for name, value in module.state_dict().items()}
    parts = {name: (part.training, getattr(part, "inplace", None), len(part._forward_hooks))
             for name, part in module.named_modules()}  # fmt: skip
    flags = {name: (value.requires_grad, value.grad) for name, value in module.named_parameters()}
    return tensors, parts, flags


def calls(classifier, x):
    target = torch.tensor([0, 2])
    regions = torch.zeros(2, SIDE, SIDE, dtype=torch.int64)
    regions[:, 8:] = 1
    found = {"logits": lambda: classifier.logits(x), "predictor": lambda: classifier.predictor(x),
             "activations": lambda: torch.cat(list(classifier.activations(x).values()), 1)}  # fmt: skip
    for method in METHODS_OF_NETWORKS:
        given = {"regions": regions} if METHODS[method].needs_regions else {}
        parameters = given | COUNTS.get(method, {})
        found[method] = lambda method=method, given=parameters: explain(classifier, x, target, method, **given)
    return found


POSSIBLE = ["logits", "predictor", "activations", *(name for name in METHODS_OF_NETWORKS if name != "cam")]


@pytest.mark.parametrize("call", POSSIBLE)
def test_every_call_leaves_a_module_bit_for_bit_as_it_was(own, x, call):
    own.module.norm.train()  # parts in a mode of their own
    own.module.drop.train()
    before, given = everything(own.module), x.clone()
    first = calls(own, x)[call]().detach()
    assert everything(own.module) == before and torch.equal(x, given)
    own.module.eval()  # the same as in evaluation mode
    torch.testing.assert_close(calls(own, x)[call]().detach(), first)


@pytest.mark.parametrize("call", POSSIBLE)
def test_what_was_made_of_a_module_follows_it(own, x, call):
    found = calls(own, x)[call]
    former = found().detach()
    state = {name: value * 1.5 + 0.1 if value.is_floating_point() else value
             for name, value in own.module.state_dict().items()}  # fmt: skip
    own.module.load_state_dict(state)
    fresh = wrapped(copy.deepcopy(own.module), own.depths)
    expected = calls(fresh, x)[call]().detach()
    torch.testing.assert_close(found().detach(), expected)
    assert not torch.allclose(former, expected)
    step = torch.optim.SGD(own.module.parameters(), lr=0.5)
    own.module(x).square().sum().backward()
    step.step()
    own.module.zero_grad()
    expected = calls(wrapped(copy.deepcopy(own.module), own.depths), x)[call]().detach()
    torch.testing.assert_close(found().detach(), expected)


def in_inference_mode(module):
    with torch.inference_mode():
        module.head.bias.mul_(3)
        module.second.weight.mul_(3)


def by_data(module):
    module.second.weight.data.mul_(3)
    module.head.weight.data.mul_(-2)


def hooked(module):
    module.second.register_forward_hook(lambda _layer, _inputs, output: 3 * output)
    module.head.register_forward_hook(lambda _layer, _inputs, output: output * torch.tensor([1.0, -2.0, 3.0]))


def set_anew(module):
    module.norm.eps, module.second.padding_mode, module.window = 10.0, "reflect", 4
    module.second._reversed_padding_repeated_twice = [1, 1, 1, 1]


CHANGES = {"data": by_data, "settings": set_anew, "hooks": hooked}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("call", POSSIBLE)
def test_what_was_made_follows_whatever_is_changed(own, x, call, change):
    found = calls(own, x)[call]
    former = found().detach()
    CHANGES[change](own.module)
    expected = calls(wrapped(copy.deepcopy(own.module), own.depths), x)[call]().detach()
    torch.testing.assert_close(found().detach(), expected)
    assert not torch.allclose(former, expected)


def test_what_is_written_in_inference_mode_counts(x):
    torch.manual_seed(0)
    with torch.inference_mode():
        module = Own()
    classifier = wrapped(module, {0: "stem", 1: "norm", 2: "second"})
    former = classifier.predictor(x).clone()
    in_inference_mode(module)
    with torch.inference_mode():
        torch.testing.assert_close(classifier.predictor(x), classifier.logits(x))
        assert not torch.allclose(classifier.logits(x), former)


def test_the_fingerprint_follows_data(own):
    former = own.fingerprint
    by_data(own.module)
    assert own.fingerprint != former


@pytest.mark.parametrize("call", POSSIBLE)
def test_a_layer_that_was_replaced_is_used(own, x, call):
    found = calls(own, x)[call]
    found()
    torch.manual_seed(9)
    own.module.second, own.module.head = nn.Conv2d(6, 6, 3, padding=1), nn.Linear(6, 3)
    fresh = wrapped(copy.deepcopy(own.module), own.depths)
    torch.testing.assert_close(found().detach(), calls(fresh, x)[call]().detach())


def test_a_call_that_raises_leaves_modes_as_they_were(own):
    own.module.norm.train()
    before = everything(own.module)
    for call in (own.logits, own.activations):
        with pytest.raises(RuntimeError):
            call(torch.zeros(1, 4, SIDE, SIDE))
    assert everything(own.module) == before


def test_maps_are_those_before_a_layer_that_writes_into_them(own, x):
    found = own.activations(x)
    module = own.module
    stem = module.stem(x)
    norm = module.norm(stem)
    np.testing.assert_allclose(found[0], stem.detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], norm.detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[2], module.second(norm.relu()).detach(), rtol=1e-5, atol=1e-6)
    assert (found[1] < 0).any() and (found[2] < 0).any()


def test_the_device_is_that_of_the_module_now(own):
    assert own.device == torch.device("cpu")
    own.module.to("meta")
    assert own.device == torch.device("meta")


def test_a_fingerprint_is_that_of_the_weights_now(own):
    before = own.fingerprint
    with torch.no_grad():
        own.module.head.bias[0] += 1
    assert own.fingerprint[:-1] == before[:-1] and own.fingerprint[-1] != before[-1]


def test_a_state_knows_what_was_written_and_a_structure_what_was_replaced():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    state, structure = state_of_module(module), structure_of(module)
    assert (state_of_module(module), structure_of(module)) == (state, structure)
    with torch.no_grad():
        module[1].running_mean[1] = 3.0
    assert state_of_module(module) != state and structure_of(module) == structure
    module[0] = nn.Conv2d(3, 2, 1)
    assert structure_of(module) != structure
    with torch.inference_mode():  # tensors that count nothing
        state_of_module(nn.Linear(2, 2))


def test_parts_are_evaluated_and_go_back_to_their_own_modes():
    module = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm2d(2), nn.ReLU())).eval()
    module[1][0].train()
    with pytest.raises(KeyError), evaluating(module):
        assert not any(part.training for part in module.modules())
        raise KeyError
    assert [part.training for part in module.modules()] == [False, False, False, True, False]


class Keeping(nn.Module):
    """Keeps what it computes from its parameters, as attention with relative positions does."""

    def __init__(self):
        super().__init__()
        self.first, self.head, self.bias = nn.Conv2d(3, 4, 1), nn.Linear(4, 2), nn.Parameter(torch.ones(1, 4))
        self.kept = {}

    def forward(self, x):
        if not self.training and "bias" not in self.kept:
            self.kept["bias"] = 2 * self.bias
        return self.head(self.first(x).mean((2, 3)) + self.kept.get("bias", 2 * self.bias))


def test_a_layer_that_keeps_what_it_saw_keeps_nothing_of_a_trace(x):
    module = Keeping()
    classifier = wrapped(module, {0: "first"})
    for _ in range(2):
        assert explain(classifier, x, torch.tensor([0, 1]), "grad_cam").shape == (2, SIDE, SIDE)
        classifier.activations(x), classifier.predictor(x)
    assert all(isinstance(value, torch.Tensor) for value in module.kept.values())
    assert module(x).shape == (2, 2)
