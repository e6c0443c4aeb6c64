"""Processes of this machine for the batches of a cluster: python -m commands.worker WHERE [PROCESSES].

WHERE is the address of a dask scheduler or the file that it writes, as engine.cluster in params.yaml. By default there
is a process for each GPU, and for each core that is left one without. Each has one thread, and the surroundings that
stages have, so that its bytes are theirs. They end when the scheduler is gone for a minute.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from nas.parameters import settle
from stages.warm import SURROUNDINGS

USAGE = "python -m commands.worker tcp://HOST:PORT|FILE.json [PROCESSES]"
GONE = "60"  # seconds without a scheduler


def main() -> None:
    given = sys.argv[1:]
    if len(given) not in (1, 2) or not all(number.isdigit() for number in given[1:]):
        sys.exit(f"error: {USAGE}")
    where = ["--scheduler-file", given[0]] if Path(given[0]).suffix == ".json" else [given[0]]
    settle(SURROUNDINGS)  # before other libraries are imported
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
    workers = [
        subprocess.Popen(command(where, number), env={**os.environ, **device})
        for device, number in groups(int(given[1]) if given[1:] else None)
    ]
    try:
        codes = [worker.wait() for worker in workers]
    except KeyboardInterrupt:
        codes = [worker.wait() for worker in workers]
    sys.exit(max(map(abs, codes)))


def groups(n_processes: int | None) -> Iterator[tuple[dict[str, str], int]]:
    """Numbers of processes that have the same device, and the variable that says which."""
    import torch

    from nas.store import n_cores

    total, gpus = n_processes or n_cores(), torch.cuda.device_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(number) for number in range(gpus)]
    for name in names[: min(gpus, total)]:
        yield {"CUDA_VISIBLE_DEVICES": name}, 1
    if total > gpus:
        yield ({"CUDA_VISIBLE_DEVICES": ""} if gpus else {}), total - gpus


def command(where: list[str], n_processes: int) -> list[str]:
    """What starts so many processes with one thread each, that are started anew when they are killed."""
    options = ["--nworkers", str(n_processes), "--nthreads", "1", "--death-timeout", GONE, "--no-dashboard"]
    return [sys.executable, "-X", "utf8", "-m", "distributed.cli.dask_worker", *where, *options]


if __name__ == "__main__":
    main()
