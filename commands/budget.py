"""What a run at scale takes of disk and time, before anything is fetched: networks with random weights are timed.

Disk is that of maps and views, label maps and saliency maps; localization, tables and curves come on top. Time is that
of the stages that run the network most, on this machine; relevance takes at most so long.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from nas.data import DATASETS
from nas.networks import Classifier, Forward, build, bytes_of_activations, find_network, seconds_of_pass
from nas.relevance import seconds_of_curve
from nas.saliency import METHODS, bytes_of_saliency, possible_methods, seconds_of_maps
from nas.store import duration_in_words, n_cores, readable
from nas.superpixels import bytes_of_superpixels
from stages.params import Parameters


class Cost(NamedTuple):
    """Bytes and seconds of a stage, of one photo or of many; 0 s where time is not foreseen."""

    n_bytes: int
    seconds: float = 0.0

    def words(self, n_photos: int) -> str:
        """Both in words, for so many photos, without what is nothing."""
        disk, time = readable(n_photos * self.n_bytes), f"about {duration_in_words(n_photos * self.seconds)}"
        return ", ".join([*([disk] if self.n_bytes else []), *([time] if self.seconds else [])])


def n_photos(parameters: Parameters, dataset: str) -> int | None:
    """Photos of a data set that a run uses; None where the number is the user's."""
    return DATASETS[dataset].about.n_photos(parameters.download.split.get(dataset), parameters.download.limit)


def untrained(parameters: Parameters, name: str) -> Classifier:
    """A network with random weights, on the GPU if there is one: as large and as fast as the trained one."""
    official = find_network(name)
    found = replace(official, depths=parameters.activations.depths.get(name, official.depths))
    return Classifier(name, build(found), found, "cuda" if torch.cuda.is_available() else "cpu")


def bytes_of(parameters: Parameters, classifier: Classifier) -> dict[str, int]:
    """Bytes of a photo by stage."""
    chosen, size = parameters.activations, classifier.size
    shapes, n_classes = classifier.shapes(), classifier.n_classes()
    n_methods = sum(METHODS[method].kind != "activation" for method in parameters.saliency.methods)
    return {
        "activations": bytes_of_activations(shapes, size, n_classes, chosen.precision, chosen.cache),
        "superpixels": bytes_of_superpixels(len(parameters.superpixels.label_maps()), size),
        "saliency": bytes_of_saliency(n_methods, size),
        "relevance": 0,
    }


def disk(parameters: Parameters, classifier: Classifier) -> dict[str, Cost]:
    """Cost of a photo by stage, without time."""
    return {stage: Cost(n) for stage, n in bytes_of(parameters, classifier).items()}


def costs(parameters: Parameters, classifier: Classifier) -> dict[str, Cost]:
    """Cost of a photo by stage; seconds are measured."""
    chosen, settings, relevance = parameters.activations, parameters.saliency, parameters.relevance
    forward = Forward(chosen.batch, chosen.forward, chosen.precision, chosen.threads)
    methods = possible_methods(classifier, settings.methods)
    view, regions = stand_in(parameters, classifier.size)
    cores = 1 if classifier.device.type == "cuda" else n_cores()
    per_method = sum(len(each.orders) * len(each.replacements) for each in (relevance.least, relevance.most))
    n_curves = per_method * sum(method in methods for method in relevance.methods)
    seconds = {
        "activations": (2 + chosen.cache) * seconds_of_pass(classifier, forward),
        "saliency": seconds_of_maps(classifier, view, regions, methods, settings.parameters, settings.batch) / cores,
        "relevance": n_curves * seconds_of_curve(classifier, relevance.n_steps, relevance.batch) / cores,
    }
    return {stage: Cost(n, seconds.get(stage, 0.0)) for stage, n in bytes_of(parameters, classifier).items()}


def stand_in(parameters: Parameters, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """In place of a photo, a smooth picture (size, size, 3), and bands of it for the regions of LIME and KernelSHAP."""
    coarse = np.random.default_rng(0).integers(0, 256, (size // 16, size // 16, 3), np.uint8)
    clusters = parameters.superpixels.clusters
    # other regions than clusters are so many that every draw is another one, as it is of 16
    known = parameters.saliency.regions.startswith("nas_clusters") and isinstance(clusters, int)
    bands = np.arange(size) * (int(clusters) if known else 16) // size
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)), np.tile(bands, (size, 1))


def lines(counts: Mapping[str, int | None], by_network: Mapping[str, Mapping[str, Cost]]) -> list[str]:
    """One line for each data set and network."""
    found = []
    for dataset, n in counts.items():
        for name, by_stage in by_network.items():
            if n is None:
                found.append(f"  {dataset} x {name}: its photos are not known, and not counted")
                continue
            needs = [f"{stage} {words}" for stage, cost in by_stage.items() if (words := cost.words(n))]
            found.append(f"  {dataset} x {name}, {n} photos: {'; '.join(needs)}")
    return found


def budget_of(parameters: Parameters) -> list[str]:
    """Lines that say what the run needs of disk and time. Raises ValueError where the disk is too small."""
    counts = {dataset: n_photos(parameters, dataset) for dataset in parameters.datasets}
    networks = {name: untrained(parameters, name) for name in parameters.classifiers}
    n = sum(each for each in counts.values() if each)
    fetched = [DATASETS[name].about for name in parameters.datasets if name not in parameters.download.root]
    archives = sum(about.size or 0 for about in fetched)

    def needed(**activations: object) -> int:
        chosen = parameters.model_copy(update={"activations": parameters.activations.model_copy(update=activations)})
        return archives + n * sum(sum(bytes_of(chosen, each).values()) for each in networks.values())

    room = shutil.disk_usage(Path.cwd()).free
    total = f"{readable(needed())} on disk with what is fetched (free: {readable(room)})"
    if needed() > room:
        print("\n".join(lines(counts, {name: disk(parameters, each) for name, each in networks.items()})), flush=True)
        raise ValueError(
            f"{total}: too little; make room, or set download.limit, activations.precision: float16 "
            f"({readable(needed(precision='float16'))} in all) or activations.cache: false "
            f"({readable(needed(cache=False))})"
        )
    by_network = {}
    for name, network in networks.items():
        print(f"Measuring {name} with random weights on this machine ...", file=sys.stderr)
        by_network[name] = costs(parameters, network)
    seconds = n * sum(cost.seconds for by_stage in by_network.values() for cost in by_stage.values())
    return [*lines(counts, by_network), f"  in all: {total}, about {duration_in_words(seconds)} or more"]
