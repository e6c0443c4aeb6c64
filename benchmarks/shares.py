"""Share of the wall time of what only predicts that is spent inside the network.

Relevance curves with the settings of params.yaml, RISE and KernelSHAP, on one thread, on photos and maps of smooth
noise and mobilenet_v2 with random weights at 224 x 224: only the time matters. `ours` is all of it, the reference what
the network alone takes for the same images, so that the ratio is its share.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import Tensor

from benchmarks.row import Row
from nas.data import Record
from nas.networks import Classifier, Fit, build, find_network, write_head
from nas.parameters import load
from nas.relevance import Inputs, Settings, curve_photos, read_photo, to_rank
from nas.saliency import explain
from nas.store import threads
from nas.store.shards import Shard, gather, write_shard
from nas.superpixels import felzenszwalb, regions, slic

NAME = "mobilenet_v2"
ROOT = Path(__file__).parent.parent


class Stopwatch:
    """A callable that adds up the time spent in it and the images that it was given."""

    def __init__(self, predict: Callable[[Tensor], Tensor]) -> None:
        self.predict = predict
        self.seconds, self.n_images = 0.0, 0

    def __call__(self, x: Tensor) -> Tensor:
        start = time.perf_counter()
        logits = self.predict(x)
        self.seconds += time.perf_counter() - start
        self.n_images += len(x)
        return logits


def read_settings(quick: bool) -> tuple[list[str], Settings]:
    """The methods and the settings of params.yaml."""
    found = load(ROOT / "params.yaml")["relevance"]
    orders = {direction: found[direction]["orders"] for direction in ("least", "most")}
    replacements = {direction: found[direction]["replacements"] for direction in orders}
    n_steps = 1 if quick else found["n_steps"]
    return found["methods"], Settings(
        orders, replacements, n_steps, *(found[name] for name in ("tile", "blur", "batch"))
    )


def stored(methods: Sequence[str], side: int) -> dict[str, dict[str, NDArray[Any]]]:
    """What the stages before it leave of one photo."""
    generator = np.random.default_rng(0)
    noise = gaussian_filter(generator.normal(size=(side, side, 3)), (8, 8, 0))
    view = np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)
    clusters = np.digitize(noise[..., 0], np.quantile(noise[..., 0], [0.2, 0.4, 0.6, 0.8]))
    pieces = regions.components(clusters)
    labels = {
        "nas_clusters.first": clusters,
        "nas_components.first": pieces,
        "slic.first": slic(view, int(pieces.max()) + 1),
        "felzenszwalb.first": felzenszwalb(view, int(pieces.max()) + 1),
    }
    saliency = gaussian_filter(generator.normal(size=(len(methods), 1, side, side)), (0, 0, 4, 4))
    maps = dict(zip((f"predicted/{method}" for method in methods), saliency, strict=True))
    return {
        "activations": {"view": view[None]},
        "superpixels": {name: found[None].astype(np.uint16) for name, found in labels.items()},
        "saliency": maps | {"target_predicted": np.zeros(1, np.int64)},
    }


def measure(quick: bool) -> Iterator[Row]:
    """Relevance curves, and two methods of saliency."""
    methods, settings = read_settings(quick)
    torch.manual_seed(0)
    found = find_network(NAME)
    records = [Record("photo", Path(), "")]
    with tempfile.TemporaryDirectory() as name, threads(1):
        folder = Path(name)
        inputs = Inputs.of_data(folder, "made", NAME, settings)
        inputs.classifier.weights.parent.mkdir()
        save_file(build(found).state_dict(), inputs.classifier.weights)
        write_head(inputs.classifier.head, None, Fit("none is measured"))
        made = stored(methods, found.size)
        for stage, arrays in made.items():
            write_shard(Shard(["photo"], arrays), folder / "parts" / stage)
            gather([folder / "parts" / stage], folder / stage / "made" / NAME)

        classifier = inputs.classifier.load()
        predict = Stopwatch(classifier.predictor)
        x = classifier.normalize(made["activations"]["view"])
        classifier.predictor(x)
        original = Classifier.predictor
        Classifier.predictor = property(lambda _: predict)  # type: ignore[assignment, method-assign]
        labels = torch.from_numpy(made["superpixels"]["nas_clusters.first"].astype(np.int64))

        def curves() -> None:
            pieces = to_rank(folder / "saliency" / "made" / NAME, methods)
            photos = [read_photo(record, pieces, inputs, settings) for record in records]
            curve_photos(records, photos, pieces, inputs, settings)

        work: dict[str, Callable[[], object]] = {
            "relevance curves": curves,
            "rise": lambda: explain(
                classifier, x, torch.tensor([0]), "rise", n_masks=8 if quick else 128, batch_size=8
            ),
            "kernel_shap": lambda: explain(
                classifier, x, torch.tensor([0]), "kernel_shap", regions=labels, batch_size=8
            ),
        }
        try:
            for case, call in work.items():
                predict.seconds, predict.n_images, start = 0.0, 0, time.perf_counter()
                call()
                total = time.perf_counter() - start
                note = f"{predict.n_images} images, {1000 * predict.seconds / predict.n_images:.1f} ms each"
                yield Row("shares", case, total, predict.seconds, "s/photo", "time inside the network", note)
        finally:
            Classifier.predictor = original  # type: ignore[method-assign]
