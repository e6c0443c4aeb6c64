"""The activations of a data set, computed once and stored, or computed again whenever they are read."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.checksums import sha256_of
from nas.durations import timed
from nas.shards import Shards, write_json

if TYPE_CHECKING:
    from nas.classifiers import Classifier

FORWARD = "forward.json"


@dataclass(frozen=True)
class Forward:
    """How a classifier is run over photos.

    batch : photos at a time
    arithmetic : "float32", or "bfloat16" or "float16" for the layers that torch.autocast runs in half precision
    precision : "float32" or "float16", of the maps; logits are float32
    """

    batch: int
    arithmetic: str = "float32"
    precision: str = "float32"

    def maps(self, classifier: "Classifier", views: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Views (B, size, size, 3) uint8, at most `batch`, to {"depthN": maps (B, C, h, w)}.

        Raises
        ------
        ValueError : values that `precision` cannot hold, or float16 arithmetic without a GPU
        """
        with torch.no_grad(), self._autocast(classifier):
            found = classifier.activations(self._input(classifier, views))
        return {f"depth{depth}": convert(m[: len(views)], self.precision) for depth, m in found.items()}

    def logits(self, classifier: "Classifier", views: NDArray[Any]) -> NDArray[np.float32]:
        """Views (B, size, size, 3) uint8, at most `batch`, to logits (B, n_classes)."""
        return self.apply(classifier.logits, classifier, views)

    def apply(
        self, function: Callable[[Tensor], Tensor], classifier: "Classifier", views: NDArray[Any]
    ) -> NDArray[np.float32]:
        """What a function makes of the inputs (batch, 3, size, size) for views (B, size, size, 3), at most `batch`."""
        with torch.no_grad(), self._autocast(classifier):
            found = function(self._input(classifier, views))
        return found[: len(views)].float().cpu().numpy()

    def _input(self, classifier: "Classifier", views: NDArray[Any]) -> Tensor:
        # a short last batch is filled up: the size of a batch can change the last bits of a convolution
        fill = [*range(len(views)), *[0] * (self.batch - len(views))]
        return classifier.normalize(views[fill])

    def _autocast(self, classifier: "Classifier") -> Any:
        device = classifier.device.type
        if self.arithmetic == "float16" and device != "cuda":
            raise ValueError("activations.forward is 'float16', which needs a GPU: set float32 or bfloat16")
        if self.arithmetic == "float32":
            return nullcontext()
        return torch.autocast(device, getattr(torch, self.arithmetic))


def seconds_of_pass(classifier: "Classifier", forward: Forward) -> float:
    """Seconds that a view takes in a pass, measured with a batch of grey ones, on a CPU a small one."""
    some = replace(forward, batch=forward.batch if classifier.device.type == "cuda" else min(forward.batch, 4))
    views = np.full((some.batch, classifier.size, classifier.size, 3), 127, np.uint8)
    return timed(lambda: some.logits(classifier, views)) / some.batch


def convert(maps: Tensor, precision: str) -> NDArray[Any]:
    """Maps in another precision. Raises ValueError where a value does not fit."""
    converted = maps.to(getattr(torch, precision)).cpu().numpy()
    if not np.isfinite(converted).all():
        raise ValueError(
            f"activations.precision is {precision!r}: values up to {maps.abs().max():g} do not fit; set float32"
        )
    return converted


def write_forward(folder: Path, classifier: "Classifier", weights: Path, forward: Forward) -> None:
    """Note beside the stored arrays how the maps come from the views, for `Activations`."""
    depths = {str(depth): node for depth, node in classifier.depths.items()}
    network = {
        "classifier": classifier.name,
        "weights": os.path.relpath(weights, folder),
        "sha256": sha256_of(weights),
        "depths": depths,
    }
    write_json(folder / FORWARD, network | asdict(replace(forward, batch=1)))


class Activations(Shards):
    """The views, maps and logits of a data set, read a few photos at a time.

    Maps that were not stored are computed from the stored views, photo by photo, so that those of a photo do not
    depend on the others. They equal stored ones up to rounding, since these came from larger batches.

    Parameters
    ----------
    folder : with the arrays, and with what `write_forward` noted, the way from there to the weights among it
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        note = folder / FORWARD
        if not note.is_file():
            raise ValueError(f"{folder}: holds no {FORWARD}; run the stage activations (dvc repro)")
        content = note.read_text()
        self.fingerprint = hashlib.sha256((self.fingerprint + content).encode()).hexdigest()
        self._network: dict[str, Any] = json.loads(content)
        self._forward = Forward(**{name: self._network[name] for name in Forward.__dataclass_fields__})

    @property
    def network(self) -> dict[str, Any]:
        """What the maps come from: classifier, sha256 of its weights, node of each depth, arithmetic, precision."""
        return {name: self._network[name] for name in ("classifier", "sha256", "depths", "arithmetic", "precision")}

    def names(self) -> list[str]:
        """Names of the arrays, stored or not."""
        return sorted({*super().names(), *(f"depth{depth}" for depth in self._network["depths"])})

    def read(self, ids: Sequence[str], names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
        """Arrays of some photos, stacked in the order of `ids`; all names by default.

        Raises
        ------
        ValueError : a photo or a depth that is not there, or weights other than those of the stored arrays
        """
        wanted, known, stored = list(names if names is not None else self.names()), self.names(), super().names()
        for name in wanted:
            if name not in known:
                raise ValueError(
                    f"{self.folder}: has no {name!r}; it has {', '.join(known)}: change the depths where they are "
                    "read, or activations.depths"
                )
        found = super().read(ids, [name for name in wanted if name in stored])
        if not set(wanted) <= set(stored):
            views = super().read(ids, ["view"])["view"]
            classifier = self._classifier()
            maps = [self._forward.maps(classifier, views[number : number + 1]) for number in range(len(ids))]
            found |= {name: np.concatenate([m[name] for m in maps]) for name in wanted if name not in stored}
        return {name: found[name] for name in wanted}

    def _classifier(self) -> "Classifier":
        network = self._network
        depths = tuple((int(depth), node) for depth, node in network["depths"].items())
        weights = Path(os.path.normpath(self.folder / network["weights"]))
        return _load(network["classifier"], weights, network["sha256"], depths)


@cache
def _load(name: str, weights: Path, sha256: str, depths: tuple[tuple[int, str], ...]) -> "Classifier":
    """Load once per process, since the functions of a stage open their folders anew for every batch."""
    from nas.classifiers import load_classifier  # slow to import, and of no use where maps were stored

    if not weights.is_file() or sha256_of(weights) != sha256:
        raise ValueError(f"{weights}: is missing or not the file that the activations are of; run dvc repro")
    return load_classifier(name, weights, depths=dict(depths))
