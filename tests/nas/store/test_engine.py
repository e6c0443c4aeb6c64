import errno
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from known import Known

from nas.data.records import Record
from nas.store import engine
from nas.store.processes import n_cores
from nas.store.shards import Shard, Shards

# A stage: notes each call in the folder calls/, and waits before record `hold` until the file `go` is there.
STAGE = """
import sys, time
from pathlib import Path
import numpy as np
from nas.data.records import Record
from nas.store import engine
from nas.store.shards import Shard

def compute(records):
    for record in records:
        if record.id in HELD:
            Path("calls", record.id).touch()
            while not Path("go").exists():
                time.sleep(0.01)
    values = np.stack([np.random.default_rng(int(record.sha256)).random(4) for record in records])
    rows = [{"id": record.id, "mean": float(row.mean())} for record, row in zip(records, values)]
    return Shard([record.id for record in records], {"x": values}, rows)

HELD = {"r4", "r5"}
workers, target = int(sys.argv[1]), Path(sys.argv[2])
records = [Record(f"r{n}", Path(), str(n)) for n in range(9)]
engine.run(compute, records, target, scratch=Path("scratch"), batch_size=2, workers=workers)
"""


def records_of(n):
    return [Record(f"r{number}", Path(), str(number)) for number in range(n)]


class Compute:
    """Random numbers by record; notes what it was asked, and may fail at a record."""

    def __init__(self, failing=None, error=KeyboardInterrupt):
        self.failing, self.error, self.asked = failing, error, []

    def __call__(self, records):
        ids = [record.id for record in records]
        if self.failing in ids:
            raise self.error
        self.asked += ids
        values = np.stack([np.random.default_rng(int(record.sha256)).random(4) for record in records])
        rows = [{"id": i, "mean": float(row.mean())} for i, row in zip(ids, values, strict=True)]
        return Shard(ids, {"x": values}, rows)


def run(folder, compute, records=None, key="a", batch_size=2, load=None, **settings):
    target, records = folder / "out", records_of(9) if records is None else records
    settings |= {"scratch": folder / "scratch", "batch_size": batch_size, "description": "a stage"}
    settings |= {"load": None if load is None else Known(load, "loaded")}
    engine.run(Known(compute, key), records, target, **settings)
    return target


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return contents(run(tmp_path_factory.mktemp("whole"), Compute()))


@pytest.mark.parametrize("batch_size", [1, 2, 4, 9, 20])
def test_every_record_once_in_order_whatever_the_batch_size(tmp_path, batch_size, uninterrupted):
    compute = Compute()
    stored = Shards(run(tmp_path, compute, batch_size=batch_size))
    ids = [record.id for record in records_of(9)]
    assert compute.asked == stored.ids == ids
    expected = np.stack([np.random.default_rng(number).random(4) for number in range(9)])
    np.testing.assert_array_equal(stored.read(ids)["x"], expected)
    np.testing.assert_array_equal(stored.table()["mean"], [float(row.mean()) for row in expected])
    assert (tmp_path / "out" / "table.parquet").read_bytes() == uninterrupted["table.parquet"]
    kept, shards = sorted((tmp_path / "scratch").iterdir()), sorted((tmp_path / "out").glob("*.safetensors"))
    assert len(kept) == len(shards) == -(-9 // batch_size)
    assert all(any(part.samefile(shard) for shard in shards) for part in kept)
    run(tmp_path, compute, batch_size=batch_size)
    assert compute.asked == ids


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(tmp_path, uninterrupted):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Compute(failing="r5"))
    assert not (tmp_path / "out").exists()
    again = Compute()
    target = run(tmp_path, again)
    assert again.asked == ["r4", "r5", "r6", "r7", "r8"]
    assert contents(target) == uninterrupted


def test_a_rerun_computes_what_another_key_or_other_records_ask_for(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Compute(failing="r5"))
    changed = Compute(failing="r4")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, changed, key="b")
    assert changed.asked == ["r0", "r1", "r2", "r3"]

    records = records_of(9)
    records[1] = Record("r1", Path(), "100")
    replaced = Compute()
    stored = Shards(run(tmp_path, replaced, records))
    assert replaced.asked == ["r0", "r1", "r4", "r5", "r6", "r7", "r8"]
    np.testing.assert_array_equal(stored.read(["r1"])["x"][0], np.random.default_rng(100).random(4))


def test_a_record_is_known_by_its_content_wherever_its_files_are(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Compute(failing="r8"))
    moved = Compute()
    run(tmp_path, moved, [Record(f"r{number}", Path("elsewhere"), str(number)) for number in range(9)])
    assert moved.asked == ["r8"]


def test_a_full_disk_leaves_whole_parts_and_no_result(tmp_path, monkeypatch, uninterrupted):
    write, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match=r"No space left on device.*scratch.*\.safetensors"):
            run(tmp_path, Compute())
    assert not (tmp_path / "out").exists()
    assert [path.suffix for path in (tmp_path / "scratch").iterdir()] == [".safetensors"] * 2
    again = Compute()
    assert contents(run(tmp_path, again)) == uninterrupted
    assert again.asked == ["r4", "r5", "r6", "r7", "r8"]


# Reading ahead

HANG = 60  # seconds, after which a test that waits for another thread has failed


def numbers(record):
    """What is read of a record: its random numbers."""
    return np.random.default_rng(int(record.sha256)).random(4)


def of_numbers(records, loaded):
    """The shard of `Compute`, of what was read."""
    ids = [record.id for record in records]
    rows = [{"id": i, "mean": float(row.mean())} for i, row in zip(ids, loaded, strict=True)]
    return Shard(ids, {"x": np.stack(loaded)}, rows)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_read_ahead_gives_the_same_bytes(tmp_path, workers, uninterrupted):
    assert contents(run(tmp_path, of_numbers, workers=workers, load=numbers)) == uninterrupted


@pytest.mark.parametrize("batch_size", [1, 4, 20])
def test_every_record_is_read_once_and_goes_with_its_own(tmp_path, batch_size):
    read = []

    def load(record):
        read.append(record.id)
        return record.id

    def compute(records, loaded):
        assert loaded == [record.id for record in records]
        return Shard(loaded, {"x": np.zeros(len(loaded))})

    run(tmp_path, compute, batch_size=batch_size, load=load)
    assert sorted(read) == [record.id for record in records_of(9)]


def test_nothing_is_read_where_all_is_done(tmp_path):
    run(tmp_path, of_numbers, [], load=numbers)
    failing = Compute(failing="r5")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, lambda records, _loaded: failing(records), load=numbers)
    read = []
    run(tmp_path, of_numbers, load=lambda record: read.append(record.id) or numbers(record))
    assert sorted(read) == ["r4", "r5", "r6", "r7", "r8"]


def test_the_next_batch_is_read_while_one_is_computed_and_no_other(tmp_path):
    begun = {record.id: threading.Event() for record in records_of(9)}

    def load(record):
        begun[record.id].set()
        return record.id

    def compute(records, loaded):
        last = int(loaded[-1][1:])
        for number in range(last + 1, min(last + 3, 9)):
            assert begun[f"r{number}"].wait(HANG), f"r{number} is not read while {loaded} are computed"
        assert not any(begun[f"r{number}"].is_set() for number in range(last + 3, 9))
        return Shard(loaded, {"x": np.zeros(len(loaded))})

    run(tmp_path, compute, load=load)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_photo_that_cannot_be_read_ends_the_run_after_the_batches_before_it(tmp_path, workers):
    target = tmp_path / "out"
    first = "r5" if workers == 1 else "r[56]"  # in two processes, of the batch that is the first to fail
    with pytest.raises(ValueError, match=rf"^photo {first} is damaged$"):
        run(tmp_path, of_numbers, workers=workers, load=damaged)
    assert not target.exists()
    assert workers == 2 or n_parts(tmp_path) == 2
    assert Shards(run(tmp_path, of_numbers, load=numbers)).ids == [record.id for record in records_of(9)]


def damaged(record):
    if record.id in ("r5", "r6"):
        raise ValueError(f"photo {record.id} is damaged")
    return numbers(record)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_run_that_fails_waits_for_no_photo_but_those_being_read(tmp_path, monkeypatch, error):
    threads, released, read = n_cores(), threading.Event(), []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            released.set()
            super().shutdown(wait=wait)

    def load(record):
        if int(record.sha256) >= 20:  # of the second batch
            assert released.wait(HANG)
        read.append(record.id)

    def compute(_records, _loaded):
        raise error("interrupted")

    before = threading.active_count()
    monkeypatch.setattr(engine, "ThreadPoolExecutor", Pool)
    with pytest.raises(error, match="interrupted"):
        run(tmp_path, compute, records_of(40 + threads), batch_size=20, load=load)
    assert threading.active_count() == before
    assert 20 <= len(read) <= 20 + threads


# Room and time


def test_a_disk_that_is_too_small_for_the_others_is_refused_after_the_first_batch(tmp_path, monkeypatch, uninterrupted):
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=100))
    first = Compute()
    with pytest.raises(
        ValueError, match=r"the other 7 photos need .* on disk, and 100 B are free in .*download\.limit"
    ):
        run(tmp_path, first)
    assert first.asked == ["r0", "r1"] and not (tmp_path / "out").exists()
    monkeypatch.undo()
    again = Compute()
    assert contents(run(tmp_path, again)) == uninterrupted
    assert again.asked == ["r2", "r3", "r4", "r5", "r6", "r7", "r8"]


def test_what_a_killed_run_left_needs_no_room_and_no_time_again(tmp_path, monkeypatch, capsys):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Compute(failing="r5"))
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=49_999))
    with pytest.raises(
        ValueError, match=r"^5 photos x 10\.0 kB = 50\.0 kB on disk .*: 1 B too little in .*scratch; make"
    ):
        run(tmp_path, Compute(), n_bytes=10_000)
    capsys.readouterr()
    monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=50_000))
    monkeypatch.setattr(engine, "FEW", 5)
    run(tmp_path, Compute(), n_bytes=10_000, seconds=lambda: 30.0)
    said = "a stage: 5 photos x 10.0 kB = 50.0 kB on disk (free: 50.0 kB), about 2 min in all\n"
    assert capsys.readouterr().err == said
    run(tmp_path, Compute(), n_bytes=10_000, seconds=lambda: 30.0)
    assert capsys.readouterr().err == ""


def test_how_long_a_few_records_take_is_not_asked(tmp_path, capsys):
    run(tmp_path, Compute(), seconds=lambda: pytest.fail("it was asked"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, root, workers, uninterrupted):
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "calls").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "stage.py", str(workers), "out"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    # two batches are finished, and the third, with record 4, has begun and waits
    wait_for(lambda: (tmp_path / "calls" / "r4").exists() and n_parts(tmp_path) >= 2, running)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "scratch").glob("[!.]*")}
    assert len(finished) in {1: (2,), 2: (2, 3, 4)}[workers]
    assert not (tmp_path / "out").exists()

    (tmp_path / "go").touch()
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "out") == uninterrupted
    # parts are linked, not written again
    linked = {path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert set(finished.values()) <= linked


def n_parts(folder):
    return len(list(folder.glob("scratch/[!.]*.safetensors")))


def wait_for(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("size", "said"), [(1, "photo r5"), (2, "one of the photos r4, r5")])
def test_an_error_of_a_photo_names_it(tmp_path, workers, size, said):
    compute = Compute("r5", ValueError("boxes has 9"))
    with pytest.raises(ValueError, match=f"^{said}: boxes has 9$"):
        run(tmp_path, compute, batch_size=size, workers=workers)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_constants_and_measures_are_columns_of_the_table(tmp_path, workers):
    settings = {"workers": workers, "carried": {"dataset": "made", "seed": 3}, "columns": ["mean", "absent"]}
    table = Shards(run(tmp_path, Compute(), **settings)).table()
    assert list(table) == ["id", "mean", "absent", "dataset", "seed"] and table["absent"].isna().all()
    assert set(table["dataset"]) == {"made"} and set(table["seed"]) == {3}


def test_an_error_says_what_it_is_about_and_others_stay_as_they_are():
    with (
        pytest.raises(ValueError, match=r"^photo a: method b: is wrong$"),
        engine.naming("photo a"),
        engine.naming("method b"),
    ):
        raise ValueError("is wrong")
    with pytest.raises(KeyError, match=r"^'gone'$"), engine.naming("photo a"):
        raise KeyError("gone")


def in_pieces(records, pieces):
    """A shard of each piece: the random numbers of the record times its length."""
    values = np.stack([np.random.default_rng(int(record.sha256)).random(4) for record in records])
    ids = [record.id for record in records]
    return {
        name: Shard(ids, {name: values * len(name)}, [{"id": i, "piece": name} for i in ids] * len(name))
        for name in pieces
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_pieces_are_joined_in_their_order(tmp_path, workers):
    stored = Shards(run(tmp_path, in_pieces, records_of(3), pieces={"bb": 1, "a": 1}, workers=workers))
    assert stored.names() == ["a", "bb"]
    numbers = np.stack([np.random.default_rng(number).random(4) for number in range(3)])
    found = stored.read(["r0", "r1", "r2"])
    np.testing.assert_array_equal(found["a"], numbers)
    np.testing.assert_array_equal(found["bb"], 2 * numbers)
    first, last = ["r0", "r1"], ["r2"]
    rows = [(i, piece) for ids in (first, last) for piece in ("bb", "a") for _ in piece for i in ids]
    assert stored.table()[["id", "piece"]].to_numpy().tolist() == [list(row) for row in rows]


def test_pieces_get_what_was_read_for_their_batch(tmp_path):
    def compute(records, loaded, pieces):
        assert loaded == [record.id for record in records]
        return in_pieces(records, pieces)

    def load(record, pieces):
        assert pieces == {"a": 1}
        return record.id

    run(tmp_path / "read", compute, pieces={"a": 1}, load=load)
    run(tmp_path / "plain", in_pieces, pieces={"a": 1})
    assert contents(tmp_path / "read" / "out") == contents(tmp_path / "plain" / "out")


def note_process(records):
    return Shard([record.id for record in records], rows=[{"pid": float(os.getpid())} for _ in records])


def test_other_processes_are_started_where_each_has_two_batches_or_more(tmp_path):
    for n, here in ((1, True), (3, True), (4, False)):
        records = [Record(f"p{number}", Path("none"), f"{number:064}") for number in range(n)]
        engine.run(note_process, records, tmp_path / f"{n}", scratch=tmp_path / f"work{n}", workers=2)
        assert (set(Shards(tmp_path / f"{n}").table()["pid"]) == {os.getpid()}) == here
