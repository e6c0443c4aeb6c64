"""Maps of chosen nodes of a network, and whether a rewritten network still says the same."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from nas.networks.modules import evaluating, shadow
from nas.networks.strides import tracing
from nas.parameters import neighbour

ROUNDING = 1e-3  # of the largest value: what float32 may lose where sums are taken in another order


def maps_of_nodes(module: nn.Module, nodes: Sequence[str], size: int) -> fx.GraphModule:
    """The network as a function from inputs (B, 3, size, size) to {node: map}; it shares all parameters.

    A layer behind a node that writes into its input does not change the map of the node.

    Raises
    ------
    ValueError : a node that there is not; the graph gives other maps than the layers of the network itself
    """
    own = shadow(module)
    try:
        network: fx.GraphModule = create_feature_extractor(
            own, list(nodes), tracer_kwargs=tracing(), suppress_diff_warning=True
        ).eval()
    except ValueError:
        known = get_graph_node_names(own, tracing(), suppress_diff_warning=True)[1]
        for name in nodes:
            if not any(f"{each}.".startswith(f"{name}.") for each in known):
                raise ValueError(f"node {name!r} is none of its graph{neighbour(name, known)}") from None
        raise
    (output,) = (node for node in network.graph.nodes if node.op == "output")
    chosen: dict[str, fx.Node] = dict(output.args[0])
    for name, node in chosen.items():
        with network.graph.inserting_after(node):
            chosen[name] = network.graph.call_method("clone", (node,))
    output.args = (chosen,)
    network.recompile()
    x = noise(size, module)
    if x.is_meta:  # it has no values
        return network
    with torch.no_grad(), evaluating(module):
        found, expected = network(x), _outputs(module, nodes, x)
    for name, value in expected.items():
        if _apart(found[name], value):
            raise ValueError(
                f"node {name!r} is another map in the graph that torch.fx made than in the network, which writes into "
                "its own maps; let its layers return new tensors"
            )
    return network


def difference(found: Callable[[Tensor], Tensor], expected: Callable[[Tensor], Tensor], x: Tensor) -> str:
    """How far logits are from those that they must be, beyond rounding; empty where they are not."""
    if x.is_meta:  # it has no values
        return ""
    ours, theirs = found(x.clone()), expected(x.clone())
    if not _apart(ours, theirs):
        return ""
    if ours.shape != theirs.shape:
        return f"its logits would have the shape {tuple(ours.shape)} in place of {tuple(theirs.shape)}"
    return f"its logits would differ by up to {float((ours - theirs).abs().max()):.2g}"


def noise(size: int, module: nn.Module) -> Tensor:
    """An input (1, 3, size, size) for a module, which every layer answers to, the same each time."""
    made = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    like = next(module.parameters(), made)
    return made.to(like.device, like.dtype)


def _apart(found: Tensor, expected: Tensor) -> bool:
    finite = expected[expected.isfinite()]
    near = ROUNDING * float(finite.abs().max()) if len(finite) else 0.0
    return found.shape != expected.shape or not torch.allclose(found, expected, rtol=0, atol=near, equal_nan=True)


def _outputs(module: nn.Module, names: Sequence[str], x: Tensor) -> dict[str, Tensor]:
    """What those of the nodes give that are layers of the network, at their first call, and give one map."""
    found: dict[str, Tensor] = {}
    layers = dict(module.named_modules())

    def keep(_layer: nn.Module, _inputs: object, output: object, name: str) -> None:
        if isinstance(output, Tensor) and name not in found:
            found[name] = output.clone()

    hooks = [layers[name].register_forward_hook(partial(keep, name=name)) for name in names if name in layers]
    try:
        module(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found
