"""Networks that only predict: batch normalization folded into the convolutions, the same logits in less time."""

import copy
from collections import Counter

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import fuse_conv_bn_eval

from nas.networks.graphs import trace


def folded(module: nn.Module) -> fx.GraphModule:
    """A copy of a network for evaluation with as few passes over its maps as can be.

    Each batch normalization becomes part of the convolution whose output it alone reads. An activation that is then
    alone in reading the output of a convolution overwrites it, so that a pass holds, and fetches, less memory. The
    channels of a pixel are side by side in memory, as the convolutions of a CPU like it. Maps between layers are no
    longer those of the network: it is for logits, and their gradients by the input, only.

    Parameters
    ----------
    module : any network that torch.fx can trace; it is left as it was

    Returns
    -------
    network with the same output, but for the rounding of float32
    """
    module = copy.deepcopy(module).eval()
    network = trace(module)
    parts = dict(network.named_modules())
    calls = Counter(str(node.target) for node in network.graph.nodes if node.op == "call_module")
    for node in network.graph.nodes:
        before = node.args[0] if node.op == "call_module" else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        source, target = str(before.target), str(node.target)
        if not isinstance(parts[source], nn.Conv2d) or calls[source] > 1 or calls[target] > 1:
            continue
        part = parts[target]
        if isinstance(part, nn.BatchNorm2d):
            parts[source] = fuse_conv_bn_eval(parts[source], part)
            network.set_submodule(source, parts[source])
            rest = [Overwriting(child) for child in part.children()]  # those of timm end in an activation
            network.set_submodule(target, nn.Sequential(*rest))
            if not rest:
                node.replace_all_uses_with(before)
                network.graph.erase_node(node)
        else:
            network.set_submodule(target, Overwriting(part))
    network.delete_all_unused_submodules()
    network.recompile()
    return network.requires_grad_(False).to(memory_format=torch.channels_last)


class Overwriting(nn.Module):
    """A layer that overwrites what it reads, if it can: not where a gradient is taken, since that would keep a copy."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self.part, "inplace"):
            self.part.inplace = not (torch.is_grad_enabled() and x.requires_grad)  # type: ignore[assignment]
        found: Tensor = self.part(x)
        return found
