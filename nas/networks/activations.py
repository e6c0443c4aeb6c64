"""The activations of a data set, computed once and stored, or computed again whenever they are read."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks.forward import Forward
from nas.store import INDEX, Shards, digest, read_json, sha256_of, write_json

if TYPE_CHECKING:
    from nas.networks.classifier import Classifier

FORWARD = "forward.json"


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

    Several functions read the same folder: `open` keeps it.
    """

    @classmethod
    def open(cls, folder: Path) -> "Activations":
        """The activations in a folder, opened once while they stay as they are."""
        files = [folder / INDEX, folder / FORWARD]
        if not all(file.is_file() for file in files):
            return cls(folder)
        states = [file.stat() for file in files]
        return _open(folder, *((state.st_mtime_ns, state.st_size, state.st_ino) for state in states))

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        note = folder / FORWARD
        if not note.is_file():
            raise ValueError(f"{folder}: holds no {FORWARD}; run the stage activations (dvc repro)")
        self._network: dict[str, Any] = read_json(note)
        self._forward = Forward(**{name: self._network[name] for name in Forward.__dataclass_fields__})

    @property
    def network(self) -> dict[str, Any]:
        """What the maps come from: classifier, sha256 of its weights, node of each depth, arithmetic, precision."""
        return {name: self._network[name] for name in ("classifier", "sha256", "depths", "arithmetic", "precision")}

    def names(self) -> list[str]:
        """Names of the arrays, stored or not."""
        return sorted({*super().names(), *(f"depth{depth}" for depth in self._network["depths"])})

    def hashes(self, ids: Sequence[str], names: Sequence[str]) -> list[list[str]]:
        """Hashes of some arrays of some photos, as `Shards.hashes`; of maps that are not stored, of what makes them."""
        stored = super().names()
        nodes, made = self._network["depths"], [value for key, value in self.network.items() if key != "depths"]
        made.append(self._forward.threads)  # last bits of a sum differ with it
        others = {name: nodes.get(name.removeprefix("depth")) for name in names if name not in stored}
        unknown = [name for name, node in others.items() if node is None]
        if unknown:
            raise ValueError(f"{self.folder}: has no {unknown[0]!r}; it has {', '.join(self.names())}")
        found = super().hashes(ids, [*(name for name in names if name in stored), *(["view"] if others else [])])
        device = "cuda" if torch.cuda.is_available() else "cpu"
        for of_photo in found:
            of_photo += [digest(of_photo[-1], node, made, device) for node in others.values()]
        return found

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

    def maps(self, ids: Sequence[str], depths: Sequence[int]) -> dict[int, Tensor]:
        """Maps of some photos, {depth: (B, C, h, w)}; errors as in `read`."""
        found = self.read(ids, [f"depth{depth}" for depth in depths])
        return {depth: torch.from_numpy(found[f"depth{depth}"]) for depth in depths}

    @property
    def depths(self) -> list[int]:
        """The depths that there are, shallowest first."""
        return sorted(int(depth) for depth in self._network["depths"])

    def _classifier(self) -> "Classifier":
        network = self._network
        depths = tuple((int(depth), node) for depth, node in network["depths"].items())
        weights = Path(os.path.normpath(self.folder / network["weights"]))
        return _load(network["classifier"], weights, network["sha256"], depths)


@lru_cache(maxsize=8)
def _open(folder: Path, *_states: tuple[int, ...]) -> Activations:
    return Activations(folder)


@dataclass(frozen=True)
class StoredMaps:
    """Maps at some depths, for a function that reads these and no others: a source, see `nas.store.Stored`.

    folder : of the stage activations
    depths : shallowest first
    """

    folder: Path
    depths: tuple[int, ...]

    def read(self, ids: Sequence[str]) -> dict[int, Tensor]:
        """Maps of some photos, {depth: (B, C, h, w)}; errors as in `Activations.read`."""
        return Activations.open(self.folder).maps(ids, self.depths)

    def fingerprint_of(self, ids: Sequence[str]) -> list[Any]:
        """The depths, and hashes of these maps of some photos."""
        names = [f"depth{depth}" for depth in self.depths]
        return [*names, Activations.open(self.folder).hashes(ids, names)]


@cache
def _load(name: str, weights: Path, sha256: str, depths: tuple[tuple[int, str], ...]) -> "Classifier":
    """Load once per process, since the functions of a stage open their folders anew for every batch."""
    if not weights.is_file() or sha256_of(weights) != sha256:
        raise ValueError(f"{weights}: is missing or not the file that the activations are of; run dvc repro")
    from nas.networks.classifier import load_classifier  # in seconds, and only where maps are not stored

    return load_classifier(name, weights, depths=dict(depths))
