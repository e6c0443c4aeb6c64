"""Start stages from a process that has loaded the libraries already: in hundredths of a second, not in seconds each.

`python -m stages.warm` loads libraries, and none of this project's code, and waits at a socket; `make repro` has one
while it runs. A program that would load them, `python -m stages.warm MODULE ARGUMENTS`, asks it for a copy of itself,
hands over its arguments, its surroundings and its three standard files, and waits for the end of that copy. Where
nobody waits at the socket it goes on by itself. It is the same program on either way.
"""

import ctypes
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
from typing import Any, NamedTuple, NoReturn

SURROUNDINGS = Path("data/scratch/surroundings")  # settings and caches of other libraries
SOCKET = Path(".dvc/tmp/warm")  # from the root of the workspace: the name of a socket is short
ENOUGH = 2**20  # bytes of a request
STDIN = 0
END_WITH_PARENT = 1  # of prctl: the signal that a process gets when its parent ends
BEGAN, INTERRUPT = b"began", b"interrupt"
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
    """A program that is to run: a module, what follows its name, its surroundings, and the group of who asks."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    umask: int
    group: int


def ask(module: str, arguments: Sequence[str], parent: int | None = None) -> int | None:
    """Have a module run as a program, and wait; its exit code, or None where this process is to run it itself.

    Parameters: `parent`, a process with which the program ends.
    """
    if _is_copy or not SOCKET.exists():
        return None
    umask = os.umask(0o022)
    os.umask(umask)
    request = json.dumps(Request(module, list(arguments), dict(os.environ), umask, os.getpgrp())).encode()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until it is known whom Ctrl-C is for
    try:
        # an error: nobody waits, or not for so much, or has no room for a copy
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(SOCKET))
            socket.send_fds(connection, [request], [0, 1, 2])
            if connection.recv(ENOUGH) == BEGAN:
                signal.signal(signal.SIGINT, lambda *_: _tell(connection))
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
                return _answer(connection, parent)
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _tell(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.send(INTERRUPT)


def _answer(connection: socket.socket, parent: int | None) -> int:
    """The exit code of the copy; 1 where nobody is left to say it, or where the parent has ended."""
    awaited = [connection.fileno(), *([] if parent is None else [os.pidfd_open(parent)])]
    with suppress(OSError):
        if connection.fileno() in select.select(awaited, [], [])[0]:
            return int(connection.recv(ENOUGH) or 1)
    return 1


def main() -> None:
    """Load libraries, and be copied by whoever asks, until standard input ends; a copy runs what it is asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the copies hear it
    if not can_keep():
        return
    for library in LIBRARIES:
        with suppress(Exception):  # whoever needs it says so
            import_module(library)
    if can_be_copied() and (request := serve()):
        run(request.module, request.arguments)


def run(module: str, arguments: Sequence[str]) -> None:
    """Run a module as a program, in this process."""
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def can_keep() -> bool:
    """Whether this system lets a process wait for its copy, and end it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # no Linux, or an old one
        return False
    return True


def can_be_copied() -> bool:
    """Whether a copy of this process works: one that has threads, or the driver of a GPU, has none in its copy."""
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    alone = [name for name in names if name != "jemalloc_bg_thd"] == names[:1]
    return alone and "libcuda.so" not in Path("/proc/self/maps").read_text()


def serve() -> Request | None:
    """Copies of this process for whoever asks. Returns in a copy, with what it is to run, and None at the end."""
    gc.collect()
    gc.freeze()  # else each copy would write to all of it
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        before = os.umask(0o077)  # for nobody else
        try:
            SOCKET.parent.mkdir(parents=True, exist_ok=True)
            SOCKET.unlink(missing_ok=True)
            listener.bind(str(SOCKET))
        except OSError:  # a file system without sockets
            return None
        finally:
            os.umask(before)
        listener.listen()
        while listener.fileno() in select.select([listener.fileno(), STDIN], [], [])[0]:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # no room for another process: whoever asked runs by itself
                if os.fork() == 0:
                    listener.close()
                    return _keep(connection)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    return None


def _keep(connection: socket.socket) -> Request:
    """Return in a copy, with what it is to run; here, wait for its end, and end it where whoever asked has ended."""
    try:
        message, files, *_ = socket.recv_fds(connection, ENOUGH, 3)
        request, keeper = Request(*json.loads(message)), os.getpid()
        copy = os.fork()
        if copy == 0:
            return _become(request, files, keeper)
        _wait(copy, connection, request.group)
    except (OSError, ValueError):
        os._exit(1)  # a copy that has begun ends with this process


def _wait(copy: int, connection: socket.socket, group: int) -> NoReturn:
    """Say the exit code of the copy at its end."""
    ended = os.pidfd_open(copy)
    connection.send(BEGAN)
    while ended not in select.select([ended, connection.fileno()], [], [])[0]:
        if not connection.recv(ENOUGH):
            os.kill(copy, signal.SIGKILL)
            break
        if os.getpgid(copy) != group:  # else it has heard of Ctrl-C by itself
            os.kill(copy, signal.SIGINT)
    code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    with suppress(OSError):
        connection.send(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _become(request: Request, files: Sequence[int], keeper: int) -> Request:
    """Make this process, a copy, what it would be had it been started for the request."""
    global _is_copy
    _is_copy = True
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != keeper:  # which has ended before
        os._exit(1)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    try:
        os.setpgid(0, request.group)
    except PermissionError:  # it is of another session, that of a kernel
        os.setpgid(0, 0)
    os.environ.clear()
    os.environ.update(request.environment)
    os.umask(request.umask)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return request


if __name__ == "__main__":
    itself: Any = import_module("stages.warm")  # the module that copies will find
    if len(sys.argv) == 1:
        itself.main()
    elif (code := itself.ask(sys.argv[1], sys.argv[2:], os.getppid())) is not None:
        sys.exit(code)
    else:
        itself.run(sys.argv[1], sys.argv[2:])
