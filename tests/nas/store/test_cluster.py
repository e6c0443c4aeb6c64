"""Batches on a scheduler and workers of this machine: the bytes of a run here, whatever is lost on the way."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from clusters import ROOT, SETTLED, compute, free_port, scheduler, started, until, workers

from nas.data.records import Record
from nas.store import cluster, engine
from nas.store.cluster import Place, elsewhere

pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def settled(monkeypatch, tmp_path):
    """This process is as stages are, and works in a folder of its own."""
    for name, value in SETTLED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    Path("calls").mkdir()


@pytest.fixture(scope="module")
def address():
    with scheduler() as (where, _), workers(where):
        yield where


def records_of(n):
    return [Record(f"r{number}", Path(), str(number)) for number in range(n)]


def run(target, address=None, n=9, batch_size=2, wait=60.0, **settings):
    place = None if address is None else Place(address, wait)
    function = partial(compute, folder=str(Path("calls").absolute()), **settings)
    with elsewhere(place):
        given = {"scratch": Path(f"scratch-{target}").absolute(), "batch_size": batch_size, "description": "a stage"}
        engine.run(function, records_of(n), Path(target).absolute(), workers=0, **given)
    return {path.name: path.read_bytes() for path in Path(target).iterdir()}


def calls():
    return {path.name: path.read_text().split() for path in Path("calls").iterdir()}


def test_a_run_on_a_cluster_has_the_bytes_of_one_here(address):
    here, before = run("here"), calls()
    same = run("there", address) == here
    assert same
    computed = {name: processes[len(before[name]) :] for name, processes in calls().items()}
    assert len(computed) == 9 and all(len(processes) == 1 for processes in computed.values())  # once each, elsewhere
    assert not {each for [each] in computed.values()} & {each for processes in before.values() for each in processes}


def test_a_worker_that_is_killed_costs_its_batches_alone(address):
    here = run("here", batch_size=1)
    for path in Path("calls").iterdir():
        path.unlink()
    same = run("there", address, batch_size=1, killed={"r3": 1}) == here
    assert same
    found = {name: len(processes) for name, processes in calls().items()}
    assert found.pop("r3") == 2 and set(found.values()) <= {1, 2}  # of those that waited at that worker


def test_a_photo_that_no_worker_survives_is_named_after_a_second_try(address, capsys):
    with pytest.raises(
        ChildProcessError, match=r"^photo r3: the workers .* were killed.* also when it computed nothing"
    ):
        run("there", address, n=6, batch_size=1, killed={"r3": 9})
    assert (
        "photo r3: the workers that computed it were killed, for lack of memory perhaps; it is tried once more, alo"
        in (capsys.readouterr().err)
    )
    assert len(calls()["r3"]) == 2


def test_a_photo_for_which_no_worker_has_memory_is_named_after_a_second_try(address, capsys):
    with pytest.raises(
        ChildProcessError, match=r"^photo r1: its worker has no memory left \(no room for a map\), also"
    ):
        run("there", address, n=4, batch_size=1, full=("r1",))
    assert (
        "photo r1: its worker has no memory left (no room for a map); it is tried once more" in capsys.readouterr().err
    )
    assert len(calls()["r1"]) == 2 and {*calls()} == {"r0", "r1", "r2", "r3"}


def test_an_error_of_a_worker_is_the_line_that_it_would_be_here(address):
    with pytest.raises(ValueError, match=r"^one of the photos r2, r3: is no photo$"):
        run("there", address, wrong=("r3",))
    with pytest.raises(ValueError, match=r"^one of the photos r2, r3: is no photo$"):
        run("here", wrong=("r3",))


def test_without_a_scheduler_there_is_one_line(monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    port = free_port()
    message = rf"^engine.cluster: no scheduler answers at tcp://127.0.0.1:{port} \(.*\); see docs/cluster.md"
    with pytest.raises(ValueError, match=message):
        run("there", f"tcp://127.0.0.1:{port}")
    with pytest.raises(ValueError, match=r"^engine.cluster: no scheduler answers at missing.json \("):
        run("there", "missing.json")


def test_without_workers_or_with_others_there_is_one_line(capsys):
    with scheduler() as (address, _):
        with pytest.raises(ValueError, match=r"has no worker, and none came in 0.2 s; see docs/cluster.md"):
            run("there", address, wait=0.2)
        bare = ("-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard")
        with (
            started(*bare, CUBLAS_WORKSPACE_CONFIG="other"),
            pytest.raises(ValueError, match="no worker that can be use"),
        ):
            run("there", address, wait=20)
        said = capsys.readouterr().err
        assert (
            said.startswith("worker tcp://127.0.0.1:")
            and "is not used: CUBLAS_WORKSPACE_CONFIG is other there and" in said
        )


DRIVER = """
import sys
from functools import partial
from pathlib import Path
from clusters import compute
from nas.data.records import Record
from nas.store import engine
from nas.store.cluster import Place, elsewhere
records = [Record(f"r{number}", Path(), str(number)) for number in range(12)]
with elsewhere(Place(sys.argv[1])):
    here = Path.cwd()
    given = {"scratch": here / "scratch-there", "batch_size": 1, "description": "a stage"}
    engine.run(partial(compute, folder=str(here / "calls"), slow=0.2), records, here / "there", workers=0, **given)
"""


def test_after_a_driver_that_is_killed_nothing_finished_is_repeated(address):
    finished = set()

    def some():
        finished.update(path.name for path in Path("scratch-there").glob("*.safetensors"))
        return len(finished) >= 4

    with started("-c", DRIVER, address) as driver:
        until(some)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    made = {path.stat().st_ino for path in Path("scratch-there").glob("*.safetensors")}
    again = run("there", address, n=12, batch_size=1, slow=0.2)
    assert made <= {path.stat().st_ino for path in Path("scratch-there").glob("*.safetensors")}
    counted = {name: len(each) for name, each in calls().items()}
    assert len(counted) == 12 and sum(counted.values()) <= 12 + 4  # two computed, two waited when the driver ended
    assert again == run("here", n=12, batch_size=1, slow=0.2)


def test_a_scheduler_that_is_lost_is_one_line_and_the_next_run_goes_on():
    with scheduler() as (address, process), workers(address), started("-c", DRIVER, address) as driver:
        until(lambda: len(list(Path("scratch-there").glob("*.safetensors"))) >= 3)
        process.kill()
        assert driver.wait(timeout=120) != 0
    counted = {name: len(each) for name, each in calls().items()}
    run("there", n=12, batch_size=1, slow=0.2)
    after = {name: len(each) for name, each in calls().items()}
    assert sum(after.values()) - sum(counted.values()) <= 9 and set(after) == {f"r{n}" for n in range(12)}


class Futures:
    """A client whose first call waits for a worker that is gone, and whose second one takes a while."""

    status = "running"

    def __init__(self):
        self.made = []

    def scatter(self, values, **_):
        return [SimpleNamespace(status="finished")]

    def submit(self, *_, key, workers, **__):
        future = SimpleNamespace(key=key, status="pending", workers=workers)
        future.add_done_callback = lambda call: setattr(future, "done", lambda: call(future))
        future.cancel = lambda: (setattr(future, "status", "cancelled"), future.done())
        self.made.append(future)
        return future


def test_the_end_of_a_call_that_was_taken_back_is_not_that_of_its_successor(monkeypatch):
    monkeypatch.setattr(cluster, "LOOK", 0.01)
    client, looks = Futures(), []
    crew = SimpleNamespace(fit={"a"}, place=Place("tcp://h:1"))

    def look():
        looks.append(len(client.made))
        crew.fit = {"b"} if client.made else {"a"}  # the worker is gone as soon as it has the call
        if looks.count(2) == 3:
            client.made[1].status = "finished"
            client.made[1].done()
        return True

    crew.look = look
    calls = cluster._Calls(client, crew, print, "shared", [("only",)])
    assert list(calls.made()) == [(0, None)] and looks.count(2) >= 3
    assert [(future.workers, future.status) for future in client.made] == [(["a"], "cancelled"), (["b"], "finished")]


def test_nothing_of_dask_is_imported_without_a_cluster():
    program = "import sys; from nas.store import engine; assert not {'dask', 'distributed'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_without_dask_there_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r'^engine.cluster needs dask: pip install "distributed>=2026.1"$'):
        run("there", "tcp://127.0.0.1:1")
