"""A scheduler and workers on this machine, and what they are asked to do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket

import numpy as np

from commands import worker
from nas.store.shards import Shard

ROOT = Path(__file__).parent.parent
SETTLED = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def compute(records, folder, killed=(), full=(), wrong=(), slow=0.0):
    """Random numbers by record. In `folder` each call adds a line to a file of its record.

    Parameters: `killed`, ids to how many calls end their worker; `full`, ids for which there is no memory; `wrong`,
    ids of which nothing can be made; `slow`, seconds
    """
    for record in records:
        calls = Path(folder, record.id)
        with calls.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(slow)
        if len(calls.read_text().split()) <= dict(killed).get(record.id, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if record.id in full:
            raise MemoryError("no room for a map")
        if record.id in wrong:
            raise ValueError("is no photo")
    ids = [record.id for record in records]
    values = np.stack([np.random.default_rng(int(record.sha256)).random(4) for record in records])
    return Shard(ids, {"x": values}, [{"id": i, "mean": float(row.mean())} for i, row in zip(ids, values, strict=True)])


def free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def started(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program, in a group of its own, that is ended with all that it started."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    given = {**os.environ, "PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", **environment}
    with subprocess.Popen(
        [sys.executable, "-X", "utf8", *command], env=given, stderr=subprocess.DEVNULL, process_group=0
    ) as one:
        try:
            yield one
        finally:
            with suppress(ProcessLookupError):  # all of them have ended
                os.killpg(one.pid, signal.SIGKILL)


@contextmanager
def scheduler() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a scheduler, and its process."""
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    with started("-m", "distributed.cli.dask_scheduler", *options) as one:
        yield f"tcp://127.0.0.1:{port}", one


@contextmanager
def workers(address: str, n: int = 2, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """So many processes of a worker, as `commands.worker` starts them, which find the functions above."""
    with started(*worker.command([address], n)[3:], **SETTLED, **environment) as one:
        yield one
