"""Run a function over batches of records: resumable, with progress, on one core or several.

A stage hands over a function from a batch of records to a `Shard`. It is free of global state, so that where it
runs does not matter. Each finished batch is a file in a scratch folder, named by what it depends on; a run that
was killed finds those files and goes on.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import torch
from joblib.externals.loky import process_executor
from tqdm import tqdm

from nas.datasets import Record
from nas.shards import Shard, gather, write_shard

LEAK = 2**31  # bytes that a process may grow
Function = Callable[[Sequence[Record]], Shard]


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
) -> None:
    """Compute the shards of all records and gather them into the folder `target`.

    Parameters
    ----------
    function : records to a shard; with several workers it must be picklable
    key : JSON value, everything that the result depends on beside the records and the code: parameters, hashes
    scratch : folder for work in progress, removed when `target` is complete
    batch_size : records per call; it does not change the result of a record
    workers : processes, each with one thread; 1 runs in this process with all threads; 0 takes every core

    Raises
    ------
    ValueError : what the function raised, after the ids of the records that it was given
    """
    fingerprint = json.dumps([key, code_fingerprint()], sort_keys=True, default=str)
    batches = [records[start : start + batch_size] for start in range(0, len(records), batch_size)]
    parts = [scratch / f"{_digest(fingerprint, batch)}.safetensors" for batch in batches]
    pending = [(batch, part) for batch, part in zip(batches, parts, strict=True) if not part.exists()]
    done = len(records) - sum(len(batch) for batch, _ in pending)
    with tqdm(total=len(records), initial=done, desc=description, unit="photo", disable=None) as progress:
        for n_finished in _finish(partial(_compute, function), pending, workers or os.cpu_count() or 1):
            progress.update(n_finished)
    gather(parts, target)
    shutil.rmtree(scratch, ignore_errors=True)


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


def _compute(function: Function, batch: Sequence[Record], part: Path) -> int:
    ids = ", ".join(record.id for record in batch)
    with about(f"photo {ids}" if len(batch) == 1 else f"one of the photos {ids}"):
        shard = function(batch)
    write_shard(shard, part)
    return len(batch)


def _finish(
    compute: Callable[[Sequence[Record], Path], int],
    pending: Iterable[tuple[Sequence[Record], Path]],
    workers: int,
) -> Iterator[int]:
    """Run what is pending; yields the number of records of each finished batch."""
    if workers == 1:
        for batch, part in pending:
            yield compute(batch, part)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
        yield from parallel(joblib.delayed(_single)(compute, batch, part) for batch, part in pending)


def _single(compute: Callable[[Sequence[Record], Path], int], batch: Sequence[Record], part: Path) -> int:
    torch.set_num_threads(1)
    # what torch keeps of its first photos looks like a leak to loky, which would start the process anew
    process_executor._MAX_MEMORY_LEAK_SIZE = LEAK
    return compute(batch, part)
