"""How long work takes on this machine, before it is done: a piece of it is timed. And with how many threads."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


def timed(call: Callable[[], object], *, one_thread: bool = False) -> float:
    """Seconds of a call, the shorter of two, since the first one loads kernels and traces graphs.

    On one thread a call of more than a second is not repeated: little of it is of the first time only.

    Parameters
    ----------
    call : on a GPU it must wait for its result, as `Tensor.cpu` does
    one_thread : as in one of several processes, each of which has a core
    """
    with threads(1 if one_thread else torch.get_num_threads()):
        first = _once(call)
        return first if one_thread and first > 1 else min(first, _once(call))


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Let torch work with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _once(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
