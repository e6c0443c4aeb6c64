"""Saliency maps of every method for the photos of a data set, for the predicted and for the true class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas.data import Record
from nas.networks import Backend, Classifier, StoredClassifier, check_maps, naming_photos
from nas.saliency.explaining import explain_by
from nas.saliency.method import Method
from nas.store import Shard, Stored


@dataclass(frozen=True)
class ToExplain:
    """A method, and all that its maps depend on beside what those of other methods do.

    Attributes
    ----------
    name, method : the method
    parameters : in place of its defaults
    seed : of its random choices, None where it makes none
    regions : label map of each photo, None where it needs none
    """

    name: str
    method: Method
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    regions: Stored | None = None

    def region_maps(self, ids: Sequence[str]) -> Tensor | None:
        """The region maps of some photos, (B, H, W) int64, where the method needs them."""
        if self.regions is None:
            return None
        [found] = self.regions.read(ids).values()
        return torch.from_numpy(found.astype(np.int64))

    def explain(
        self, classifier: Classifier, x: Tensor, target: Tensor, regions: Tensor | None, batch: int, **changed: Any
    ) -> Tensor:
        """Maps (B, H, W) float32, those of activation methods at their own size; `changed`, parameters."""
        given = {**self.parameters, **({} if self.seed is None else {"seed": self.seed}), **changed}
        given |= {} if regions is None else {"regions": regions}
        upsample = self.method.kind != "activation"
        return explain_by(
            self.method, self.name, classifier, x, target, upsample=upsample, batch_size=batch, parameters=given
        )


@dataclass(frozen=True)
class Explaining:
    """What the maps of all methods are made of.

    Attributes
    ----------
    classifier : with its head
    seen : views, logits and labels of the photos
    batch : images per pass
    """

    classifier: StoredClassifier
    seen: Stored
    batch: int

    @classmethod
    def of_data(cls, data: Path, dataset: str, network: str, batch: int, backend: Backend = "openvino") -> "Explaining":
        """The inputs that the stages wrote below `data` for a data set and a network."""
        weights = data / "weights" / f"{network}.safetensors"
        seen = Stored(data / "activations" / dataset / network, ("view", "logits", "label"))
        return cls(StoredClassifier(network, weights, data / "heads" / dataset / network, backend), seen, batch)


def explain_photos(
    records: Sequence[Record], pieces: Mapping[str, ToExplain | None], settings: Explaining
) -> dict[str, Shard]:
    """Maps of a few photos: float32 at the input's size, of activation methods at their own size.

    `predicted/METHOD` is for the class that the classifier predicts, `true/METHOD` for the labelled class, or for
    the predicted one where the label is not among the classifier's classes (`labelled` is false).

    Parameters: `pieces`, methods by name, and `TARGETS` for the classes themselves.
    """
    classifier = settings.classifier.load()
    ids = [record.id for record in records]
    seen = settings.seen.read(ids)
    x = classifier.normalize(seen["view"])
    predicted = torch.from_numpy(seen["logits"]).argmax(dim=1)
    label = torch.from_numpy(seen["label"])
    true = torch.where(label < 0, predicted, label)
    other = (true != predicted).nonzero()[:, 0]
    found = {}
    for name, method in pieces.items():
        if method is None:
            targets = {"target_predicted": predicted.numpy(), "target_true": true.numpy()}
            found[name] = Shard(ids, {**targets, "labelled": (label >= 0).numpy()})
            continue
        regions = method.region_maps(ids)
        with naming_photos(records):
            of_predicted = method.explain(classifier, x, predicted, regions, settings.batch)
            check_maps(f"the map of {name}", of_predicted)
        of_true = of_predicted.clone()
        if len(other):
            of_others = None if regions is None else regions[other]
            with naming_photos([records[int(number)] for number in other]):
                of_true[other] = method.explain(classifier, x[other], true[other], of_others, settings.batch)
                check_maps(f"the map of {name}", of_true[other])
        arrays = {f"predicted/{name}": of_predicted.cpu().numpy(), f"true/{name}": of_true.cpu().numpy()}
        found[name] = Shard(ids, arrays)
    return found
