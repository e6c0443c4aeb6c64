"""Depths that are found against those that the graphs of known networks have."""

import dataclasses
from contextlib import ExitStack

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx

from nas.networks.classifier import Classifier
from nas.networks.descriptions import NETWORKS, build, find_network
from nas.networks.strides import _cuts, depths_by_stride

many = settings(max_examples=25, deadline=None, derandomize=True)


RESNET = ["maxpool", "layer1", "layer2", "layer3", "layer4"]
FOUND = {  # network: (nodes, sides of the maps)
    "resnet18": (RESNET, [56, 56, 28, 14, 7]),
    "resnext50_32x4d": (RESNET, [56, 56, 28, 14, 7]),
    "test_resnet": (RESNET, [40, 40, 20, 10, 5]),  # of timm
    # without padding the sides are a little short of 299 / 2, 299 / 4, ...
    "inception_v3": (["Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c"], [147, 71, 35, 17, 8]),
    "googlenet": (["conv1", "conv3", "inception3b", "inception4e", "inception5b"], [112, 56, 28, 14, 7]),
    "densenet121": (["features.relu0", *(f"features.denseblock{n}" for n in range(1, 5))], [112, 56, 28, 14, 7]),
    "efficientnet_b0": ([f"features.{n}" for n in (1, 2, 3, 5, 7)], [112, 56, 28, 14, 7]),
    "mobilenet_v3_small": ([f"features.{n}" for n in (0, 1, 3, 8, 11)], [112, 56, 28, 14, 7]),
    "squeezenet1_1": ([f"features.{n}" for n in (1, 4, 7, 12)], [111, 55, 27, 13]),  # ends at stride 16
    "convnext_tiny": ([f"features.{n}" for n in (0, 1, 3, 5, 7)], [56, 56, 28, 14, 7]),
    "convnext_nano": (["stem.1", *(f"stages.{n}" for n in range(4))], [56, 56, 28, 14, 7]),  # of timm
    # the first layer of each of its stages still has the stride of the stage before
    "mnasnet0_5": ([f"layers.{n}" for n in (7, 8, 9, 11, 13)], [112, 56, 28, 14, 7]),
    "alexnet": ([f"features.{n}" for n in (1, 4, 11)] + ["avgpool"], [55, 27, 13, 6]),  # no blocks
    # what the table says of them
    "mobilenet_v2": (list(NETWORKS["mobilenet_v2"].depths.values()), [112, 56, 28, 14, 7]),
    "efficientnet_lite0": (list(NETWORKS["efficientnet_lite0"].depths.values()), [112, 56, 28, 14, 7]),
}


@pytest.mark.parametrize("name", FOUND)
def test_depths_by_stride(name):
    nodes, sides = FOUND[name]
    found = find_network(name)
    with torch.device("meta"):
        module = build(found)
    classifier = Classifier(name, module, dataclasses.replace(found, depths=None), "meta")
    first = 1 if name == "alexnet" else 0
    assert classifier.depths == dict(enumerate(nodes, first))
    assert [shape[1:] for shape in classifier.shapes().values()] == [(side, side) for side in sides]


@pytest.mark.parametrize("name", [name for name in FOUND if name not in ("resnext50_32x4d", "convnext_nano")])
def test_all_that_comes_later_is_computed_from_a_depth(name):
    """Cut there, nothing of the input reaches the logits."""
    with torch.device("meta"):
        module = build(find_network(name)).eval().requires_grad_(False)
    x = torch.zeros(1, 3, find_network(name).size, find_network(name).size, device="meta").requires_grad_()
    assert module(x).requires_grad
    for node in FOUND[name][0]:
        cut = module.get_submodule(node).register_forward_hook(lambda layer, inputs, output: output.detach())
        assert not module(x).requires_grad, node
        cut.remove()


@many
@given(data=st.data(), n=st.integers(1, 8))
def test_cuts_are_the_nodes_on_every_path(data, n):
    graph = fx.Graph()
    nodes = [graph.placeholder("x")]
    for _ in range(n):
        inputs = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3))
        nodes.append(graph.call_function(sum, (inputs,)))
    reached = set()
    for node in reversed(nodes):
        reached |= {node} if node is nodes[-1] or reached & set(node.users) else set()
    nodes = [node for node in nodes if node in reached]

    def joined(without):
        open_, seen = [nodes[0]] if without is not nodes[0] else [], set()
        while open_:
            node = open_.pop()
            seen.add(node)
            open_ += [user for user in node.users if user is not without and user not in seen]
        return nodes[-1] in seen

    assert _cuts(nodes) == [node for node in nodes if not joined(without=node)]


def test_depths_by_stride_where_the_network_is():
    module = build(find_network("squeezenet1_1"))
    depths = depths_by_stride(module, 224)
    assert depths_by_stride(module.to("meta"), 224) == depths


def of_hooks(classifier, names, x):
    """What layers give, by hooks set by hand."""
    found = {}
    with ExitStack() as stack:
        for name in names:
            layer = classifier.module.get_submodule(name)
            handle = layer.register_forward_hook(lambda _layer, _given, output, name=name: found.update({name: output}))
            stack.callback(handle.remove)
        with torch.no_grad():
            classifier.module(x)
    return found


@pytest.mark.parametrize(
    ("name", "blocks", "n_first"),
    [
        ("test_vit", [], 1),  # of timm, too few blocks for four shares
        ("vit_tiny_patch16_224", ["blocks.2", "blocks.5", "blocks.8", "blocks.11"], 1),
        ("deit_tiny_distilled_patch16_224", ["blocks.2", "blocks.5", "blocks.8", "blocks.11"], 2),
        ("vit_b_16", [f"encoder.layers.encoder_layer_{n}" for n in (2, 5, 8, 11)], 1),
    ],
)
def test_tokens_of_a_transformer_are_maps_without_those_of_the_class(randomized, name, blocks, n_first):
    classifier = randomized(name)
    assert [*classifier.depths.values()][-4:] == blocks or not blocks
    x = torch.randn(2, 3, classifier.size, classifier.size, generator=torch.Generator().manual_seed(0))
    hooked = of_hooks(classifier, blocks, x)
    maps = classifier.activations(x)
    for depth, block in enumerate(blocks, 1):
        tokens = hooked[block][:, n_first:]
        side = round(tokens.shape[1] ** 0.5)
        expected = torch.stack([tokens[:, row * side : (row + 1) * side] for row in range(side)], 1)  # (B, h, w, C)
        torch.testing.assert_close(maps[depth], expected.permute(0, 3, 1, 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "swin_t"])
def test_maps_with_channels_last_are_turned(randomized, name):
    classifier = randomized(name)
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert classifier.shapes() == {1: (96, 56, 56), 2: (192, 28, 28), 3: (384, 14, 14), 4: (768, 7, 7)}
    stages = (
        ["layers.0", "layers.1", "layers.2", "norm"]
        if "patch4" in name
        else [*(f"features.{n}" for n in (1, 3, 5)), "norm"]
    )
    for values, stage in zip(classifier.activations(x).values(), of_hooks(classifier, stages, x).values(), strict=True):
        torch.testing.assert_close(values, stage.permute(0, 3, 1, 2), rtol=0, atol=1e-5)
