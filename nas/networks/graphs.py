"""The graph of a network, and its last feature map."""

import inspect
import operator

import timm.models
import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional
from torchvision.models.feature_extraction import NodePathTracer

from nas.networks.extraction import difference, noise
from nas.networks.modules import OfModules, evaluating, shadow, structure_of
from nas.networks.strides import channels_last
from nas.store import reason_of

NO_NEW_MAP = ("pool", "dropout", "identity", "mean", "contiguous")
WRITING = {getattr(operator, f"i{name}"): getattr(operator, name) for name in ("add", "sub", "mul", "truediv")}
_last_maps: OfModules[tuple[fx.GraphModule, nn.Module | None]] = OfModules(structure_of)


def trace(module: nn.Module) -> fx.GraphModule:
    """The graph of a module, in evaluation mode, which shares its parameters and buffers.

    What a function writes into its input is a value of its own in the graph, and whatever reads that input later reads
    the value: so the graph may be rewritten, and maps in it be kept.
    """
    tracer = NodePathTracer(
        leaf_modules=tuple(timm.models.get_notrace_modules()),
        autowrap_functions=tuple(timm.models.get_notrace_functions()),
    )
    own = shadow(module)
    graph = fx.GraphModule(own, tracer.trace(own))
    nodes = list(graph.graph.nodes)
    for number, node in enumerate(nodes):
        if node.all_input_nodes and _writes(graph, node):
            source = node.args[0] if node.args else node.all_input_nodes[0]
            if isinstance(source, fx.Node):
                source.replace_all_uses_with(node, delete_user_cb=set(nodes[number + 1 :]).__contains__)
            _without_writing(node)
    graph.recompile()
    return graph


def _writes(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node writes into its first input."""
    if node.op == "call_module":
        return getattr(layer_of(graph, node), "inplace", False) is True
    if node.op == "call_method":
        return _is_writing(str(node.target))
    if node.op != "call_function":
        return False
    return node.target in WRITING or _is_writing(getattr(node.target, "__name__", "")) or _inplace(node) is not None


def _is_writing(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__") and hasattr(Tensor, name)


def _inplace(node: fx.Node) -> inspect.BoundArguments | None:
    """The arguments of a function that is called with inplace=True."""
    try:
        bound = inspect.signature(node.target).bind(*node.args, **node.kwargs)  # type: ignore[arg-type]
    except (TypeError, ValueError):  # of a builtin
        return None
    return bound if bound.arguments.get("inplace") is True else None


def _without_writing(node: fx.Node) -> None:
    """Let a function or method give a new value; a layer stays as it is, as others share it."""
    if node.op == "call_method" and hasattr(Tensor, str(node.target)[:-1]):
        node.target = str(node.target)[:-1]
    elif node.op == "call_function" and node.target in WRITING:
        node.target = WRITING[node.target]
    elif node.op == "call_function" and (bound := _inplace(node)) is not None:
        bound.arguments["inplace"] = False
        node.args, node.kwargs = bound.args, bound.kwargs
    elif node.op == "call_function":
        name = str(getattr(node.target, "__name__", ""))[:-1]
        node.target = getattr(functional, name, getattr(torch, name, node.target))


def layer_of(graph: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The layer that a node calls, if it calls one."""
    return graph.get_submodule(str(node.target)) if node.op == "call_module" else None


def operation(graph: fx.GraphModule, node: fx.Node) -> str:
    """What a node does, in a word: the class of its layer, or the name of its function or method."""
    layer = layer_of(graph, node)
    return str(getattr(node.target, "__name__", node.target)) if layer is None else type(layer).__name__


def with_last_map(module: nn.Module, size: int) -> tuple[fx.GraphModule, nn.Module | None]:
    """The network as a function from x to (last feature map, logits), and the layer that makes the logits.

    It shares all parameters and buffers. The last feature map is what the closing pooling takes in: the last map
    (B, C, h, w) with h, w > 1, for inputs of `size` pixels, that no pooling, dropout or identity made. In VGG16
    this is conv5_3 after ReLU.

    Raises
    ------
    ValueError : the network has no such map, or goes on from it with tokens (B, N, C), or torch.fx cannot follow it
    """
    return _last_maps.get(module, lambda: _new_last_map(module, size))


def _new_last_map(module: nn.Module, size: int) -> tuple[fx.GraphModule, nn.Module | None]:
    try:
        graph = trace(module)
        with torch.no_grad():
            ShapeProp(graph).propagate(torch.zeros(1, 3, size, size).to(next(module.parameters())))
    except Exception as error:  # networks fail in any way where torch.fx cannot follow them
        raise ValueError(f"torch.fx cannot follow {type(module).__name__} ({reason_of(error)})") from error
    last = None
    for node in graph.graph.nodes:
        shape: tuple[int, ...] = getattr(node.meta.get("tensor_meta"), "shape", ())
        if len(shape) == 3:
            last = None
        elif len(shape) == 4 and (channels_last(shape) or shape[2] == shape[3] > 1) and node.op.startswith("call_"):
            name = operation(graph, node).lower()
            last = last if any(word in name for word in NO_NEW_MAP) else node
    if last is None:
        raise ValueError(
            f"{type(module).__name__} has no feature map (B, C, h, w) before its closing pooling; "
            "choose a method of another kind than 'activation'"
        )
    output = graph.graph.output_node()
    (logits,) = output.all_input_nodes
    maps, rest = _parted(graph, last)
    last.replace_all_uses_with(rest, delete_user_cb=lambda user: user not in (maps, rest))
    rest.meta = dict(last.meta)
    output.args = ((maps, logits),)
    graph.recompile()
    with torch.no_grad(), evaluating(module):
        differ = difference(lambda x: graph(x)[1], module, noise(size, module))
    if differ:
        raise ValueError(
            f"torch.fx cannot follow {type(module).__name__} ({differ}; it may write into parts of its maps)"
        )
    return graph, _closing(module, logits)


def _parted(graph: fx.GraphModule, last: fx.Node) -> tuple[fx.Node, fx.Node]:
    """The last map as (B, C, h, w), and what the rest of the network takes in place of it."""
    with graph.graph.inserting_after(last):
        if not channels_last(last.meta["tensor_meta"].shape):
            # a layer that writes into its input is not to write into this map
            return last, graph.graph.call_method("clone", (last,))
        maps = graph.graph.call_method("permute", (last, 0, 3, 1, 2))
    with graph.graph.inserting_after(maps):
        turned = graph.graph.call_method("permute", (maps, 0, 2, 3, 1))
    with graph.graph.inserting_after(turned):
        return maps, graph.graph.call_method("contiguous", (turned,))


def _closing(module: nn.Module, logits: fx.Node) -> nn.Module | None:
    """The layer that makes the logits: a linear one too where layers that change nothing follow it."""
    made = module.get_submodule(str(logits.target)) if logits.op == "call_module" else None
    layer = made
    while isinstance(layer, nn.Identity | nn.Dropout | nn.Flatten):
        (logits,) = logits.all_input_nodes
        layer = module.get_submodule(str(logits.target)) if logits.op == "call_module" else None
    return layer if isinstance(layer, nn.Linear) else made
