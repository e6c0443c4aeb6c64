"""Saliency maps of every method for the photos of a data set, for the predicted and for the true class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas.data import Record
from nas.networks import head_fingerprint, shared_classifier
from nas.saliency.explaining import explain
from nas.saliency.methods import CONTROLS, METHODS, check_parameters
from nas.store import Shard, Shards, engine, sha256_of

FOLDERS = ("heads", "activations", "superpixels")
TARGETS = "targets"  # the piece of work that is of no method


@dataclass(frozen=True)
class Explaining:
    """What saliency maps are made of.

    Attributes
    ----------
    network, weights, head : name of the network, its weights, the folder of its head
    activations, superpixels : folders with what the network saw and said, and with label maps
    regions : label map METHOD.VARIANT for the methods that need one
    batch : images per pass
    seed : of every random choice
    parameters : method to parameters in place of its defaults
    """

    network: str
    weights: Path
    head: Path
    activations: Path
    superpixels: Path
    regions: str
    batch: int
    seed: int
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_data(cls, data: Path, dataset: str, network: str, **settings: Any) -> "Explaining":
        """The inputs that the stages wrote below `data` for a data set and a network; `settings` are the others."""
        with engine.naming("saliency.parameters"):
            check_parameters(settings["parameters"])
        weights = data / "weights" / f"{network}.safetensors"
        head, activations, superpixels = (data / stage / dataset / network for stage in FOLDERS)
        return cls(network, weights, head, activations, superpixels, **settings)

    def key(self) -> list[Any]:
        """What every map depends on, as JSON values."""
        network = [self.network, sha256_of(self.weights), head_fingerprint(self.head)]
        return [*network, Shards(self.activations).fingerprint, self.batch]

    def pieces(self, methods: Sequence[str]) -> dict[str, Any]:
        """What the maps of each method depend on beside that, and `TARGETS`, which depends on nothing else."""
        return {TARGETS: None, **{method: self.piece(method) for method in methods}}

    def piece(self, method: str) -> list[Any]:
        """What the maps of one method depend on, as JSON values: its parameters, its seed, its regions."""
        depends: list[Any] = [dict(self.parameters.get(method, {}))]
        depends += [self.seed] if "seed" in METHODS[method].defaults else []
        if METHODS[method].needs_regions:
            variant = self.regions.partition(".")[2]
            depends += [self.regions, Shards(self.superpixels).fingerprint_of([variant])]
        return depends

    def given(self, method: str, seed: int) -> dict[str, Any]:
        """Parameters of a method for `explain`, without regions."""
        return {**self.parameters.get(method, {}), **({"seed": seed} if "seed" in METHODS[method].defaults else {})}

    def region_maps(self, ids: Sequence[str]) -> torch.Tensor:
        """The region maps of some photos, (B, H, W) int64."""
        return torch.from_numpy(Shards(self.superpixels).read(ids, [self.regions])[self.regions].astype(np.int64))


def explain_photos(records: Sequence[Record], pieces: Sequence[str], settings: Explaining) -> dict[str, Shard]:
    """Maps of a few photos: float32 at the input's size, of activation methods at their own size.

    `predicted/METHOD` is for the class that the classifier predicts, `true/METHOD` for the labelled class, or for
    the predicted one where the label is not among the classifier's classes (`labelled` is false).

    Parameters: `pieces`, methods, and `TARGETS` for the classes themselves.
    """
    classifier = shared_classifier(settings.network, settings.weights, settings.head)
    ids = [record.id for record in records]
    seen = Shards(settings.activations).read(ids, ["view", "logits", "label"])
    regions = settings.region_maps(ids)
    x = classifier.normalize(seen["view"])
    predicted = torch.from_numpy(seen["logits"]).argmax(dim=1)
    label = torch.from_numpy(seen["label"])
    true = torch.where(label < 0, predicted, label)
    other = (true != predicted).nonzero()[:, 0]
    found = {}
    for method in pieces:
        if method == TARGETS:
            targets = {"target_predicted": predicted.numpy(), "target_true": true.numpy()}
            found[method] = Shard(ids, {**targets, "labelled": (label >= 0).numpy()})
            continue
        given = settings.given(method, settings.seed)
        given["upsample"] = METHODS[method].kind != "activation"

        def maps(images: torch.Tensor, target: torch.Tensor, method: str = method, **given: Any) -> torch.Tensor:
            given |= {"regions": regions[images]} if METHODS[method].needs_regions else {}
            return explain(classifier, x[images], target, method, batch_size=settings.batch, **given)

        of_predicted = maps(torch.arange(len(ids)), predicted, **given)
        of_true = of_predicted.clone()
        if len(other):
            of_true[other] = maps(other, true[other], **given)
        arrays = {f"predicted/{method}": of_predicted.cpu().numpy(), f"true/{method}": of_true.cpu().numpy()}
        found[method] = Shard(ids, arrays)
    return found


def with_maps(saliency: Path, methods: Sequence[str], key: str) -> list[str]:
    """The methods that have maps in the folder of a stage, in their order: what a network cannot do has none.

    Raises
    ------
    ValueError : none of them has, but for controls; `key` of params.yaml is where they are named
    """
    names = set(Shards(saliency).names())
    found = [method for method in methods if {f"predicted/{method}", f"true/{method}"} & names]
    if all(method in CONTROLS for method in found):
        raise ValueError(
            f"{key} is {list(methods)}: this network can do none of them, but for controls; add one it can"
        )
    return found
