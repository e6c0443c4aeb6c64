"""Share of the wall time of relevance curves that is spent inside the network: at least 80 % is expected.

    OMP_NUM_THREADS=1 python benchmarks/relevance.py

The functions that the stage runs, with the settings of params.yaml, on photos and maps of smooth noise and
mobilenet_v2 with random weights at 224 x 224: only the time matters. Superpixels are made outside the measured time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import Tensor

from nas.data import Record
from nas.networks import Classifier, Fit, build, find_network, write_head
from nas.parameters import load
from nas.relevance import Inputs, Settings, curve_photos, read_photo, to_rank
from nas.store.shards import Shard, gather, write_shard
from nas.superpixels import felzenszwalb, regions, slic

NAME = "mobilenet_v2"
ROOT = Path(__file__).parent.parent
STAGES = ("activations", "saliency", "superpixels")


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


def read_settings() -> tuple[list[str], Settings]:
    """The methods and the settings of params.yaml."""
    found = load(ROOT / "params.yaml")["relevance"]
    orders = {direction: found[direction]["orders"] for direction in ("least", "most")}
    replacements = {direction: found[direction]["replacements"] for direction in orders}
    numbers = (found[name] for name in ("n_steps", "tile", "blur", "batch"))
    return found["methods"], Settings(orders, replacements, *numbers)


def stored(methods: Sequence[str], side: int, seed: int) -> dict[str, dict[str, NDArray[Any]]]:
    """What the stages before it leave of one photo."""
    generator = np.random.default_rng(seed)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=3)
    parser.add_argument("--steps", type=int, help="in place of relevance.n_steps")
    parser.add_argument("--batch", type=int, help="in place of relevance.batch")
    options = parser.parse_args()

    methods, settings = read_settings()
    settings = replace(settings, n_steps=options.steps or settings.n_steps, batch=options.batch or settings.batch)
    torch.manual_seed(0)
    found = find_network(NAME)
    records = [Record(f"photo{number}", Path(), "") for number in range(options.photos)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = Inputs.of_data(folder, "made", NAME, settings)
        inputs.classifier.weights.parent.mkdir()
        save_file(build(found).state_dict(), inputs.classifier.weights)
        write_head(inputs.classifier.head, None, Fit("none is measured"))
        parts: dict[str, list[Path]] = {stage: [] for stage in STAGES}
        for number, record in enumerate(records):
            for stage, arrays in stored(methods, found.size, number).items():
                parts[stage].append(folder / f"{stage}{number}")
                write_shard(Shard([record.id], arrays), parts[stage][-1])
        for stage, paths in parts.items():
            gather(paths, folder / stage / "made" / NAME)

        classifier = inputs.classifier.load()
        predict = Stopwatch(classifier.predictor)
        Classifier.predictor = property(lambda _: predict)  # type: ignore[assignment, method-assign]
        predict.predict(classifier.normalize(np.zeros((1, found.size, found.size, 3), np.uint8)))
        start, cpu = time.perf_counter(), time.process_time()
        pieces = to_rank(folder / "saliency" / "made" / NAME, methods)
        photos = [read_photo(record, pieces, inputs, settings) for record in records]
        shards = curve_photos(records, photos, pieces, inputs, settings)
        total, cpu = time.perf_counter() - start, time.process_time() - cpu

    n_curves = sum(len(shard.rows) for shard in shards.values())
    print(f"{n_curves} curves of {len(records)} photos: {settings}")
    print(f"{predict.n_images} images evaluated, {1000 * predict.seconds / predict.n_images:.1f} ms each")
    print(f"{cpu / len(records):.2f} CPU seconds per photo, {torch.get_num_threads()} threads")
    print(f"{total:.1f} s in all, {predict.seconds:.1f} s in the network: {100 * predict.seconds / total:.1f} %")


if __name__ == "__main__":
    main()
