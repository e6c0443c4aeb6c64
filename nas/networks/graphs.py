"""The graph of a network, and its last feature map."""

from weakref import WeakKeyDictionary

import timm.models
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torchvision.models.feature_extraction import NodePathTracer

NO_NEW_MAP = ("pool", "dropout", "identity", "mean", "contiguous")
_last_maps: WeakKeyDictionary[nn.Module, tuple[fx.GraphModule, nn.Module | None]] = WeakKeyDictionary()


def trace(module: nn.Module) -> fx.GraphModule:
    """The graph of a module, which shares its layers and parameters."""
    tracer = NodePathTracer(
        leaf_modules=tuple(timm.models.get_notrace_modules()),
        autowrap_functions=tuple(timm.models.get_notrace_functions()),
    )
    return fx.GraphModule(module, tracer.trace(module))


def layer_of(graph: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The layer that a node calls, if it calls one."""
    return graph.get_submodule(str(node.target)) if node.op == "call_module" else None


def operation(graph: fx.GraphModule, node: fx.Node) -> str:
    """What a node does, in a word: the class of its layer, or the name of its function or method."""
    layer = layer_of(graph, node)
    return str(getattr(node.target, "__name__", node.target)) if layer is None else type(layer).__name__


def with_last_map(module: nn.Module, size: int) -> tuple[fx.GraphModule, nn.Module | None]:
    """The network as a function from x to (last feature map, logits), and the layer that makes the logits.

    It shares all layers and parameters. The last feature map is what the closing pooling takes in: the last map
    (B, C, h, w) with h, w > 1, for inputs of `size` pixels, that no pooling, dropout or identity made. In VGG16
    this is conv5_3 after ReLU.

    Raises
    ------
    ValueError : the network has no such map, or goes on from it with tokens (B, N, C)
    """
    if module not in _last_maps:
        graph = trace(module)
        with torch.no_grad():
            ShapeProp(graph).propagate(torch.zeros(1, 3, size, size).to(next(module.parameters())))
        last = None
        for node in graph.graph.nodes:
            shape = getattr(node.meta.get("tensor_meta"), "shape", ())
            if len(shape) == 3:
                last = None
            elif len(shape) == 4 and min(shape[2:]) > 1 and node.op.startswith("call_"):
                name = operation(graph, node).lower()
                last = last if any(word in name for word in NO_NEW_MAP) else node
        if last is None:
            raise ValueError(
                f"{type(module).__name__} has no feature map (B, C, h, w) before its closing pooling; "
                "choose a method of another kind than 'activation'"
            )
        output = graph.graph.output_node()
        (logits,) = output.all_input_nodes
        output.args = ((last, logits),)
        graph.recompile()
        _last_maps[module] = graph, layer_of(graph, logits)
    return _last_maps[module]
