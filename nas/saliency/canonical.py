"""The canonical form of a network, which propagation rules need."""

import copy
import operator
from collections.abc import Callable
from typing import Any

import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from zennit.layer import Sum

from nas.networks import OfModules, difference, layer_of, state_of_module, trace
from nas.store import reason_of

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
_canonical_forms: OfModules[fx.GraphModule] = OfModules(state_of_module)


def canonical(module: nn.Module, x: Tensor) -> fx.GraphModule:
    """The same function made of layers that propagation rules know: a copy, in evaluation mode, cached.

    Batch norms are merged into the convolution before them. Activations and average pooling are layers, one for
    each use and none in place. The sum of two maps of one shape is the layer `zennit.layer.Sum` of their stack. So the
    graph of any network gets what zennit's canonizers do to the classes of ResNet and VGG.

    Parameters: `x`, inputs (B, 3, H, W); of the first one the shapes of maps are taken, and the logits compared.

    Raises
    ------
    ValueError : the form cannot be made, or its logits are not those of the network
    """
    return _canonical_forms.get(module, lambda: _checked_form(module, x[:1]))


def _checked_form(module: nn.Module, x: Tensor) -> fx.GraphModule:
    """A new form. Raises ValueError, see `canonical`."""
    with torch.no_grad():
        try:
            form = _new_form(module, x)
            differ = difference(form, module, x)
        except Exception as error:  # networks fail in any way where torch.fx cannot follow them
            differ = reason_of(error)
    if differ:
        raise ValueError(
            f"{type(module).__name__} cannot be rewritten into layers that rules of propagation know ({differ}); "
            "use gradient or integrated_gradients"
        )
    return form


def _new_form(module: nn.Module, x: Tensor) -> fx.GraphModule:
    own = copy.deepcopy(module).eval().requires_grad_(False)
    _split_norm_act(own)
    graph = trace(own)
    ShapeProp(graph).propagate(x.clone())
    for node in list(graph.graph.nodes):
        _rewrite(graph, node)
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph


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
    elif node.target in ADDITIONS and _of_one_shape(node):
        with graph.graph.inserting_before(node):
            stack = graph.graph.call_function(torch.stack, (node.args, -1))
        _call(graph, node, Sum(), stack)
    elif node.target in MEANS and _over_pixels(node):
        if not node.kwargs.get("keepdim", False):
            with graph.graph.inserting_after(node):
                flat = graph.graph.call_function(torch.flatten, (node, 1))
            node.replace_all_uses_with(flat, delete_user_cb=lambda user: user is not flat)
        _call(graph, node, nn.AdaptiveAvgPool2d(1), inputs[0])


def _of_one_shape(node: fx.Node) -> bool:
    """Whether a sum is of two maps of one shape and of nothing else, not of a multiple of one of them either."""
    metas = [each.meta.get("tensor_meta") if isinstance(each, fx.Node) else None for each in node.args]
    shapes = {getattr(meta, "shape", None) for meta in metas}
    return len(metas) == 2 and len(shapes) == 1 and None not in shapes and not node.kwargs


def _over_pixels(node: fx.Node) -> bool:
    """Whether a mean is taken over height and width."""
    axes = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    return axes in ([2, 3], (2, 3), [-2, -1], (-2, -1))


def _call(graph: fx.GraphModule, node: fx.Node, layer: nn.Module, *arguments: Any) -> None:
    """Make a node call a layer of its own."""
    name = f"layer_{node.name}"
    graph.add_submodule(name, layer)
    node.op, node.target, node.args, node.kwargs = "call_module", name, arguments, {}
