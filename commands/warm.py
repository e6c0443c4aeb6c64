"""Load libraries, and none of this project's code but for `stages.warm`, and be copied by whoever asks.

`make repro` starts it, and ends it. A copy is what the program that asked would be (`stages.warm`). Beside each stands
a process that keeps it: it says how the copy ended, and ends it where whoever asked has ended.
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
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from stages import warm
from stages.warm import BEGAN, ENOUGH, SOCKET, Request, run

STDIN = 0
END_WITH_PARENT = 1  # of prctl: the signal that a process gets when its parent ends
# run and not imported, so that copies load their own
COPIES = Path(__file__).parent.parent / "nas/store/copies.py"
can_be_copied: Callable[[], bool] = runpy.run_path(str(COPIES))["can_be_copied"]
LIBRARIES = (
    "torch",
    "torchvision",
    "timm.models",
    "captum.attr",
    "zennit.composites",
    "pandas",
    "pyarrow.parquet",
    "safetensors.torch",
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


def main() -> None:
    """Load libraries, and be copied by whoever asks, until standard input ends; a copy runs what it is asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the copies hear it
    if not can_keep():
        return
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as in `nas.report.rendering`
    for library in LIBRARIES:
        with suppress(Exception):  # whoever needs it says so
            import_module(library)
    if can_be_copied() and (request := serve()):
        run(request.module, request.arguments)


def can_keep() -> bool:
    """Whether this system lets a process wait for its copy, and end it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # no Linux, or an old one
        return False
    return True


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
    warm.is_copy = True
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
    main()
