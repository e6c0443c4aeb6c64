"""Start stages from a process that has loaded the libraries already: in hundredths of a second, not in seconds each.

`python -m stages.warm` loads libraries, and none of this project's code, and waits at a socket; `make repro` has one
while it runs. A program that would load them, `python -m stages.warm MODULE ARGUMENTS`, asks it for a copy of itself,
hands over its arguments, its surroundings and its three standard files, and waits for the end of that copy. Where
nobody waits at the socket it goes on by itself. It is the same program on either way.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

SURROUNDINGS = Path("data/scratch/surroundings")  # settings and caches of other libraries
SOCKET = Path(".dvc/tmp/warm")  # from the root of the workspace: the name of a socket is short
ENOUGH = 2**20  # bytes of a request
STDIN = 0
_is_copy = False
LIBRARIES = (
    "torch",
    "torchvision",
    "timm.models",
    "captum.attr",
    "zennit.composites",
    "pandas",
    "pyarrow.parquet",
    "safetensors.torch",
    "scipy.integrate",
    "scipy.ndimage",
    "scipy.stats",
    "skimage.measure",
    "skimage.segmentation",
    "sklearn.cluster",
    "sklearn.metrics",
    "cv2",
    "joblib",
    "pydantic",
    "tqdm",
    "matplotlib.pyplot",
    "seaborn",
    "ipykernel.kernelapp",
    "nbconvert",
    "papermill",
)


class Request(NamedTuple):
    """A program that is to run: a module, what follows its name, and its surroundings."""

    module: str
    arguments: list[str]
    environment: dict[str, str]


def ask(module: str, arguments: Sequence[str]) -> int | None:
    """Have a module run as a program, and wait; its exit code, or None where this process is to run it itself."""
    if _is_copy or not SOCKET.exists():
        return None
    request = json.dumps(Request(module, list(arguments), dict(os.environ)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(str(SOCKET))
            socket.send_fds(connection, [request.encode()], [0, 1, 2])
        except OSError:  # nobody waits, or not for so much
            return None
        signal.signal(signal.SIGINT, lambda *_: None)  # the copy hears it too, and ends
        answer = connection.recv(ENOUGH)
    return int(answer) if answer else 1


def main() -> None:
    """Load libraries, and be copied by whoever asks, until standard input ends; a copy runs what it is asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the copies hear it
    for library in LIBRARIES:
        with suppress(ImportError):  # whoever needs it says so
            import_module(library)
    if can_be_copied() and (request := serve()):
        run(request.module, request.arguments)


def run(module: str, arguments: Sequence[str]) -> None:
    """Run a module as a program, in this process."""
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def can_be_copied() -> bool:
    """Whether a copy of this process works: one that has threads, or the driver of a GPU, has none in its copy."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))  # which old systems lack
    except OSError:
        return False
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    alone = [name for name in names if name != "jemalloc_bg_thd"] == names[:1]
    return alone and "libcuda.so" not in Path("/proc/self/maps").read_text()


def serve() -> Request | None:
    """Copies of this process for whoever asks. Returns in a copy, with what it is to run, and None at the end."""
    gc.collect()
    gc.freeze()  # else each copy would write to all of it
    SOCKET.parent.mkdir(parents=True, exist_ok=True)
    SOCKET.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(SOCKET))
        listener.listen()
        while listener.fileno() in select.select([listener.fileno(), STDIN], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    return _keep(connection)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    SOCKET.unlink(missing_ok=True)
    return None


def _keep(connection: socket.socket) -> Request:
    """Return in a copy, with what it is to run; here, wait for its end, and end it where whoever asked has ended."""
    message, files, *_ = socket.recv_fds(connection, ENOUGH, 3)
    copy = os.fork()
    if copy == 0:
        return _become(Request(*json.loads(message)), files)
    for file in files:
        os.close(file)
    ended = os.pidfd_open(copy)
    if ended not in select.select([ended, connection.fileno()], [], [])[0]:
        os.kill(copy, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    with suppress(OSError):
        connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _become(request: Request, files: Sequence[int]) -> Request:
    """Make this process, a copy, what it would be had it been started for the request."""
    global _is_copy
    _is_copy = True
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request.environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return request


if __name__ == "__main__":
    itself: Any = import_module("stages.warm")  # the module that copies will find
    if len(sys.argv) == 1:
        itself.main()
    elif (code := itself.ask(sys.argv[1], sys.argv[2:])) is not None:
        sys.exit(code)
    else:
        itself.run(sys.argv[1], sys.argv[2:])
