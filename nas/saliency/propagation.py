"""Saliency from a changed backward pass, by zennit: guided backpropagation and LRP."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, fx, nn
from torch.nn.functional import one_hot
from zennit.attribution import Gradient
from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat, LayerMapComposite, layer_map_base
from zennit.core import Composite
from zennit.layer import Sum
from zennit.rules import Epsilon, ReLUGuidedBackprop
from zennit.types import Activation, AvgPool, Linear, MaxPool

from nas.networks import Classifier, layer_of, operation
from nas.saliency.baselines import absent
from nas.saliency.batches import batches
from nas.saliency.canonical import canonical

RULED = (Linear, Activation, AvgPool, Sum)
WITHOUT_RULE = (nn.MultiheadAttention, nn.Sigmoid, nn.Hardsigmoid, nn.LogSigmoid, nn.Softplus, nn.Tanh)
# their gradient hands relevance on unchanged, as they move values, choose one of several, or do nothing
MOVING_LAYERS = (MaxPool, nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten)
MOVING_FUNCTIONS = (
    *("cat", "stack", "flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze", "chunk", "split"),
    *("contiguous", "size", "getitem", "getattr", "floordiv", "pad", "max_pool2d", "boolean_dispatch", "dropout"),
)


def guided_backprop(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int) -> Tensor:
    """Gradient that a ReLU lets back only where positive, summed over channels (Springenberg et al. 2015).

    Raises
    ------
    ValueError : the network has no ReLU or ReLU6
    """
    network = canonical(classifier.module, x)
    if not any(isinstance(layer, nn.ReLU | nn.ReLU6) for layer in network.modules()):
        raise ValueError(
            f"guided_backprop cannot explain {classifier.name!r}: it has no ReLU; use gradient or smoothgrad"
        )
    composite = LayerMapComposite([((nn.ReLU, nn.ReLU6), ReLUGuidedBackprop())])
    return _propagate(network, composite, x, target, batch_size, torch.ones_like)


def lrp(
    classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int, composite: str, epsilon: float
) -> Tensor:
    """Layer-wise relevance propagation of the target's logit, summed over channels (Bach et al. 2015).

    `composite` gives each layer its rule:

    - "epsilon_plus_flat": z+ for convolutions, but flat for the first, epsilon for linear layers (Kohlbrenner
      et al. 2020);
    - "epsilon_gamma_box": gamma = 0.25 for convolutions, but z-box with the range of RGB for the first, epsilon
      for linear layers (Montavon et al. 2019);
    - "epsilon": epsilon for all.

    Relevance is conserved but for what biases absorb, those of merged batch norms included, and what `epsilon`
    absorbs. In deep networks biases absorb most of it, so compare values within a map only.

    Raises
    ------
    ValueError : an unknown composite, or a network with an operation for which there is no rule
    """
    network = canonical(classifier.module, x)
    _refuse_without_rule(classifier, network)
    rules: dict[str, Callable[[], Composite]] = {
        "epsilon_plus_flat": lambda: EpsilonPlusFlat(epsilon=epsilon),
        "epsilon_gamma_box": lambda: EpsilonGammaBox(
            low=absent(classifier, x[:1], "black"), high=absent(classifier, x[:1], "white"), epsilon=epsilon
        ),
        "epsilon": lambda: LayerMapComposite([*layer_map_base(), (Linear, Epsilon(epsilon=epsilon))]),
    }
    if composite not in rules:
        raise ValueError(f"composite is {composite!r}; give one of {', '.join(rules)}")
    return _propagate(network, rules[composite](), x, target, batch_size, torch.clone)


def _propagate(
    network: fx.GraphModule,
    composite: Composite,
    x: Tensor,
    target: Tensor,
    batch_size: int,
    start: Callable[[Tensor], Tensor],
) -> Tensor:
    """Go back from `start` of the target's logit by the composite's rules; sum over the channels of the input."""
    maps = []
    with Gradient(model=network, composite=composite) as attributor:
        for images, labels in batches(batch_size, x, target):
            _, attribution = attributor(images, partial(_at_target, start, labels))
            maps.append(attribution.sum(1))
    return torch.cat(maps)


def _at_target(start: Callable[[Tensor], Tensor], labels: Tensor, logits: Tensor) -> Tensor:
    return start(logits.detach()) * one_hot(labels, logits.shape[1])


def _refuse_without_rule(classifier: Classifier, network: fx.GraphModule) -> None:
    for node in network.graph.nodes:
        layer = layer_of(network, node)
        if layer is not None:
            known = isinstance(layer, (*RULED, *MOVING_LAYERS)) and not isinstance(layer, WITHOUT_RULE)
        else:
            known = not node.op.startswith("call_") or operation(network, node) in MOVING_FUNCTIONS
        if not known:
            raise ValueError(
                f"lrp cannot explain {classifier.name!r}: there is no rule for its operation "
                f"{operation(network, node)}; use integrated_gradients"
            )
