"""Calls on the processes of a dask cluster: those that are like this one, each call once, whatever is lost meanwhile.

A cluster has a scheduler, at an address, and workers. Files are read and written on a file system that all of them
see. What many calls share reaches each worker once. A worker is used if its libraries, its code and its device are
those of this process, since bytes would differ; one that is not is left out, with a line that says why.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import Empty, Queue
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from nas.store.alike import described, differences
from nas.store.files import read_json
from nas.store.processes import lacks_memory
from nas.store.words import one_line

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2  # calls per worker that are at the scheduler: one that is computed and one that waits
ANSWER = 10.0  # seconds in which a scheduler answers
LOOK = 1.0  # seconds between looks at what workers there are
LATE = 60.0  # seconds after which a file system has to show what another machine wrote
HELP = "see docs/cluster.md, or set engine.cluster: null"


@dataclass(frozen=True)
class Place:
    """A cluster.

    address : of its scheduler, such as tcp://host:8786, or a file that the scheduler writes with it
    wait : seconds, at most, for the first worker
    """

    address: str
    wait: float = 60.0


_place: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def elsewhere(place: Place | None) -> Iterator[None]:
    """Runs of the engine inside are on a cluster; None: on this machine."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def chosen() -> Place | None:
    """Where runs of the engine are now."""
    return _place.get()


def on_cluster(
    place: Place,
    function: Callable[..., Any],
    shared: Any,
    arguments: Sequence[tuple[Any, ...]],
    subjects: Callable[[int], str],
    network: bool = False,
) -> Generator[int]:
    """Call a function with what is shared and each of several arguments; yields the number of each finished call.

    Everything must be picklable. A call whose worker is lost is made again, by another one. A call whose workers are
    killed, or have no memory left, is made once more while there is no other.

    Parameters
    ----------
    subjects : the number of a call to what it is about, for messages
    network : whether calls run a network, so that workers have to have the device of this process too

    Raises
    ------
    ValueError : no scheduler, no worker in time, none that is like this process
    ConnectionError : the scheduler was lost
    ChildProcessError : a call that no worker survives, or whose memory no worker has
    whatever a call raises
    """
    with _connected(place) as client:
        crew = _Crew(client, place, network)
        crew.await_first()
        calls = _Calls(client, crew, function, shared, arguments)
        for number, error in calls.made():
            if error is None:
                yield number
            elif not _is_lethal(error):
                raise error
            elif number in calls.once_more:
                raise ChildProcessError(
                    f"{subjects(number)}: {_end_of(error)}, also when it computed nothing else; give workers more "
                    "memory, or set the batch of this stage lower. What is finished is kept"
                ) from None
            else:
                print(f"{subjects(number)}: {_end_of(error)}; it is tried once more, alone", file=sys.stderr)
                calls.once_more.append(number)


def await_file(path: Path) -> None:
    """Wait until a file that another machine has written is seen on this one.

    Raises
    ------
    FileNotFoundError : it is not, so that both have different folders
    """
    end = time.monotonic() + LATE
    # a listing is asked for anew, where that a name is missing may be remembered
    while not path.exists() and path.name not in os.listdir(path.parent):
        if time.monotonic() > end:
            raise FileNotFoundError(f"{path}: was written by a worker and is not seen here; {HELP}")
        time.sleep(0.1)


def _is_lethal(error: BaseException) -> bool:
    return type(error).__name__ == "KilledWorker" or (isinstance(error, Exception) and lacks_memory(error))


def _end_of(error: BaseException) -> str:
    if type(error).__name__ == "KilledWorker":
        return "the workers that computed it were killed, for lack of memory perhaps"
    return f"its worker has no memory left ({one_line(error, 120)})"


@contextmanager
def _connected(place: Place) -> Iterator["Client"]:
    try:
        from distributed import Client
    except ImportError:
        raise ValueError('engine.cluster needs dask: pip install "distributed>=2026.1"') from None
    try:
        client = Client(_address(place.address), timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = one_line(error, 120)
        raise ValueError(f"engine.cluster: no scheduler answers at {place.address} ({reason}); {HELP}") from None
    try:
        yield client
    finally:
        client.close()


def _address(given: str) -> str:
    """The address of a scheduler that is given, or that stands in the file that is given."""
    return str(read_json(Path(given))["address"]) if Path(given).suffix == ".json" else given


@dataclass
class _Crew:
    """The workers, and which of them are used."""

    client: "Client"
    place: Place
    network: bool
    fit: set[str] = field(default_factory=set)  # addresses
    _known: set[str] = field(default_factory=set)
    _looked: float = -LOOK

    def await_first(self) -> None:
        """Wait for a worker that can be used."""
        end = time.monotonic() + self.place.wait
        while not self.look():
            if time.monotonic() > end:
                raise ValueError(f"engine.cluster: {self._nobody()}; {HELP}")
            time.sleep(0.2)

    def _nobody(self) -> str:
        there = f"the scheduler at {self.place.address} has no worker"
        return f"{there} that can be used" if self._known else f"{there}, and none came in {self.place.wait:g} s"

    def look(self) -> bool:
        """Whether there is a worker that can be used; newcomers are looked at, at most once in a while."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            there = set(self.client.scheduler_info(n_workers=-1)["workers"])
            self.fit &= there
            if new := there - self._known:
                self._examine(new)
            self._known = there
        return bool(self.fit)

    def _examine(self, addresses: Collection[str]) -> None:
        root = Path.cwd()
        with NamedTemporaryFile(dir=root, prefix=".seen-by-workers-") as file:
            here = described(self.network, root, Path(file.name).name)
            there = self.client.run(
                described, self.network, root, Path(file.name).name, workers=sorted(addresses), on_error="return"
            )
        for address, found in sorted(there.items()):
            unlike = [one_line(found, 120)] if isinstance(found, BaseException) else differences(here, found)
            if unlike:
                print(f"worker {address} is not used: {'; '.join(unlike[:3])}", file=sys.stderr)
            else:
                self.fit.add(address)


@dataclass
class _Calls:
    """Calls that are at the scheduler, and those that are still to go there."""

    client: "Client"
    crew: _Crew
    function: Callable[..., Any]
    shared: Any
    arguments: Sequence[tuple[Any, ...]]
    once_more: list[int] = field(default_factory=list)  # that killed their workers, in order
    _spread: "Future[Any] | None" = None  # what is shared, at the workers
    _running: dict[int, tuple["Future[Any]", frozenset[str]]] = field(default_factory=dict)

    def made(self) -> Generator[tuple[int, BaseException | None]]:
        """Each call that ended, with its error; those that are added to `once_more` meanwhile are made again."""
        waiting, ended, retried = deque(range(len(self.arguments))), Queue[tuple[int, str]](), 0
        while waiting or self._running or retried < len(self.once_more):
            self._send(waiting, ended)
            if not waiting and not self._running and retried < len(self.once_more):
                self._submit(self.once_more[retried], ended)
                retried += 1
            try:
                number, key = ended.get(timeout=LOOK)
            except Empty:
                self._watch(waiting)
                continue
            if number not in self._running or self._running[number][0].key != key:
                continue  # it was taken back
            future, _ = self._running.pop(number)
            if future.status in ("cancelled", "lost"):
                self._watch(waiting)
                waiting.appendleft(number)
            else:
                yield number, future.exception() if future.status == "error" else None

    def _send(self, waiting: deque[int], ended: "Queue[tuple[int, str]]") -> None:
        self.crew.look()
        while waiting and len(self._running) < AHEAD * len(self.crew.fit):
            self._submit(waiting.popleft(), ended)

    def _submit(self, number: int, ended: "Queue[tuple[int, str]]") -> None:
        allowed = frozenset(self.crew.fit)
        future = self.client.submit(
            _call, self.function, self._common(), os.getcwd(), *self.arguments[number],
            key=f"batch-{id(self)}-{number}-{time.monotonic_ns()}", workers=sorted(allowed), pure=False,
        )  # fmt: skip
        self._running[number] = future, allowed
        future.add_done_callback(lambda done: ended.put((number, done.key)))

    def _common(self) -> "Future[Any]":
        """What is shared, sent to all workers; anew where those that had it are gone."""
        end = time.monotonic() + self.crew.place.wait
        while self._spread is None or self._spread.status != "finished":
            try:
                to = sorted(self.crew.fit)
                [self._spread] = self.client.scatter([self.shared], broadcast=True, workers=to, hash=False)
            except (KeyError, OSError):  # one of them has gone meanwhile
                if time.monotonic() > end:
                    raise ConnectionError(f"engine.cluster: workers at {self.crew.place.address} come and go") from None
                time.sleep(LOOK)
                self.crew.await_first()
        return self._spread

    def _watch(self, waiting: deque[int]) -> None:
        """Take back what only workers that are gone may compute; raise where the scheduler, or every worker, is."""
        if self.client.status != "running":
            gone = f"engine.cluster: the scheduler at {self.crew.place.address} is gone"
            raise ConnectionError(f"{gone}; run again, what is finished is kept")
        if not self.crew.look():
            self.crew.await_first()
        for number, (future, allowed) in list(self._running.items()):
            if not allowed & self.crew.fit:
                del self._running[number]
                future.cancel()
                waiting.appendleft(number)


def _call(function: Callable[..., Any], shared: Any, root: str, *arguments: Any) -> None:
    """One call, in a worker: in the folder of the project, with one thread for computations."""
    os.chdir(root)
    _one_thread("torch" in sys.modules)
    function(shared, *arguments)


@cache
def _one_thread(with_torch: bool) -> None:
    """From now on computations of this process have one thread."""
    if with_torch:
        sys.modules["torch"].set_num_threads(1)
    threadpool_limits(1)
