"""Depths of a network by stride, found in its graph."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any

import timm.models
import torch
import torchvision
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torchvision.models.feature_extraction import NodePathTracer

from nas.networks.modules import shadow

RESNET_DEPTHS = {0: "maxpool", 1: "layer1", 2: "layer2", 3: "layer3", 4: "layer4"}


def tracing() -> dict[str, Any]:
    """How a network is traced: layers of torchvision.ops are not looked into, nor what timm says cannot be traced."""
    layers = [kind for kind in vars(torchvision.ops).values() if isinstance(kind, type) and issubclass(kind, nn.Module)]
    return {
        "autowrap_modules": (math, torchvision.ops),
        "autowrap_functions": timm.models.get_notrace_functions(),
        "leaf_modules": [*timm.models.get_notrace_modules(), *layers],
    }


def depths_by_stride(module: nn.Module, size: int) -> dict[int, str]:
    """Depth d to the graph node with the last feature map at stride 2^(d+1), for d = 0 to 4, where there is one.

    A map counts if everything later is computed from it, and if it does not lie inside a block that reduces it. The
    output of a block comes before other maps, so that a stage's own output is taken and not the norm or the
    convolution that leads from it to the next one. A block is a module of two convolutions or more that halves its
    input at most once. Networks with the layers of a ResNet have the depths of a ResNet. Where the stem goes to
    stride 4 at once, depth 0 is the last map before the first block, as it is in a ResNet. A network of one resolution
    has depths 1 to 4, the ends of four equal shares of its blocks.
    """
    if set(RESNET_DEPTHS.values()) <= dict(module.named_children()).keys():
        return dict(RESNET_DEPTHS)
    names, depths = _trace(module, size)
    parts = _parts(module, names, depths)
    blocks = [part for part in parts if part.n_convolutions > 1]
    reduced = {node for block in blocks for node in block.nodes if depths[node] != depths[block.nodes[-1]]}
    maps = [node for node in _cuts(list(depths)) if depths[node] in range(5) and node not in reduced]
    outputs = {block.nodes[-1] for block in blocks}
    # of each depth the last one stays: of the outputs of blocks where there are some, else of all
    found = {depths[node]: node for node in sorted(maps, key=outputs.__contains__)}
    inside = {node for block in blocks for node in block.nodes}
    stem = [node for node in takewhile(lambda node: node not in inside, depths) if node in maps]
    if blocks and stem:
        found.setdefault(0, stem[-1])
    outermost = {part.nodes[-1]: part.path for part in reversed(parts)}
    named = {depth: outermost.get(found[depth], names[found[depth]]) for depth in range(5) if depth in found}
    return named if len(named) > 1 else _depths_of_blocks(module) or named


def _depths_of_blocks(module: nn.Module) -> dict[int, str]:
    """Depths 1 to 4 of a network of one resolution, as vision transformers are: the ends of four equal shares of its
    blocks; none where there are no such blocks."""
    for path in ("blocks", "encoder.layers"):  # of timm, of torchvision
        with suppress(AttributeError):
            names = [name for name, _ in module.get_submodule(path).named_children()]
            if len(names) >= 4:
                return {depth: f"{path}.{names[math.ceil(len(names) * depth / 4) - 1]}" for depth in (1, 2, 3, 4)}
    return {}


def _trace(module: nn.Module, size: int) -> tuple[dict[fx.Node, str], dict[fx.Node, int | None]]:
    """The names of all nodes, and the depths of those whose tensors lead from the input to the output, in order.

    The depth is -1 for a map of the input's size, and None for what is no square map.
    """
    tracer = NodePathTracer(**tracing())
    own = shadow(module)
    graph = fx.GraphModule(own, tracer.trace(own))
    with torch.no_grad():
        ShapeProp(graph).propagate(torch.zeros(1, 3, size, size).to(next(module.parameters())))
    names: dict[fx.Node, str] = tracer.node_to_qualname
    used = set(graph.graph.output_node().all_input_nodes)
    for node in reversed(graph.graph.nodes):
        used |= set(node.all_input_nodes) if node in used else set()
    depths: dict[fx.Node, int | None] = {}
    for node in graph.graph.nodes:
        computed = node.op == "placeholder" or not depths.keys().isdisjoint(node.all_input_nodes)
        if node in used and computed and "tensor_meta" in node.meta:
            shape: tuple[int, ...] = getattr(node.meta["tensor_meta"], "shape", ())
            side = shape[1] if channels_last(shape) else shape[2] if len(shape) == 4 and shape[2] == shape[3] else 1
            depths[node] = round(math.log2(size / side)) - 1 if side > 1 else None
    return names, depths


def channels_last(shape: Sequence[int]) -> bool:
    """Whether a map of a square input is (B, h, w, C), as transformers with windows have it, and not (B, C, h, w)."""
    return len(shape) == 4 and shape[1] == shape[2] > 1 and shape[2] != shape[3]


def channels_first(maps: Tensor) -> Tensor:
    """Maps as (B, C, h, w), whichever way the network has them; of tokens (B, N, C) those of the squares of a photo.

    N is the largest square in it, and what goes beyond are tokens of the class and registers, which come first.
    """
    if maps.ndim == 3 and (side := math.isqrt(maps.shape[1])) > 1:
        maps = maps[:, maps.shape[1] - side**2 :].unflatten(1, (side, side))
        return maps.permute(0, 3, 1, 2).contiguous()
    return maps.permute(0, 3, 1, 2).contiguous() if channels_last(maps.shape) else maps


def _cuts(nodes: Sequence[fx.Node]) -> list[fx.Node]:
    """The nodes, in order of execution, that all computation goes through: no other is used on both sides of them."""
    position = {node: number for number, node in enumerate(nodes)}
    cuts, reach = [], 0
    for node in nodes:
        if position[node] >= reach:
            cuts.append(node)
        reach = max([reach, *(position[user] for user in node.users if user in position)])
    return cuts


@dataclass(frozen=True)
class _Part:
    """A module that halves its input at most once: its path, its nodes in order, its convolutions."""

    path: str
    nodes: list[fx.Node]
    n_convolutions: int


def _parts(module: nn.Module, names: Mapping[fx.Node, str], depths: Mapping[fx.Node, int | None]) -> list[_Part]:
    """Such modules inside a network whose output is a map, outer ones first."""
    members: dict[str, list[fx.Node]] = {}
    for node, name in names.items():
        for path in accumulate(name.split("."), "{}.{}".format):
            members.setdefault(path, []).append(node)
    modules = dict(module.named_modules())
    parts = []
    for path in sorted(members.keys() & modules.keys(), key=lambda path: (path.count("."), path)):
        nodes = [node for node in members[path] if node in depths]
        sources = {source for node in nodes for source in node.all_input_nodes} - set(nodes)
        known = [depth for source in sources if (depth := depths.get(source)) is not None]
        depth = depths.get(members[path][-1])
        if depth is not None and known and depth - min(known) <= 1:
            layers = [layer for layer in modules[path].modules() if isinstance(layer, nn.Conv2d)]
            parts.append(_Part(path, nodes, len(layers)))
    return parts
