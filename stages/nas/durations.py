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


def in_words(seconds: float) -> str:
    """A duration to two digits or so.

    Examples
    --------
    >>> [in_words(seconds) for seconds in (0.2, 89, 90, 5_000, 7_200, 200_000)]
    ['1 s', '89 s', '2 min', '83 min', '2 h', '2 days']
    """
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{max(1, round(seconds / length))} {unit}"
    return f"{round(seconds / 86400)} days"
