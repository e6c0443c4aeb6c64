"""Share of the wall time of LeRF curves that is spent inside the network: at least 80 % is expected.

    PYTHONPATH=stages python benchmarks/relevance.py

4 images x 3 methods x 6 orders x 3 replacements, mobilenet_v2 with random weights at 224 x 224. The relevance
maps and the photos are smooth noise: only the time matters. The regions are made outside the measured time.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from nas import regions
from nas.classifiers import Classifier, build, recipe
from nas.relevance import REPLACEMENTS, relevance_curves, removal_order, tiles


class Stopwatch:
    """A callable that adds up the time spent in it and the images that it was given."""

    def __init__(self, predict: Callable[[Tensor], Tensor]) -> None:
        self.predict = predict
        self.seconds, self.n_images = 0.0, 0

    def __call__(self, x: Tensor) -> Tensor:
        synchronize(x)
        start = time.perf_counter()
        logits = self.predict(x)
        synchronize(x)
        self.seconds += time.perf_counter() - start
        self.n_images += len(x)
        return logits


def synchronize(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--methods", type=int, default=3)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    found = recipe("mobilenet_v2")
    classifier = Classifier("mobilenet_v2", build(found), found, options.device)
    side = classifier.size

    noise = gaussian_filter(generator.normal(size=(options.images, side, side, 3)), (0, 8, 8, 0))
    views = np.uint8(np.clip(128 + 60 * noise / noise.std(), 0, 255))
    saliency = gaussian_filter(generator.normal(size=(options.methods, options.images, side, side)), (0, 0, 4, 4))
    clusters = np.digitize(noise[..., 0], np.quantile(noise[..., 0], [0.2, 0.4, 0.6, 0.8]))
    parts = {
        "pixels": [None] * options.images,
        "tiles": [tiles(side, side)] * options.images,
        "slic": [regions.slic(view, 60) for view in views],
        "felzenszwalb": [regions.felzenszwalb(view, 60) for view in views],
        "clusters": list(clusters),
        "components": list(regions.components(clusters)),
    }
    x = classifier.normalize(views)
    classifier.logits(x)

    predict = Stopwatch(classifier.logits)
    start = time.perf_counter()
    orders = {
        (method, name): [
            removal_order(image, part, options.steps) for image, part in zip(saliency[method], of_images, strict=True)
        ]
        for method in range(options.methods)
        for name, of_images in parts.items()
    }
    curves = relevance_curves(predict, x, orders, batch_size=options.batch_size)
    total = time.perf_counter() - start

    points = sum(len(curve.fractions) for curve in curves)
    print(
        f"{len(curves)} curves: {options.images} images x {options.methods} methods x {len(parts)} orders x "
        f"{len(REPLACEMENTS)} replacements"
    )
    print(f"{points} points from {predict.n_images} evaluated images, {predict.n_images / total:.0f} images/s")
    print(f"{total:.1f} s in all, {predict.seconds:.1f} s in the network: {100 * predict.seconds / total:.1f} %")


if __name__ == "__main__":
    main()
