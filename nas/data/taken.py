"""What was taken of a data set, so that a mask that was overlooked, or read as its opposite, is seen."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from nas.data.label_maps import IGNORED, instances_of, shows_object
from nas.data.records import Record
from nas.store import read_json, write_json

SUMMARY = Path("truth") / "summary.json"
SHOWN = 3


@dataclass
class Taken:
    """Counts of photos, objects and masks.

    Attributes
    ----------
    n_photos, n_objects, n_masks : of the data set; an object is a box, or where there are none an instance of the mask
    object_share, ignored_share : means over the masks of the shares of pixels that show an object, and that are to be
        ignored; 0 without masks
    coarse : what the first mask is made of whose boundary is not that of its object, see `Record`; "" where none is
    without : names of the first photos that have no mask
    left_out : what of the truth could not be used, and how often
    """

    n_photos: int = 0
    n_objects: int = 0
    n_masks: int = 0
    object_share: float = 0.0
    ignored_share: float = 0.0
    coarse: str = ""
    without: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def counted(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, each counted as it passes."""
        objects = ignored = 0.0
        for record in records:
            self.n_photos += 1
            labels = record.truth()
            instances = 0 if labels is None else len(instances_of(labels))
            self.n_objects += len(record.boxes) or instances
            if labels is not None:
                self.n_masks += 1
                objects += float(np.mean(shows_object(labels)))
                ignored += float(np.mean(labels == IGNORED))
                self.object_share, self.ignored_share = objects / self.n_masks, ignored / self.n_masks
                self.coarse = self.coarse or record.coarse
            elif len(self.without) < SHOWN:
                self.without.append(record.id)
            yield record

    def line(self) -> str:
        """All of it in words."""
        words = f"{_number(self.n_photos, 'photo')}, {_number(self.n_objects, 'object')}, {self.n_masks} with masks"
        if self.n_masks:
            words += f" of {self.coarse}" if self.coarse else ""
            words += f", {100 * self.object_share:.1f}% of whose pixels are object"
            words += f", {100 * self.ignored_share:.1f}% ignored" if self.ignored_share else ""
            more = self.n_photos - self.n_masks - len(self.without)
            words += f"; without one: {', '.join(self.without)}" if self.without else ""
            words += f" and {more} more" if more else ""
        if self.left_out:
            words += f"; left out: {', '.join(f'{what}: {n}' for what, n in self.left_out.items())}"
        return words


def _number(n: int, what: str) -> str:
    """1 photo, 2 photos."""
    return f"{n} {what}{'s' * (n != 1)}"


def write_taken(taken: Taken, folder: Path) -> None:
    """Write it into the folder of a prepared data set."""
    write_json(folder / SUMMARY, asdict(taken))


def read_taken(folder: Path) -> Taken:
    """What was taken of a prepared data set."""
    return Taken(**read_json(folder / SUMMARY))
