"""How long work takes on this machine, before it is done: a piece of it is timed."""

import time
from collections.abc import Callable

import torch


def timed(call: Callable[[], object], *, one_thread: bool = False) -> float:
    """Seconds of a call, the shorter of two, since the first one loads kernels and traces graphs.

    On one thread a call of more than a second is not repeated: little of it is of the first time only.

    Parameters
    ----------
    call : on a GPU it must wait for its result, as `Tensor.cpu` does
    one_thread : as in one of several processes, each of which has a core
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1 if one_thread else n_threads)
    try:
        first = _once(call)
        return first if one_thread and first > 1 else min(first, _once(call))
    finally:
        torch.set_num_threads(n_threads)


def _once(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
