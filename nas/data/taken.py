"""What was taken of a data set, so that a mask that was overlooked, or read as its opposite, is seen."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from nas.data.label_maps import IGNORED
from nas.data.records import Record
from nas.store import read_json, write_json

SUMMARY = Path("truth") / "summary.json"
SHOWN = 3


@dataclass
class Taken:
    """Counts of photos and masks.

    Attributes
    ----------
    n_photos, n_masks : of the data set
    object_share : mean over the masks of the share of pixels that show an object; 0 without masks
    without : names of the first photos that have no mask
    """

    n_photos: int = 0
    n_masks: int = 0
    object_share: float = 0.0
    without: list[str] = field(default_factory=list)

    def counted(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, each counted as it passes."""
        total = 0.0
        for record in records:
            self.n_photos += 1
            labels = record.truth()
            if labels is not None:
                self.n_masks += 1
                total += float(np.mean((labels > 0) & (labels != IGNORED)))
                self.object_share = total / self.n_masks
            elif len(self.without) < SHOWN:
                self.without.append(record.id)
            yield record

    def line(self) -> str:
        """All of it in words."""
        words = f"{self.n_photos} photos, {self.n_masks} with masks"
        if self.n_masks:
            words += f", {100 * self.object_share:.1f}% of whose pixels are object"
            more = self.n_photos - self.n_masks - len(self.without)
            words += f"; without one: {', '.join(self.without)}" if self.without else ""
            words += f" and {more} more" if more else ""
        return words


def write_taken(taken: Taken, folder: Path) -> None:
    """Write it into the folder of a prepared data set."""
    write_json(folder / SUMMARY, asdict(taken))


def read_taken(folder: Path) -> Taken:
    """What was taken of a prepared data set."""
    return Taken(**read_json(folder / SUMMARY))
