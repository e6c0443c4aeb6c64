import pytest
import torch
from torch import nn

from nas.networks.descriptions import build, find_network
from nas.networks.folding import Overwriting, folded


def randomize(module):
    """Batch normalization as after training: no two channels alike."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.1)
    return module.eval()


# resnet18 calls one ReLU at several places, densenet121 normalizes before it convolves, squeezenet1_1 never normalizes
NETWORKS = {"mobilenet_v2": 0, "efficientnet_lite0": 0, "resnet18": 0, "densenet121": 62, "squeezenet1_1": 0}


@torch.no_grad()
@pytest.mark.parametrize(("name", "kept"), NETWORKS.items())
def test_logits_stay_and_normalization_goes(name, kept):
    module = randomize(build(find_network(name)))
    x = torch.randn(3, 3, 64, 64)
    state = {key: value.clone() for key, value in module.state_dict().items()}
    before = module(x)
    network = folded(module)
    torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-4 * float(before.abs().max()))
    assert sum(isinstance(part, nn.BatchNorm2d) for part in network.modules()) == kept
    assert torch.equal(module(x), before)
    for key, value in module.state_dict().items():
        assert torch.equal(value, state[key]), key


class Twice(nn.Module):
    """Everything that must not be folded or overwritten: what is read twice, and what is called twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.normalize, self.again = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.activate = nn.ReLU()

    def forward(self, x):
        read_twice = self.first(x)
        x = read_twice + self.normalize(read_twice) + self.activate(read_twice)
        x = self.again(self.second(x))
        x = self.again(self.second(x))
        return x.mean((2, 3))


@torch.no_grad()
def test_what_is_read_or_called_twice_is_left_alone():
    module, x = randomize(Twice()), torch.randn(2, 3, 5, 5)
    network = folded(module)
    torch.testing.assert_close(network(x), module(x), rtol=1e-5, atol=1e-5)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in network.modules()) == 2
    assert not network.activate.inplace


@pytest.mark.parametrize("name", [*NETWORKS, "mobilenet_v3_small", "convnext_tiny"])
def test_gradients_by_the_input_stay_and_none_are_kept_of_the_weights(name):
    module, x = randomize(build(find_network(name))).double(), torch.randn(2, 3, 64, 64, dtype=torch.float64)
    found = []
    for network in (module, folded(module)):
        image = x.clone().requires_grad_()
        found += torch.autograd.grad(network(image)[:, 3].sum(), image)
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9 * float(found[0].abs().max()))
    assert not any(parameter.requires_grad for parameter in folded(module).parameters())
    assert all(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize(("gradients", "overwritten"), [(False, True), (True, False)])
def test_activations_overwrite_what_they_read_but_for_a_gradient(gradients, overwritten):
    network = folded(randomize(build(find_network("mobilenet_v2"))))
    parts, same = [part for part in network.modules() if isinstance(part, Overwriting)], []
    for part in parts:
        part.register_forward_hook(lambda _, given, found: same.append(given[0].data_ptr() == found.data_ptr()))
    network(torch.randn(1, 3, 64, 64).requires_grad_(gradients))
    assert len(parts) > 30 and same == [overwritten] * len(parts)
