"""What a run takes of time and disk, in words: before it begins, and after its first batches."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

PATIENCE = 60.0  # seconds without a word, where no progress bar is seen
SAVING = "download.limit, activations.precision: float16, activations.cache: false or fewer saliency.methods"


class Progress(tqdm):  # type: ignore[type-arg]
    """A bar without a thread that looks after it: a process with threads cannot be copied (`nas.store.processes`)."""

    monitor_interval = 0


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk where a folder is or will be."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free


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
            print(f"{self.description}: about {duration_in_words(rest)} for the other {left} photos", file=sys.stderr)


def duration_in_words(seconds: float) -> str:
    """A duration to two digits or so.

    Examples
    --------
    >>> [duration_in_words(seconds) for seconds in (0.2, 89, 90, 5_000, 7_200, 200_000)]
    ['1 s', '89 s', '2 min', '83 min', '2 h', '2 days']
    """
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{max(1, round(seconds / length))} {unit}"
    return f"{round(seconds / 86400)} days"


def announce(n_records: int, each: int, seconds: float, folder: Path, free: Callable[[Path], int] = free_bytes) -> str:
    """What the records that are still to be computed take of disk and time, in one line; "" where nothing is foreseen.

    Parameters
    ----------
    n_records, each : number of records, and bytes of one of them
    seconds : of one of them, on this machine
    folder : where their parts are written
    free : from a folder to the free bytes of its disk

    Raises
    ------
    ValueError : the disk is too small
    """
    needed, room = n_records * each, free(folder)
    disk = f"{n_records} photos x {readable(each)} = {readable(needed)} on disk (free: {readable(room)})"
    if needed > room:
        raise ValueError(f"{disk}: {readable(needed - room)} too little in {folder}; make room, or set {SAVING}")
    time = f"{'' if each else f'{n_records} photos, '}about {duration_in_words(n_records * seconds)} in all"
    return ", ".join([*([disk] if each else []), *([time] if seconds else [])])


def readable(n_bytes: float) -> str:
    """Bytes in the decimal unit that leaves one to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.95:
            return f"{n_bytes:.1f} {unit}" if unit != "B" else f"{n_bytes:.0f} B"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"
