"""Controls that know nothing of the network: a saliency method should beat them."""

import hashlib

import numpy as np
import torch
from skimage.color import rgb2gray
from skimage.filters import sobel as sobel_magnitude
from torch import Tensor

from nas.networks import Classifier
from nas.saliency.baselines import pixels


def random(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int, seed: int) -> Tensor:
    """Uniform noise in [0, 1), drawn from the seed and the 8-bit colours of the image alone."""
    maps = []
    # the last bits of a normalized image are not those of another processor
    for image in (pixels(classifier, x) * 255).round().to(torch.uint8).cpu().numpy():
        digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()
        maps.append(np.random.default_rng([seed, *digest]).random(image.shape[1:]))
    return torch.from_numpy(np.stack(maps))


def sobel(classifier: Classifier, x: Tensor, target: Tensor, *, batch_size: int) -> Tensor:
    """Edge magnitude of the gray image by Sobel's filter, a control since Adebayo et al. (2018)."""
    photos = pixels(classifier, x).permute(0, 2, 3, 1).cpu().numpy()
    edges = [sobel_magnitude(rgb2gray(photo)) for photo in photos]
    return torch.from_numpy(np.stack(edges))
