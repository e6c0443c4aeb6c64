"""Run a function over batches of records: resumable, with progress, on one core or several.

A stage hands over a function from a batch of records to a `Shard`. It is free of global state, so that where it
runs does not matter. Each finished batch is a file in a scratch folder, named by what it depends on; a run that
was killed finds those files and goes on.

What the function needs from disk, beside what earlier stages stored, can be left to a second function, from one
record to what is read of it. In one process it runs in threads, for the next batch while one is computed.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import joblib
import torch
from joblib.externals.loky import process_executor
from tqdm import tqdm

from nas.datasets import Record
from nas.outlook import Outlook
from nas.shards import Shard, gather, write_shard

LEAK = 2**31  # bytes that a process may grow
Function = Callable[..., Shard]
Load = Callable[[Record], Any]
Batch = tuple[Sequence[Record], Path]  # and where its shard is written


def run(
    function: Function,
    records: Sequence[Record],
    target: Path,
    *,
    key: Any,
    scratch: Path,
    batch_size: int = 1,
    workers: int = 1,
    description: str = "",
    load: Load | None = None,
) -> None:
    """Compute the shards of all records and gather them into the folder `target`.

    Parameters
    ----------
    function : records to a shard; with several workers it must be picklable
    load : a record to what is read of it; the function then gets a list of that, in order, as second argument. At
        most one batch is read ahead.
    key : JSON value, everything that the result depends on beside the records and the code: parameters, hashes
    scratch : folder for work in progress, removed when `target` is complete
    batch_size : records per call; it does not change the result of a record
    workers : processes, each with one thread; 1 runs in this process with all threads; 0 takes every core

    Raises
    ------
    ValueError : the first finished batches show that the disk is too small for the others
    whatever the functions raise, in one process the error of the first record; a ValueError of `function` comes after
    the ids of the records that it was given
    """
    fingerprint = json.dumps([key, code_fingerprint()], sort_keys=True, default=str)
    batches = [records[start : start + batch_size] for start in range(0, len(records), batch_size)]
    parts = [scratch / f"{_digest(fingerprint, batch)}.safetensors" for batch in batches]
    pending = [(batch, part) for batch, part in zip(batches, parts, strict=True) if not part.exists()]
    done = len(records) - sum(len(batch) for batch, _ in pending)
    n_workers = workers or os.cpu_count() or 1
    outlook = Outlook(description, len(records) - done, scratch, n_batches=n_workers)
    with (
        tqdm(total=len(records), initial=done, desc=description, unit="photo", disable=None) as progress,
        closing(_finish(function, load, pending, n_workers)) as finished,
    ):
        for batch, part in finished:
            progress.update(len(batch))
            outlook.update(len(batch), part, quiet=not progress.disable)
    gather(parts, target)
    shutil.rmtree(scratch, ignore_errors=True)


def workplace(scratch: Path, *depends: Any) -> Path:
    """The folder inside `scratch` for work in progress that depends on these JSON values and on the code."""
    text = json.dumps([*depends, code_fingerprint()], sort_keys=True, default=str)
    return scratch / hashlib.sha256(text.encode()).hexdigest()[:32]


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Say at the beginning of any ValueError raised inside what it is about: a photo, a method, a key."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{subject}: {error}") from error


def code_fingerprint() -> str:
    """Hash of the source of the running script and of the `nas` modules that it has loaded."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    loaded = [
        module.__file__
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "nas" and getattr(module, "__file__", None)
    ]
    digest = hashlib.sha256()
    for path in sorted({str(file) for file in [main, *loaded] if file and file.endswith(".py")}):
        digest.update(Path(path).name.encode() + b"\0" + Path(path).read_bytes() + b"\0")
    return digest.hexdigest()


def _digest(fingerprint: str, batch: Sequence[Record]) -> str:
    inputs = json.dumps([fingerprint, [record.fingerprint for record in batch]])
    return hashlib.sha256(inputs.encode()).hexdigest()[:32]


def _finish(function: Function, load: Load | None, pending: Sequence[Batch], workers: int) -> Generator[Batch]:
    """Run what is pending; yields each batch when it is finished."""
    if workers > 1:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
            yield from parallel(joblib.delayed(_single)(function, load, *each) for each in pending)
    elif load is None:
        for each in pending:
            yield _compute(function, *each)
    else:
        with closing(_read_ahead(load, [batch for batch, _ in pending])) as read:
            for each, loaded in zip(pending, read, strict=True):
                yield _compute(function, *each, loaded)


def _read_ahead(load: Load, batches: Sequence[Sequence[Record]]) -> Generator[list[Any]]:
    """What is read of each batch, in order; the next one is being read while the caller works on one."""
    threads = ThreadPoolExecutor(os.cpu_count())
    try:
        following = threads.map(load, batches[0] if batches else ())
        for after in [*batches[1:], ()][: len(batches)]:
            loaded, following = list(following), threads.map(load, after)
            yield loaded
    finally:
        threads.shutdown(cancel_futures=True)  # waits for the photos being read, not for those in the queue


def _compute(function: Function, batch: Sequence[Record], part: Path, *loaded: list[Any]) -> Batch:
    ids = ", ".join(record.id for record in batch)
    with about(f"photo {ids}" if len(batch) == 1 else f"one of the photos {ids}"):
        shard = function(batch, *loaded)
    write_shard(shard, part)
    return batch, part


def _single(function: Function, load: Load | None, batch: Sequence[Record], part: Path) -> Batch:
    torch.set_num_threads(1)
    # what torch keeps of its first photos looks like a leak to loky, which would start the process anew
    process_executor._MAX_MEMORY_LEAK_SIZE = LEAK
    return _compute(function, batch, part, *([] if load is None else [[load(record) for record in batch]]))
