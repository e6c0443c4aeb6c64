"""Calls in several processes, each with one thread; Ctrl-C ends them without a word."""

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any

import joblib
from joblib.externals.loky import process_executor
from threadpoolctl import threadpool_limits

from nas.store.copies import can_be_copied
from nas.store.words import one_line

LEAK = 2**31  # bytes that a process may grow
_calls: list[Callable[[], Any]] = []  # of a copy


def n_cores() -> int:
    """How many cores this process may use: those of the machine, or what affinity or a container leaves of them."""
    return int(joblib.cpu_count())


def in_processes(
    function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_processes: int
) -> Generator[Any]:
    """What a function gives for each of several arguments, as soon as it is there, whatever their order.

    The function and its arguments must be picklable. An error of one call ends all. Raises ChildProcessError where a
    process is killed. The processes are copies of this one where it has no other thread, and are there at once; else
    they are started anew, and import what they need in seconds.

    Parameters: `n_processes`, -1 for one per core.
    """
    run = _by_copies if can_be_copied() else _anew
    try:
        yield from run(function, arguments, n_cores() if n_processes < 0 else n_processes)
    except BrokenProcessPool:
        raise ChildProcessError(
            "a process was ended from outside, for lack of memory perhaps; run again, what is finished is kept"
        ) from None


def _by_copies(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_processes: int) -> Generator[Any]:
    calls = [partial(function, *each) for each in arguments]
    others = active_children()
    n = max(1, min(n_processes, len(calls)))  # all are there at once
    executor = ProcessPoolExecutor(n, get_context("fork"), _begin, (calls,))
    try:
        with deaf_to_interrupts():  # this process hears them, and ends the others
            results = [executor.submit(_call, number) for number in range(len(calls))]
        for result in as_completed(results):
            yield result.result()
    except BaseException:
        for process in set(active_children()) - set(others):
            process.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _begin(calls: Sequence[Callable[[], Any]]) -> None:
    """What a copy does first: it has one thread for its computations, and ends with the process that it is of."""
    _calls[:] = calls  # which it has, so that nothing is sent
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    threadpool_limits(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _call(number: int) -> Any:
    return _calls[number]()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _anew(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_processes: int) -> Generator[Any]:
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=n_processes, return_as="generator_unordered")
        with deaf_to_interrupts():
            results = parallel(joblib.delayed(_however_large)(function, *each) for each in arguments)
        yield from results


def _however_large(function: Callable[..., Any], *arguments: Any) -> Any:
    # what torch keeps of its first photos looks like a leak to loky, which would start the process anew
    process_executor._MAX_MEMORY_LEAK_SIZE = LEAK
    return function(*arguments)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Threads and processes that are started inside never hear of Ctrl-C; this thread does so afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def reason_of(error: Exception, most: int = 200) -> str:
    """Why something failed, in one line; a lack of memory is no reason, and is raised on."""
    if lacks_memory(error):
        raise error
    return one_line(error, most)


def lacks_memory(error: Exception) -> bool:
    """Whether memory is full: that of Python, of a GPU, or of torch on a CPU, which has no class of error for it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )
