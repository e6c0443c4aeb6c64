"""The graph of a network: its last feature map, and the canonical form that propagation rules need."""

import copy
import operator
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import timm.models
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.feature_extraction import NodePathTracer
from zennit.layer import Sum

LAYERS: dict[Any, Callable[..., nn.Module]] = {
    functional.relu: nn.ReLU,
    torch.relu: nn.ReLU,
    torch.relu_: nn.ReLU,
    "relu": nn.ReLU,
    "relu_": nn.ReLU,
    functional.relu6: nn.ReLU6,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
}
ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
MEANS = (torch.mean, "mean")
NO_NEW_MAP = ("pool", "dropout", "identity", "mean", "contiguous")

_last_maps: WeakKeyDictionary[nn.Module, tuple[fx.GraphModule, nn.Module | None]] = WeakKeyDictionary()
_canonical_forms: WeakKeyDictionary[nn.Module, tuple[Any, fx.GraphModule]] = WeakKeyDictionary()


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


def canonical(module: nn.Module) -> fx.GraphModule:
    """The same function made of layers that propagation rules know: a copy, in evaluation mode, cached.

    Batch norms are merged into the convolution before them. Activations and average pooling are layers, one for
    each use and none in place. The sum of two maps is the layer `zennit.layer.Sum` of their stack. So the graph
    of any network gets what zennit's canonizers do to the classes of ResNet and VGG.
    """
    state = tuple((tensor.data_ptr(), tensor._version) for tensor in module.state_dict().values())
    if module not in _canonical_forms or _canonical_forms[module][0] != state:
        own = copy.deepcopy(module).eval().requires_grad_(False)
        _split_norm_act(own)
        graph = trace(own)
        for node in list(graph.graph.nodes):
            _rewrite(graph, node)
        graph.graph.lint()
        graph.delete_all_unused_submodules()
        graph.recompile()
        _canonical_forms[module] = state, graph
    return _canonical_forms[module][1]


def _split_norm_act(module: nn.Module) -> None:
    """Replace timm's layers of batch norm and activation by one layer each."""
    for name, child in module.named_children():
        if isinstance(child, BatchNormAct2d):
            norm = nn.BatchNorm2d(child.num_features, child.eps).to(child.weight)
            norm.load_state_dict(child.state_dict())
            setattr(module, name, nn.Sequential(norm.eval(), child.drop, child.act))
        else:
            _split_norm_act(child)


def _rewrite(graph: fx.GraphModule, node: fx.Node) -> None:
    inputs = node.all_input_nodes
    layer = layer_of(graph, node)
    if layer is not None:
        before = layer_of(graph, inputs[0])
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d) and len(inputs[0].users) == 1:
            _call(graph, inputs[0], fuse_conv_bn_eval(before, layer), inputs[0].args[0])
            node.replace_all_uses_with(inputs[0])
            graph.graph.erase_node(node)
        else:
            own = copy.deepcopy(layer)
            if isinstance(getattr(own, "inplace", None), bool):
                own.inplace = False  # type: ignore[assignment]
            _call(graph, node, own, *node.args)
    elif node.target in LAYERS:
        settings = {name: value for name, value in node.kwargs.items() if name not in ("inplace", "input")}
        _call(graph, node, LAYERS[node.target](*node.args[1:], **settings), inputs[0])
    elif node.target in ADDITIONS and len(inputs) == 2:
        with graph.graph.inserting_before(node):
            stack = graph.graph.call_function(torch.stack, (inputs, -1))
        _call(graph, node, Sum(), stack)
    elif node.target in MEANS and _over_pixels(node):
        if not node.kwargs.get("keepdim", False):
            with graph.graph.inserting_after(node):
                flat = graph.graph.call_function(torch.flatten, (node, 1))
            node.replace_all_uses_with(flat, delete_user_cb=lambda user: user is not flat)
        _call(graph, node, nn.AdaptiveAvgPool2d(1), inputs[0])


def _over_pixels(node: fx.Node) -> bool:
    """Whether a mean is taken over height and width."""
    axes = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    return axes in ([2, 3], (2, 3), [-2, -1], (-2, -1))


def _call(graph: fx.GraphModule, node: fx.Node, layer: nn.Module, *arguments: Any) -> None:
    """Make a node call a layer of its own."""
    name = f"layer_{node.name}"
    graph.add_submodule(name, layer)
    node.op, node.target, node.args, node.kwargs = "call_module", name, arguments, {}
