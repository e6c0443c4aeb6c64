"""Ask for a copy of a process that has loaded the libraries: a start in hundredths of a second, not in seconds.

While `make repro` runs, such a process waits at a socket (`commands.warm`). A program asks it for a copy of itself,
hands over its arguments, its surroundings and its three standard files, and waits for the end of that copy. Where
nobody waits at the socket it goes on by itself. It is the same program on either way. Stages ask by themselves; for any
other module `python -m stages.warm MODULE ARGUMENTS` does.
"""

import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SURROUNDINGS = Path("data/scratch/surroundings")  # settings and caches of other libraries
SOCKET = Path(".dvc/tmp/warm")  # from the root of the workspace: the name of a socket is short
ENOUGH = 2**20  # bytes of a request
BEGAN, INTERRUPT = b"began", b"interrupt"
is_copy = False  # which does not ask again


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
    if is_copy or not SOCKET.exists():
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


def run(module: str, arguments: Sequence[str]) -> None:
    """Run a module as a program, in this process."""
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if (code := ask(sys.argv[1], sys.argv[2:], os.getppid())) is not None:
        sys.exit(code)
    run(sys.argv[1], sys.argv[2:])
