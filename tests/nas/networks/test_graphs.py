"""Graphs of networks against calls of their layers by hand."""

import pytest
import torch
from torch import nn

from nas.networks.descriptions import build, find_network
from nas.networks.graphs import layer_of, operation, trace, with_last_map


class Plain(nn.Module):
    """A map, operations that make no new one, a pooling, and a layer."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.activate, self.drop, self.pool = nn.ReLU(), nn.Dropout2d(), nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        maps = self.drop(self.activate(self.norm(self.first(x)))).contiguous()
        return self.head(torch.flatten(self.pool(maps), 1))


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return Plain().eval()


@torch.no_grad()
@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "convnext_nano", "vit_b_16"])
def test_a_graph_computes_what_its_network_does_with_the_same_parameters(name):
    module = build(find_network(name)).eval()
    graph = trace(module)
    x = torch.randn(2, 3, find_network(name).size, find_network(name).size)
    torch.testing.assert_close(graph(x), module(x))
    own = {value.data_ptr() for value in module.parameters()}
    assert {value.data_ptr() for value in graph.parameters()} == own


def test_nodes_say_what_they_do(plain):
    graph = trace(plain)
    called = [node for node in graph.graph.nodes if node.op.startswith("call")]
    words = "Conv2d BatchNorm2d ReLU Dropout2d contiguous AdaptiveAvgPool2d flatten Linear"
    assert [operation(graph, node) for node in called] == words.split()
    layers = [plain.first, plain.norm, plain.activate, plain.drop, None, plain.pool, None, plain.head]
    for node, expected in zip(called, layers, strict=True):
        found = layer_of(graph, node)
        assert type(found) is type(expected)
        if expected is not None:  # another layer, the same parameters and buffers
            ours, theirs = ([*layer.parameters(), *layer.buffers()] for layer in (found, expected))
            assert len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))


@torch.no_grad()
def test_the_last_map_is_what_no_pooling_or_dropout_made(plain):
    x = torch.randn(2, 3, 6, 6)
    network, layer = with_last_map(plain, 6)
    maps, logits = network(x)
    assert torch.equal(maps, plain.activate(plain.norm(plain.first(x)))) and torch.equal(logits, plain(x))
    assert layer is plain.head and with_last_map(plain, 6)[0] is network


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "by_hand", "head"),
    [
        ("resnet18", lambda m, x: nn.Sequential(*list(m.children())[:-2])(x), lambda m: m.fc),
        ("mobilenet_v2", lambda m, x: m.features(x), lambda m: m.classifier[1]),
        ("vgg11", lambda m, x: m.features[:-1](x), lambda m: m.classifier[6]),
        ("densenet121", lambda m, x: torch.relu(m.features(x)), lambda m: m.classifier),
    ],
)
def test_the_last_map_of_known_networks(name, by_hand, head):
    module = build(find_network(name)).eval()
    x = torch.randn(1, 3, 64, 64)
    network, layer = with_last_map(module, 64)
    maps, logits = network(x)
    torch.testing.assert_close(maps, by_hand(module, x))
    torch.testing.assert_close(logits, module(x))
    assert layer is head(module)


def test_the_layer_is_the_one_that_gives_the_logits():
    network, layer = with_last_map(nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()), 8)
    assert type(layer) is nn.Flatten
    assert [tuple(each.shape) for each in network(torch.zeros(2, 3, 8, 8))] == [(2, 4, 8, 8), (2, 4)]


@pytest.mark.parametrize(("name", "size"), [("flat", 8), ("vit_b_16", 224)])
def test_a_network_without_a_last_map_is_refused(name, size):
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)) if name == "flat" else build(find_network(name)).eval()
    with pytest.raises(ValueError, match=r"^\w+ has no feature map \(B, C, h, w\) before its closing pooling; choose"):
        with_last_map(module, size)
