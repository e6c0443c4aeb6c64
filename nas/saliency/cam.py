"""Saliency from the last feature map, at the map's own size."""

import torch
from torch import Tensor, nn

from nas.networks import Classifier, with_last_map
from nas.saliency.batches import batches


def grad_cam(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int, relu: bool) -> Tensor:
    """Channels weighted by their mean gradient and summed (Selvaraju et al. 2017, equations 1 and 2).

    Returns (B, h, w), negative values cut unless `relu` is False.
    """
    network, _ = with_last_map(classifier.module, classifier.size)
    cams = []
    for images, labels in batches(batch_size, x, target):
        maps, logits = network(images.detach().requires_grad_())
        (slopes,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), maps)
        cams.append((slopes.mean((2, 3), keepdim=True) * maps).sum(1).detach())
    result = torch.cat(cams)
    return result.clamp(min=0) if relu else result


@torch.no_grad()
def cam(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int) -> Tensor:
    """Channels weighted by the target's row of the closing linear layer and summed (Zhou et al. 2016, eq. 2).

    Returns (B, h, w), signed. The layer's bias is left out.

    Raises
    ------
    ValueError : the logits are not a linear layer of the mean of the last feature map over its locations
    """
    network, head = with_last_map(classifier.module, classifier.size)
    cams = []
    for images, labels in batches(batch_size, x, target):
        maps, logits = network(images)
        if not (
            isinstance(head, nn.Linear)
            and head.in_features == maps.shape[1]
            and torch.allclose(head(maps.mean((2, 3))), logits, rtol=0, atol=1e-3 * float(logits.abs().max()))
        ):
            raise ValueError(
                f"cam cannot explain {classifier.name!r}: its logits are not a linear layer of the mean of its "
                "last feature map; use grad_cam"
            )
        cams.append(torch.einsum("bc,bchw->bhw", head.weight[labels], maps))
    return torch.cat(cams)
