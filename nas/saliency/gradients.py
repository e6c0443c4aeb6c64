"""Saliency from gradients of the target's logit with respect to the input, by captum."""

from collections.abc import Callable

import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.baselines import absent
from nas.saliency.batches import batches


def gradient(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int) -> Tensor:
    """Largest absolute gradient over the channels (Simonyan et al. 2013, section 3.1)."""
    return _in_batches(_gradient(classifier), x, target, batch_size).abs().amax(1)


def input_x_gradient(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int) -> Tensor:
    """Normalized input times gradient, summed over the channels (Shrikumar et al. 2016)."""
    method = InputXGradient(classifier.differentiable)
    return _in_batches(lambda x, target: method.attribute(x, target=target), x, target, batch_size).sum(1)


def smoothgrad(
    classifier: Classifier,
    x: Tensor,
    target: Tensor,
    *,
    batch_size: int,
    n_samples: int,
    noise_level: float,
    seed: int,
) -> Tensor:
    """Gradient averaged over noisy copies (Smilkov et al. 2017), reduced as in `gradient`.

    The Gaussian noise has standard deviation `noise_level` times the range of the image's values. All images
    get the same `n_samples` draws.
    """
    noise = torch.randn(n_samples, *x.shape[1:], generator=torch.Generator().manual_seed(seed)).to(x)
    maps = []
    for image, label in zip(x, target, strict=True):
        noisy = image + noise_level * (image.max() - image.min()) * noise
        gradients = _in_batches(_gradient(classifier), noisy, label.expand(n_samples), batch_size)
        maps.append(gradients.mean(0).abs().amax(0))
    return torch.stack(maps)


def integrated_gradients(
    classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int, n_steps: int, baseline: str
) -> Tensor:
    """Integrated gradients, summed over the channels (Sundararajan et al. 2017).

    The map of an image sums to its logit less that of the baseline, but for the error of a Gauss-Legendre
    quadrature with `n_steps` nodes.
    """
    start = absent(classifier, x, baseline)
    return path_attribution(classifier, x, start, target, n_steps, batch_size).sum(1)


def path_attribution(
    classifier: Classifier, x: Tensor, start: Tensor, target: Tensor, n_steps: int, batch_size: int
) -> Tensor:
    """Integrated gradients along the line from `start` to x, of each channel: (B, 3, H, W)."""
    method = IntegratedGradients(classifier.differentiable)
    attributions = [
        method.attribute(image, origin, label, n_steps=n_steps, internal_batch_size=batch_size)
        for image, origin, label in batches(1, x, start, target)
    ]
    return torch.cat(attributions)


def _gradient(classifier: Classifier) -> Callable[[Tensor, Tensor], Tensor]:
    method = Saliency(classifier.differentiable)
    return lambda x, target: method.attribute(x, target=target, abs=False)


def _in_batches(attribute: Callable[[Tensor, Tensor], Tensor], x: Tensor, target: Tensor, batch_size: int) -> Tensor:
    """Attributions (B, 3, H, W), `batch_size` images at a time."""
    attributions = [
        attribute(images.detach().requires_grad_(), labels) for images, labels in batches(batch_size, x, target)
    ]
    return torch.cat(attributions)
