"""What a run at scale takes of disk and time, before anything is fetched: networks with random weights are timed.

Disk is that of maps and views, label maps and saliency maps; localization, tables and curves come on top. Time is that
of the stages that run the network most, on this machine; relevance takes at most so long.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from nas.activations import Forward, seconds_of_pass
from nas.classifiers import Classifier, build, recipe
from nas.datasets.catalogue import ABOUT
from nas.durations import in_words
from nas.estimates import bytes_of_activations, bytes_of_saliency, bytes_of_superpixels, readable
from nas.relevance import seconds_of_curve
from nas.saliency import METHODS, possible
from nas.saliency.costs import seconds_of_maps
from params import Parameters

SEGMENTATIONS = 4  # of each variant in the stage superpixels: clusters, components, SLIC, Felzenszwalb


class Cost(NamedTuple):
    """Bytes and seconds of a stage, of one photo or of many; 0 s where time is not foreseen."""

    n_bytes: int
    seconds: float = 0.0

    def words(self, n_photos: int) -> str:
        """Both in words, for so many photos, without what is nothing."""
        disk, time = readable(n_photos * self.n_bytes), f"about {in_words(n_photos * self.seconds)}"
        return ", ".join([*([disk] if self.n_bytes else []), *([time] if self.seconds else [])])


def n_photos(parameters: Parameters, dataset: str) -> int | None:
    """Photos of a data set that a run uses; None where the number is the user's."""
    return ABOUT[dataset].n_photos(parameters.download.split.get(dataset), parameters.download.limit)


def untrained(parameters: Parameters, name: str) -> Classifier:
    """A network with random weights, on the GPU if there is one: as large and as fast as the trained one."""
    official = recipe(name)
    found = replace(official, depths=parameters.activations.depths.get(name, official.depths))
    return Classifier(name, build(found), found, "cuda" if torch.cuda.is_available() else "cpu")


def bytes_of(parameters: Parameters, classifier: Classifier) -> dict[str, int]:
    """Bytes of a photo by stage."""
    chosen, size = parameters.activations, classifier.size
    shapes, n_classes = classifier.shapes(), classifier.n_classes()
    n_variants = len(parameters.superpixels.sizes) + (parameters.superpixels.tuned is not None)
    n_methods = sum(METHODS[method].kind != "activation" for method in parameters.saliency.methods)
    return {
        "activations": bytes_of_activations(shapes, size, n_classes, chosen.precision, chosen.cache),
        "superpixels": bytes_of_superpixels(SEGMENTATIONS * n_variants, size),
        "saliency": bytes_of_saliency(n_methods, size),
        "relevance": 0,
    }


def disk(parameters: Parameters, classifier: Classifier) -> dict[str, Cost]:
    """Cost of a photo by stage, without time."""
    return {stage: Cost(n) for stage, n in bytes_of(parameters, classifier).items()}


def costs(parameters: Parameters, classifier: Classifier) -> dict[str, Cost]:
    """Cost of a photo by stage; seconds are measured."""
    chosen, settings, relevance = parameters.activations, parameters.saliency, parameters.relevance
    forward = Forward(chosen.batch, chosen.forward, chosen.precision)
    methods = possible(classifier, settings.methods)
    view, regions = stand_in(parameters, classifier.size)
    cores = 1 if classifier.device.type == "cuda" else os.cpu_count() or 1
    n_curves = relevance.n_curves * sum(method in methods for method in relevance.methods)
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
