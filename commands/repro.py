"""Replicate, as `make repro` does: check what is given, run DVC, and after a stage that failed restore what it lost.

Arguments are stages: they and what leads to them are run, all by default.

A stage that fails has lost the data that it had made before, since DVC removes it; what the report holds persists.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from voluptuous import Invalid

from nas.parameters import ParametersError, of_own_making, unlock
from nas.store import one_line
from stages.params import Parameters, read
from stages.warm import SOCKET, SURROUNDINGS

DVC = Path(sys.executable).with_name("dvc")
RESTORE = ["checkout", "--quiet", "--force"]
MADE = Path("dvc.lock")  # in which DVC notes what every stage was made from
LOCKS = Path(".dvc/tmp/rwlock")  # in which DVC notes what it reads and writes
MOMENT = 0.5  # seconds, in which a DVC that lives has written it
OWN = Path("data/own")


def main() -> None:
    try:
        parameters = read()
        with alone(LOCKS.with_name("repro.lock")):
            refuse_another(LOCKS)
            mend(MADE, read_made)
            tidy(OWN, parameters)
            signal.signal(signal.SIGINT, lambda *_: None)  # DVC hears it too, and ends
            with warm():
                failed = subprocess.call([DVC, "repro", *sys.argv[1:]])
            if failed and not running(LOCKS):
                subprocess.call([DVC, *RESTORE])
    except ParametersError as error:  # a line for each mistake
        sys.exit(f"error: {error}")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {one_line(error)}")
    sys.exit(1 if failed else 0)


@contextmanager
def warm() -> Iterator[None]:
    """While there is a process that has loaded the libraries, from which stages start (`commands.warm`)."""
    unlock(SURROUNDINGS)
    command = [sys.executable, "-X", "utf8", "-m", "commands.warm"]
    surroundings = {**of_own_making(os.environ, SURROUNDINGS), "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=surroundings) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait()
            SOCKET.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """While this is the only one that replicates here. Raises ValueError where another one does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError("another make repro is running here; wait for its end") from None
        yield


def refuse_another(locks: Path) -> None:
    """Raise ValueError where a DVC is running: what it makes is not for another one to restore."""
    if running(locks):
        time.sleep(MOMENT)  # in which one that was killed has ended
    if found := running(locks):
        raise ValueError(f"DVC is running here already ({found[0]}); wait for its end")
    # DVC itself waits for whatever has the number of one that was killed: for it until it is reaped, or for another
    locks.unlink(missing_ok=True)


def running(locks: Path) -> list[str]:
    """Process and command of each living DVC that reads or writes."""
    mend(locks)
    if not locks.exists():
        return []
    noted = json.loads(locks.read_text(encoding="utf-8"))
    each = [*noted.get("write", {}).values(), *chain.from_iterable(noted.get("read", {}).values())]
    return [f"process {one['pid']}: {one['cmd']}" for one in each if one and _lives(one["pid"])]


def mend(notes: Path, read: Callable[[str], Any] = json.loads) -> None:
    """Remove the notes of a DVC that was killed while it wrote them, at which every later one would stop.

    Parameters: `read`, which raises ValueError for a text that is not whole.
    """
    if is_damaged(notes, read):
        time.sleep(MOMENT)
        if is_damaged(notes, read):
            notes.unlink()
            print(f"{notes}: was left half-written by a DVC that was killed; removed", file=sys.stderr)


def is_damaged(notes: Path, read: Callable[[str], Any] = json.loads) -> bool:
    """Whether a file is there that is not whole."""
    try:
        read(notes.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def read_made(text: str) -> Any:
    """The content of dvc.lock. Raises ValueError where DVC would not take it."""
    try:
        return COMPILED_LOCKFILE_SCHEMA(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, Invalid) as error:
        raise ValueError(str(error)) from None


def tidy(own: Path, parameters: Parameters) -> None:
    """Remove what was noted of files that params.yaml no longer names; DVC knows no stage for them."""
    for kind, named in (("photos", parameters.download.root), ("weights", parameters.weights.files)):
        for note in (own / kind).glob("*.json"):
            if note.stem not in named:
                note.unlink()


def _lives(process: int) -> bool:
    """Whether a process is there, has not ended, and is a DVC: a number is given anew after a while."""
    try:
        os.kill(process, 0)  # sends nothing
        place = Path("/proc", str(process))
        if not place.exists():  # on a system without
            return True
        ended = place.joinpath("stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
        return not ended and b"dvc" in place.joinpath("cmdline").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:  # it is somebody else's
        return True


if __name__ == "__main__":
    main()
