"""How a classifier is run over photos: batches, arithmetic, precision of what is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks.usable import check_maps
from nas.store import threads

if TYPE_CHECKING:  # it is imported in seconds
    from nas.networks.classifier import Classifier


@dataclass(frozen=True)
class Forward:
    """How a classifier is run over photos.

    batch : photos at a time
    arithmetic : "float32", or "bfloat16" or "float16" for the layers that torch.autocast runs in half precision
    precision : "float32" or "float16", of the maps; logits are float32
    threads : of a pass on a CPU; their number changes the last bits of a convolution
    """

    batch: int
    arithmetic: str = "float32"
    precision: str = "float32"
    threads: int = 1

    def maps(self, classifier: "Classifier", views: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Views (B, size, size, 3) uint8, at most `batch`, to {"depthN": maps (B, C, h, w)}.

        Raises
        ------
        ValueError : values that are not finite, or that `precision` cannot hold, or float16 arithmetic without a GPU
        """
        with self._pass(classifier):
            found = classifier.activations(self._input(classifier, views))
        for depth, maps in found.items():
            check_maps(f"activations at depth {depth}", maps[: len(views)])
        return {f"depth{depth}": convert(m[: len(views)], self.precision) for depth, m in found.items()}

    def logits(self, classifier: "Classifier", views: NDArray[Any]) -> NDArray[np.float32]:
        """Views (B, size, size, 3) uint8, at most `batch`, to logits (B, n_classes).

        Raises
        ------
        ValueError : values that are not finite
        """
        found = self.apply(classifier.logits, classifier, views)
        check_maps("logits", torch.from_numpy(found))
        return found

    def apply(
        self, function: Callable[[Tensor], Tensor], classifier: "Classifier", views: NDArray[Any]
    ) -> NDArray[np.float32]:
        """What a function makes of the inputs (batch, 3, size, size) for views (B, size, size, 3), at most `batch`."""
        with self._pass(classifier):
            found = function(self._input(classifier, views))
        return found[: len(views)].float().cpu().numpy()

    def _input(self, classifier: "Classifier", views: NDArray[Any]) -> Tensor:
        # a short last batch is filled up: the size of a batch can change the last bits of a convolution
        fill = [*range(len(views)), *[0] * (self.batch - len(views))]
        return classifier.normalize(views[fill])

    @contextmanager
    def _pass(self, classifier: "Classifier") -> Iterator[None]:
        with threads(self.threads), torch.no_grad(), self._autocast(classifier):
            yield

    def check(self, classifier: "Classifier") -> None:
        """Raise ValueError for float16 arithmetic without a GPU."""
        if self.arithmetic == "float16" and classifier.device.type != "cuda":
            raise ValueError("activations.forward is 'float16', which needs a GPU: set float32 or bfloat16")

    def _autocast(self, classifier: "Classifier") -> Any:
        self.check(classifier)
        if self.arithmetic == "float32":
            return nullcontext()
        return torch.autocast(classifier.device.type, getattr(torch, self.arithmetic))


def convert(maps: Tensor, precision: str) -> NDArray[Any]:
    """Maps in another precision. Raises ValueError where a value does not fit."""
    converted = maps.to(getattr(torch, precision)).cpu().numpy()
    if not np.isfinite(converted).all():
        raise ValueError(
            f"activations.precision is {precision!r}: values up to {maps.abs().max():g} do not fit; set float32"
        )
    return converted
