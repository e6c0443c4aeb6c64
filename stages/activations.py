"""Run a network once over a data set: maps at every depth and logits, data/activations/DATASET/NETWORK."""

import json
from functools import partial
from pathlib import Path

from nas.data import read_records
from nas.networks import (
    Forward,
    bytes_of_activations,
    layers,
    load_headed,
    read_head,
    read_views,
    run_photos,
    seconds_of_pass,
    write_forward,
)
from nas.store import engine, write_json
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    weights, heads = Path("data/weights", f"{network}.safetensors"), Path("data/heads", dataset, network)
    target, scratch = (folder / "activations" / dataset / network for folder in (Path("data"), SCRATCH))
    own = json.loads(Path("data/choices/networks", f"{network}.json").read_text(encoding="utf-8"))["depths"]
    depths = None if own is None else {int(depth): node for depth, node in own.items()}
    chosen, (head, _) = parameters.activations, read_head(heads)
    classifier = load_headed(network, weights, head, depths)
    forward = Forward(chosen.batch, chosen.forward, chosen.precision, chosen.threads)
    forward.check(classifier)
    shapes = classifier.shapes()
    engine.run(
        partial(run_photos, classifier=classifier, head=head, forward=forward, cache=chosen.cache),
        read_records(Path("data/raw", dataset)),
        target,
        scratch=scratch,
        batch_size=chosen.batch,
        network=True,
        description=f"activations {dataset} {network}",
        load=partial(read_views, classifier=classifier),
        n_bytes=bytes_of_activations(shapes, classifier.size, classifier.n_classes(), chosen.precision, chosen.cache),
        # two views for the logits, and the first one again for the maps
        seconds=lambda: (2 + chosen.cache) * seconds_of_pass(classifier, forward),
        carried={"dataset": dataset, "network": network},
    )
    write_forward(target, classifier, weights, forward)
    write_json(target / "network.json", layers(classifier, shapes))
