"""Cluster all photos of a class together, and hold that against each photo's own clustering.

Writes data/classes/DATASET/NETWORK: for each class the centers and label maps, and one table of how far the two
clusterings agree, photo by photo.
"""

from pathlib import Path

from nas.classes import ClassClustering, cluster_class, clusters_settings, photos_by_class, store_classes
from nas.data import read_records
from nas.networks import Activations
from nas.store import keep_only
from nas.superpixels import Variant
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, dataset: str, network: str) -> None:
    activations = Path("data/activations", dataset, network)
    target, scratch = (folder / "classes" / dataset / network for folder in (Path("data"), SCRATCH))
    chosen, nas = parameters.classes, parameters.superpixels
    variant = Variant(chosen.clusters, tuple(nas.depths), nas.weighting, "first")
    clustering = ClassClustering(variant, tuple(chosen.own_clusters), nas.interpolation, parameters.seed)
    classes = photos_by_class(read_records(Path("data/raw", dataset)), chosen.names, dataset)
    done = {name: cluster_class(name, photos, activations, clustering, scratch) for name, photos in classes.items()}
    made = Activations(activations).network
    settings = {name: clusters_settings(name, photos, dataset, made, clustering) for name, photos in classes.items()}
    carried = {"dataset": dataset, "network": network, **variant.columns(), "seed": parameters.seed}
    store_classes(done, settings, target, carried)
    keep_only(scratch, done.values())
