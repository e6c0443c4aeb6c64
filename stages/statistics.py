"""From rows to intervals: data/statistics/SUBJECT/DATASET/NETWORK, of what every other stage measured.

Nothing here runs a network. A subject whose table and settings are those of an earlier run is not resampled again.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from nas import classes, localization, networks, relevance, saliency, semantics, superpixels
from nas.statistics import Task, store_summaries
from stages.params import SCRATCH, Parameters


def subjects(parameters: Parameters) -> "dict[str, partial[Any]]":
    """The summaries of each subject, from the folder of its stage; those that take longest come first."""
    every = parameters.resampling()
    located = parameters.resampling(parameters.localization.resamples)
    return {
        "localization": partial(localization.summaries, resampling=located, ious=parameters.localization.ious),
        "relevance": partial(relevance.summaries, resampling=every),
        "ablation": partial(superpixels.ablation_summaries, resampling=every),
        "superpixels": partial(superpixels.summaries, resampling=every),
        "semantics": partial(semantics.summaries, resampling=every),
        "classes": partial(classes.summaries, resampling=every),
        "convergence": partial(saliency.summaries, resampling=every),
        "steps": partial(relevance.steps_summaries, resampling=every),
        "activations": partial(networks.summaries, resampling=every),
    }


def tasks(parameters: Parameters) -> Iterator[Task]:
    """One for each subject, data set and network; convergence and steps are of the first pair alone."""
    first = parameters.datasets[0], parameters.classifiers[0]
    for subject, summarize in subjects(parameters).items():
        for dataset in parameters.datasets:
            for network in parameters.classifiers:
                if subject not in ("convergence", "steps") or (dataset, network) == first:
                    place = Path(subject, dataset, network)
                    yield Task(
                        summarize,
                        source=Path("data") / place,
                        target=Path("data/statistics") / place,
                        scratch=SCRATCH / "statistics" / place,
                        carried={"dataset": dataset, "network": network, "seed": parameters.seed},
                    )


def main(parameters: Parameters) -> None:
    store_summaries(list(tasks(parameters)))
