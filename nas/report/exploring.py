"""One photo under one network with other settings: what notebooks/explore.ipynb draws as its sliders move."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nas.data import resize_labels
from nas.networks import Classifier, load_classifier
from nas.report import style
from nas.report.names import label_of
from nas.report.painting import by_luminance, mean_colour
from nas.saliency import METHODS, average, explain
from nas.superpixels import NeuroActivatedSuperpixels, regions

# those of a few passes, so that a slider is not waited for
QUICK = tuple(
    name for name, method in METHODS.items() if not method.needs_regions and method.kind in ("activation", "gradient")
)


@lru_cache(maxsize=2)
def network_of(name: str, root: Path) -> Classifier:
    """A network with the weights that the pipeline fetched, else with the official ones, fetched once."""
    weights = root / "data" / "weights" / f"{name}.safetensors"
    return load_classifier(name, weights if weights.is_file() else None)


class Explorer:
    """What a network makes of a photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8

    Attributes
    ----------
    view : (size, size, 3) uint8, the photo squashed to the input of the network, as in the report
    target : the class that the network predicts for the view
    """

    def __init__(self, photo: NDArray[np.uint8], classifier: Classifier) -> None:
        self.classifier = classifier
        self.view = classifier.view(photo)
        self._x = classifier.normalize(self.view[None])
        self._activations = classifier.activations(self._x)
        with torch.no_grad():
            self.target = int(classifier.logits(self._x).argmax())

    def clusters(self, n_clusters: int, depths: Sequence[int], size: str) -> NDArray[np.int64]:
        """NAS clusters of the view, (size, size), ids from 0; `size`, "first" or "image", is the grid."""
        model = NeuroActivatedSuperpixels(n_clusters, depths=tuple(sorted(depths)), size=size, random_state=0)
        found = model.fit_predict(self._activations, self.view.shape[:2])
        return np.asarray(resize_labels(found[0].numpy(), self.view.shape[:2]))

    def saliency(self, method: str) -> NDArray[np.float32]:
        """The map (size, size) of the predicted class by a method of `QUICK`."""
        found = explain(self.classifier, self._x, torch.tensor([self.target]), method)
        return np.asarray(found[0].cpu().numpy())

    def draw(self, n_clusters: int, depths: Sequence[int], size: str, method: str) -> Figure:
        """Photo, NAS clusters and components; the map as it is and averaged in each."""
        style.use()
        clusters = self.clusters(n_clusters, depths, size)
        components = regions.components(clusters)
        raw = self.saliency(method)
        averaged = [average(raw, regions.relabel(labels)) for labels in (clusters, components)]
        figure, axes = plt.subplots(2, 3, figsize=(style.WIDTH, 5.1))
        shown = [
            (self.view, "photo"),
            (by_luminance(clusters, self.view), f"{len(np.unique(clusters))} NAS clusters"),
            (mean_colour(components, self.view), f"{components.max() + 1} NAS components"),
        ]
        for ax, (picture, title) in zip(axes[0], shown, strict=True):
            ax.imshow(picture, interpolation="nearest")
            ax.set_title(title)
        names = [label_of(method), "averaged in clusters", "averaged in components"]
        for ax, picture, title in zip(axes[1], [raw, *averaged], names, strict=True):
            ax.imshow(picture, cmap="magma")
            ax.set_title(title)
        for ax in axes.flat:
            style.bare(ax)
        figure.tight_layout(pad=0.4, h_pad=1.5)
        return figure
