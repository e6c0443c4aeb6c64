"""What the first finished batches of a run tell of the others: whether the disk has room for them, and their time."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from nas.durations import in_words
from nas.estimates import free_bytes, readable

PATIENCE = 60.0  # seconds without a word, where no progress bar is seen


class Outlook:
    """Follows a run, batch by batch.

    Parameters
    ----------
    description : of the run, before each line
    n_records : that are to be computed
    folder : where their parts are written
    n_batches : at a time
    clock, free : seconds from any start, and from a folder to the free bytes of its disk
    """

    def __init__(
        self,
        description: str,
        n_records: int,
        folder: Path,
        n_batches: int = 1,
        clock: Callable[[], float] = time.monotonic,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.description, self.n_records, self.folder, self.n_batches = description, n_records, folder, n_batches
        self._clock, self._free = clock, free
        self._started, self._finished, self._batches, self._spoke = clock(), 0, 0, False

    def update(self, n_records: int, part: Path, quiet: bool = False) -> None:
        """Take note of a finished batch and, unless `quiet`, say once how long the others take, if that is long.

        Raises
        ------
        ValueError : the first batch takes so much disk that the others do not fit
        """
        self._finished += n_records
        self._batches += 1
        left = self.n_records - self._finished
        if self._batches == 1:
            needed, room = left * part.stat().st_size / n_records, self._free(self.folder)
            if needed > room:
                raise ValueError(
                    f"{self.description}: the other {left} photos need {readable(needed)} on disk, and "
                    f"{readable(room)} are free in {self.folder}; make room, or set download.limit. The next run goes "
                    "on from here"
                )
        elapsed = self._clock() - self._started
        # of several at a time, one that is done says little of those that are not
        if quiet or self._spoke or elapsed < PATIENCE or self._batches < self.n_batches:
            return
        self._spoke = True
        rest = elapsed / self._finished * left
        if rest >= PATIENCE:
            print(f"{self.description}: about {in_words(rest)} for the other {left} photos", file=sys.stderr)
