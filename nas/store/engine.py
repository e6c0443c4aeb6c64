"""Run a function over batches of records: resumable, with progress, on one core or several.

A stage hands over a function from a batch of records to a `Shard`. It is free of global state, so that where it
runs does not matter. Finished batches are kept (`nas.store.kept_work`): a run that was killed goes on.

The work on a batch may be in pieces, a saliency method each, say. The function is then asked for the pieces that are
not there yet, and each piece has its own key.

What the function needs from disk, beside what earlier stages stored, can be left to a second function, from one
record to what is read of it. In one process it runs in threads, for the next batch while one is computed.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import joblib
import torch
from joblib.externals.loky import process_executor
from tqdm import tqdm

from nas.store.kept_work import Item, Work
from nas.store.progress import Outlook, announce
from nas.store.shards import Shard, gather, join_pieces, read_piece, write_shard

LEAK = 2**31  # bytes that a process may grow
WHOLE = ""  # the piece of work that is not in pieces
Record = TypeVar("Record", bound=Item)
Function = Callable[..., Any]
Load = Callable[[Any], Any]


def run(
    function: Function,
    records: Sequence[Record],
    target: Path,
    *,
    key: Any,
    scratch: Path,
    pieces: Mapping[str, Any] | None = None,
    batch_size: int = 1,
    workers: int = 1,
    description: str = "",
    load: Load | None = None,
    n_bytes: int = 0,
    seconds: float = 0.0,
    carried: Mapping[str, str | int] | None = None,
    columns: Sequence[str] = (),
) -> None:
    """Compute the shards of all records and gather them into the folder `target`.

    Parameters
    ----------
    function : records to a shard; with several workers it must be picklable. With `pieces` it gets the names of some
        of them as keyword `pieces`, in order, and gives a shard for each, by name; arrays of two pieces have different
        names
    load : a record to what is read of it; the function then gets a list of that, in order, as second argument. At
        most one batch is read ahead.
    key : JSON value, everything that the result depends on beside the records and the code: parameters, hashes
    scratch : folder for the work of this run; what the result is made of is kept there
    pieces : name to a JSON value, what the piece depends on beside `key`; names in the order of the rows
    batch_size : records per call; it does not change the result of a record
    workers : processes, each with one thread; 1 runs in this process with all threads; 0 takes every core
    n_bytes, seconds : that a record takes, where that is foreseen; a line on stderr says so of all that are to come
    carried, columns : of the table, see `gather`

    Raises
    ------
    ValueError : the disk is too small, as foreseen or as the first finished batches show
    whatever the functions raise, in one process the error of the first record; a ValueError of `function` comes after
    the ids of the records that it was given
    """
    work = Work(scratch, key, {WHOLE: None} if pieces is None else pieces)
    batches = [records[start : start + batch_size] for start in range(0, len(records), batch_size)]
    parts = [work.part(batch) for batch in batches]
    pending = [(batch, part) for batch, part in zip(batches, parts, strict=True) if not part.exists()]
    done = len(records) - sum(len(batch) for batch, _ in pending)
    n_workers = workers or os.cpu_count() or 1
    if pending and (n_bytes or seconds):
        foreseen = announce(len(records) - done, n_bytes, seconds, scratch)
        print(f"{description}: {foreseen}", file=sys.stderr)
    outlook = Outlook(description, len(records) - done, scratch, n_batches=n_workers)
    compute = partial(_compute, function, work, pieces is not None)
    with (
        tqdm(total=len(records), initial=done, desc=description, unit="photo", disable=None) as progress,
        closing(_finish(compute, load, pending, n_workers)) as finished,
    ):
        for batch, part in finished:
            progress.update(len(batch))
            outlook.update(len(batch), part, quiet=not progress.disable)
    gather(parts, target, carried, columns)
    work.prune()


@contextmanager
def naming(subject: str) -> Iterator[None]:
    """Say at the beginning of any ValueError raised inside what it is about: a photo, a method, a key."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{subject}: {error}") from error


def _finish(
    compute: Callable[..., Any], load: Load | None, pending: Sequence[tuple[Sequence[Any], Path]], workers: int
) -> Generator[tuple[Sequence[Any], Path]]:
    """Run what is pending; yields each batch when it is finished."""
    if workers > 1:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
            yield from parallel(joblib.delayed(_single)(compute, load, *each) for each in pending)
    elif load is None:
        for each in pending:
            yield compute(*each)
    else:
        with closing(_read_ahead(load, [batch for batch, _ in pending])) as read:
            for each, loaded in zip(pending, read, strict=True):
                yield compute(*each, loaded)


def _read_ahead(load: Load, batches: Sequence[Sequence[Any]]) -> Generator[list[Any]]:
    """What is read of each batch, in order; the next one is being read while the caller works on one."""
    threads = ThreadPoolExecutor(os.cpu_count())
    try:
        following = threads.map(load, batches[0] if batches else ())
        for after in [*batches[1:], ()][: len(batches)]:
            loaded, following = list(following), threads.map(load, after)
            yield loaded
    finally:
        threads.shutdown(cancel_futures=True)  # waits for the photos being read, not for those in the queue


def _compute(
    function: Function, work: Work, in_pieces: bool, batch: Sequence[Any], part: Path, *loaded: list[Any]
) -> tuple[Sequence[Any], Path]:
    ids = ", ".join(record.id for record in batch)
    with naming(f"photo {ids}" if len(batch) == 1 else f"one of the photos {ids}"):
        if not in_pieces:
            write_shard(function(batch, *loaded), part)
            return batch, part
        kept = {name: read_piece(earlier, name) for name, earlier in work.kept(batch).items()}
        missing = [name for name in work.made_from if name not in kept]
        made = kept | (function(batch, *loaded, pieces=missing) if missing else {})
    work.note(part)
    joined = join_pieces({name: made[name] for name in work.made_from}) if made else Shard([each.id for each in batch])
    write_shard(joined, part)
    return batch, part


def _single(
    compute: Callable[..., Any], load: Load | None, batch: Sequence[Any], part: Path
) -> tuple[Sequence[Any], Path]:
    torch.set_num_threads(1)
    # what torch keeps of its first photos looks like a leak to loky, which would start the process anew
    process_executor._MAX_MEMORY_LEAK_SIZE = LEAK
    done: tuple[Sequence[Any], Path] = compute(
        batch, part, *([] if load is None else [[load(record) for record in batch]])
    )
    return done
