"""Calls in several processes, each with one thread; Ctrl-C ends them without a word."""

import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import joblib
from joblib.externals.loky.process_executor import BrokenProcessPool

from nas.store.words import one_line


def n_cores() -> int:
    """How many cores this process may use: those of the machine, or what affinity or a container leaves of them."""
    return int(joblib.cpu_count())


def in_processes(
    function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_processes: int
) -> Generator[Any]:
    """What a function gives for each of several arguments, as soon as it is there, whatever their order.

    The function and its arguments must be picklable. An error of one call ends all. Raises ChildProcessError where a
    process is killed.

    Parameters: `n_processes`, -1 for one per core.
    """
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=n_processes, return_as="generator_unordered")
        with deaf_to_interrupts():  # this process hears them, and ends the others
            results = parallel(joblib.delayed(function)(*each) for each in arguments)
        try:
            yield from results
        except BrokenProcessPool:
            raise ChildProcessError(
                "a process was ended from outside, for lack of memory perhaps; run again, what is finished is kept"
            ) from None


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
