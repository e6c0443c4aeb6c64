"""What a batch costs that a scheduler hands to another process, beside one that is computed here.

20,000 records whose results are cheap go through `nas.store.engine`, to two processes of a cluster on this machine and,
as the reference, in this process. Both write and gather the same parts. The note says how much the memory of this
process grew in the last three quarters of the time.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np
import psutil

from benchmarks.row import Row
from commands import worker
from nas.data.records import Record
from nas.store import Place, Shard, elsewhere, engine
from nas.store.alike import SETTINGS

N, FEW = 20_000, 40


def cheap(records: Sequence[Record]) -> Shard:
    """A number for each record."""
    ids = [record.id for record in records]
    return Shard(ids, {"x": np.zeros((len(ids), 1), np.float32)}, [{"id": each} for each in ids])


def seconds(folder: Path, n: int, place: Place | None) -> float:
    """That so many records take, a batch each."""
    records = [Record(f"r{number}", Path(), str(number)) for number in range(n)]
    started = time.perf_counter()
    with elsewhere(place):
        engine.run(cheap, records, folder / "made", scratch=folder / "scratch", workers=2 if place else 1)
    return time.perf_counter() - started


@contextmanager
def cluster(file: Path) -> Iterator[Place]:
    """A scheduler and two processes of a worker, each on its own."""
    options = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    commands = [[sys.executable, "-m", "distributed.cli.dask_scheduler", *options]]
    commands += [worker.command(["--scheduler-file", str(file)], 2)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    started = []
    try:
        for command in commands:
            started.append(subprocess.Popen(command, env=environment, process_group=0, **quiet))
            while not file.exists() and started[0].poll() is None:
                time.sleep(0.1)
        yield Place(str(file))
    finally:
        for one in started:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()


def measure(quick: bool) -> Iterator[Row]:
    """Milliseconds a batch, here and on the cluster."""
    os.environ |= dict.fromkeys(SETTINGS, "1")
    n, process = FEW if quick else N, psutil.Process()
    with TemporaryDirectory() as scratch, cluster(Path(scratch, "scheduler.json")) as place:
        sizes: list[int] = []
        seconds(Path(scratch, "first"), FEW, place)
        ended = Event()

        def look() -> None:
            while not ended.wait(0.05):
                sizes.append(process.memory_info().rss)

        watching = Thread(target=look)
        watching.start()
        there = seconds(Path(scratch, "there"), n, place)
        ended.set()
        watching.join()
        here = seconds(Path(scratch, "here"), n, None)
    grown = max(sizes[len(sizes) // 4 :], default=0) - sizes[len(sizes) // 4]
    note = f"{n} batches, memory +{grown / 2**20:.0f} MB"
    yield Row("cluster", "a batch", 1000 * there / n, 1000 * here / n, "ms", "the same in this process", note)
