"""Share of the wall time of the stage relevance that is spent inside the network: at least 80 % is expected.

    PYTHONPATH=stages OMP_NUM_THREADS=1 python benchmarks/relevance.py

The stage's own function, with the settings of params.yaml, on photos and maps of smooth noise and mobilenet_v2 with
random weights at 224 x 224: only the time matters. Superpixels are made outside the measured time.
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import Tensor

import params
from nas import regions
from nas.classifiers import build, recipe
from nas.datasets import Record
from nas.heads import Fit, shared_classifier, write_head
from nas.shards import Shard, gather, write_shard

NAME = "mobilenet_v2"
ROOT = Path(__file__).parent.parent


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


def stage() -> ModuleType:
    """stages/relevance.py, under another name than that of this file."""
    spec = importlib.util.spec_from_file_location("relevance_stage", ROOT / "stages" / "relevance.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def inputs(settings: params.Relevance, side: int, seed: int) -> dict[str, dict[str, NDArray[Any]]]:
    """What the stages before it leave of one photo."""
    generator = np.random.default_rng(seed)
    noise = gaussian_filter(generator.normal(size=(side, side, 3)), (8, 8, 0))
    view = np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)
    clusters = np.digitize(noise[..., 0], np.quantile(noise[..., 0], [0.2, 0.4, 0.6, 0.8]))
    pieces = regions.components(clusters)
    labels = {
        "nas_clusters.first": clusters,
        "nas_components.first": pieces,
        "slic.first": regions.slic(view, int(pieces.max()) + 1),
        "felzenszwalb.first": regions.felzenszwalb(view, int(pieces.max()) + 1),
    }
    saliency = gaussian_filter(generator.normal(size=(len(settings.methods), 1, side, side)), (0, 0, 4, 4))
    maps = dict(zip((f"predicted/{method}" for method in settings.methods), saliency, strict=True))
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

    settings = params.read(ROOT / "params.yaml").relevance
    changes = {"n_steps": options.steps or settings.n_steps, "batch": options.batch or settings.batch}
    settings = settings.model_copy(update=changes)
    torch.manual_seed(0)
    found, relevance = recipe(NAME), stage()
    records = [Record(f"photo{number}", Path(), "") for number in range(options.photos)]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, f"{NAME}.safetensors")
        save_file(build(found).state_dict(), weights)
        parts: dict[str, list[Path]] = {}
        for number, record in enumerate(records):
            for name, arrays in inputs(settings, found.size, number).items():
                parts.setdefault(name, []).append(Path(folder, f"{name}{number}.safetensors"))
                write_shard(Shard([record.id], arrays), parts[name][-1])
        for name, paths in parts.items():
            gather(paths, Path(folder, name))
        folders = {name: Path(folder, name) for name in parts}

        head = Path(folder, "head")
        write_head(head, None, Fit("none is measured"))
        classifier = shared_classifier(NAME, weights, head)
        predict = Stopwatch(classifier.predictor)
        vars(classifier)["predictor"] = predict
        predict.predict(classifier.normalize(np.zeros((1, found.size, found.size, 3), np.uint8)))
        start, cpu = time.perf_counter(), time.process_time()
        photos = [relevance.read(record, settings.methods, settings=settings, **folders) for record in records]
        shard = relevance.compute(records, photos, NAME, weights, head, settings)
        total, cpu = time.perf_counter() - start, time.process_time() - cpu

    print(f"{len(shard.rows)} curves of {len(records)} photos: {settings}")
    print(f"{predict.n_images} images evaluated, {1000 * predict.seconds / predict.n_images:.1f} ms each")
    print(f"{cpu / len(records):.2f} CPU seconds per photo, {torch.get_num_threads()} threads")
    print(f"{total:.1f} s in all, {predict.seconds:.1f} s in the network: {100 * predict.seconds / total:.1f} %")


if __name__ == "__main__":
    main()
