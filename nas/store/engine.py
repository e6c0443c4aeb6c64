"""Run a function over batches of records: resumable, with progress, on one core or several.

A stage hands over a function from a batch of records to a `Shard`. It is free of global state, so that where it
runs does not matter, and a batch is known by the records, by what the function is bound to, and by the code
(`nas.store.given`). Finished batches are kept (`nas.store.kept_work`): a run that was killed goes on.

The work on a batch may be in pieces, a saliency method each, say. The function is then given what each of the pieces
that are not there yet is to be made of, and no other piece can depend on that.

What the function needs from disk, beside what earlier stages stored, can be left to a second function, from one
record to what is read of it. In one process it runs in threads, for the next batch while one is computed.
"""

import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from nas.store.cluster import await_file, chosen, on_cluster
from nas.store.files import is_whole
from nas.store.kept_work import Item, Work
from nas.store.processes import in_processes, n_cores
from nas.store.progress import Outlook, Progress, announce
from nas.store.shards import Shard, gather, join_pieces, read_piece, write_shard

FEW = 50  # records for which it takes too long to find out how long they take
WHOLE = ""  # the piece of work that is not in pieces
Record = TypeVar("Record", bound=Item)
Function = Callable[..., Any]
Load = Callable[[Any], Any]


def run(
    function: Function,
    records: Sequence[Record],
    target: Path,
    *,
    scratch: Path,
    pieces: Mapping[str, Any] | None = None,
    batch_size: int = 1,
    workers: int = 1,
    network: bool = False,
    description: str = "",
    load: Load | None = None,
    n_bytes: int = 0,
    seconds: Callable[[], float] = float,
    carried: Mapping[str, str | int] | None = None,
    columns: Sequence[str] = (),
) -> None:
    """Compute the shards of all records and gather them into the folder `target`.

    Parameters
    ----------
    function : records to a shard, bound to its settings and sources, see `Given.of`; with several workers it must be
        picklable. With `pieces` it gets some of them as keyword `pieces`, in order, and gives a shard for each, by
        name; arrays of two pieces have different names
    load : a record, and some of the pieces as keyword where there are any, to what is read of it; the function then
        gets a list of that, in order, as second argument. At most one batch is read ahead.
    scratch : folder for the work of this run; what the result is made of is kept there
    pieces : name to what is given for the piece; names in the order of the rows
    batch_size : records per call; it does not change the result of a record
    workers : processes, at most, each with one thread; 1 runs in this process, 0 takes every core, or all of a cluster
    network : whether the function runs a network, which is worth a cluster (`nas.store.cluster`) with one worker too
    n_bytes, seconds : that a record takes, where that is foreseen; a line on stderr says so of all that are to come.
        Seconds are asked for where there are more than a few to do.
    carried, columns : of the table, see `gather`

    Raises
    ------
    ValueError : the disk is too small, as foreseen or as the first finished batches show
    whatever the functions raise, in one process of the first record; a ValueError of `function` comes after their ids
    """
    work = Work(scratch, partial(function, load), {WHOLE: None} if pieces is None else pieces)
    batches = [records[start : start + batch_size] for start in range(0, len(records), batch_size)]
    parts = [work.part(batch) for batch in batches]
    tasks = (Task(function, load, work, *each, pieces) for each in zip(batches, parts, strict=True))
    pending = [task for task in tasks if not is_whole(task.part)]
    left = sum(len(task.batch) for task in pending)
    # a process takes seconds to start: it is worth that for two batches
    n_workers = min(workers or n_cores(), max(1, len(pending) // 2))
    if pending and (foreseen := announce(left, n_bytes, seconds() if left >= FEW else 0.0, scratch)):
        print(f"{description}: {foreseen}", file=sys.stderr)
    outlook = Outlook(description, left, scratch, n_batches=n_workers)
    n: dict[str, Any] = {"total": len(records), "initial": len(records) - left}
    finishing = _finish(pending, n_workers, network, workers == 1 and not network)
    with Progress(**n, desc=description, unit="photo", disable=None) as progress, closing(finishing) as finished:
        for task in finished:
            progress.update(len(task.batch))
            outlook.update(len(task.batch), task.part, quiet=not progress.disable)
    gather(parts, target, carried, columns)
    work.prune()


@contextmanager
def naming(subject: str) -> Iterator[None]:
    """Say at the beginning of any ValueError raised inside what it is about: a photo, a method, a key."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{subject}: {error}") from error


@dataclass(frozen=True)
class Task:
    """A batch that is to be made.

    function, load, pieces : see `run`
    work : that it belongs to
    batch, part : records, and the file they become
    """

    function: Function
    load: Load | None
    work: Work
    batch: Sequence[Any]
    part: Path
    pieces: Mapping[str, Any] | None

    @cached_property
    def kept(self) -> dict[str, Path]:
        """The pieces that an earlier run made, and where they are."""
        return {} if self.pieces is None else self.work.kept(self.batch)

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The keywords of the two functions."""
        if self.pieces is None:
            return {}
        return {"pieces": {name: given for name, given in self.pieces.items() if name not in self.kept}}

    @property
    def is_kept(self) -> bool:
        """Whether an earlier run made every piece."""
        return self.pieces is not None and len(self.kept) == len(self.pieces)

    @property
    def subject(self) -> str:
        """What it is about, for messages."""
        ids = ", ".join(record.id for record in self.batch)
        return f"photo {ids}" if len(self.batch) == 1 else f"one of the photos {ids}"

    def read(self, record: Any) -> Any:
        """What the second function reads of a record; nothing where nothing is to be computed."""
        return None if self.load is None or self.is_kept else self.load(record, **self.asked)

    def compute(self, *loaded: list[Any]) -> None:
        """Make the part."""
        with naming(self.subject):
            made: Any = {} if self.is_kept else self.function(self.batch, *loaded, **self.asked)
            shard: Shard = made if self.pieces is None else self._joined(made)
        if self.pieces is not None:
            self.work.note(self.part, self.batch)
        write_shard(shard, self.part)

    def _joined(self, made: Mapping[str, Shard]) -> Shard:
        """The pieces made now and those of an earlier run, in their order."""
        found = {name: read_piece(earlier, name) for name, earlier in self.kept.items()} | dict(made)
        in_order = {name: found[name] for name in self.pieces or ()}
        return join_pieces(in_order) if in_order else Shard([record.id for record in self.batch])


def _finish(tasks: Sequence[Task], workers: int, network: bool, here: bool) -> Generator[Task]:
    """Run the tasks, `here` or where it is chosen to; yields each one when it is finished."""
    if tasks and not here and (place := chosen()):
        shared = replace(tasks[0], batch=(), part=Path())
        arguments = [(task.batch, task.part) for task in tasks]
        calls = on_cluster(place, _remote, shared, arguments, lambda number: tasks[number].subject, network)
        with closing(calls) as numbers:
            for number in numbers:
                await_file(tasks[number].part)
                yield tasks[number]
    elif workers > 1:
        with closing(in_processes(_single, enumerate(tasks), workers)) as numbers:
            for number in numbers:
                yield tasks[number]
    elif all(task.load is None for task in tasks):
        for task in tasks:
            task.compute()
            yield task
    else:
        with closing(_read_ahead(tasks)) as read:
            for task, loaded in zip(tasks, read, strict=True):
                task.compute(loaded)
                yield task


def _read_ahead(tasks: Sequence[Task]) -> Generator[list[Any]]:
    """What is read of each batch, in order; the next one is being read while the caller works on one."""
    threads = ThreadPoolExecutor(n_cores())
    try:
        following = threads.map(tasks[0].read, tasks[0].batch) if tasks else iter(())
        for after in [*tasks[1:], None][: len(tasks)]:
            loaded, following = list(following), iter(()) if after is None else threads.map(after.read, after.batch)
            yield loaded
    finally:
        threads.shutdown(cancel_futures=True)  # waits for the photos being read, not for those in the queue


def _remote(shared: Task, batch: Sequence[Any], part: Path) -> None:
    _single(0, replace(shared, batch=batch, part=part))


def _single(number: int, task: Task) -> int:
    task.compute(*([] if task.load is None else [[task.read(record) for record in task.batch]]))
    return number
