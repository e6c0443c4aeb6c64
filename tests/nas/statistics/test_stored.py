"""Summaries of a table made up here; each call of what makes them leaves a file, as it may be in another process."""

import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from nas.statistics.stored import Task, store_summaries
from nas.store import given
from nas.store.tables import TABLE, write_table


@dataclass(frozen=True)
class Calls:
    """A folder that does not count among what summaries are made from."""

    folder: Path = field(compare=False)


def summaries(folder, calls, factor=1.0):
    """Mean and largest value, times a factor; noted in the folder of `calls`."""
    (calls.folder / str(len(list(calls.folder.iterdir())))).touch()
    values = pd.read_parquet(folder / TABLE)["value"] * factor
    if values.isna().any():
        raise ValueError("a value is missing")
    return {"summary": pd.DataFrame({"mean": [values.mean()]}), "largest": pd.DataFrame({"value": [values.max()]})}


@pytest.fixture
def calls(tmp_path):
    (tmp_path / "calls").mkdir()
    return tmp_path / "calls"


@pytest.fixture
def task(tmp_path, calls):
    write_table(pd.DataFrame({"value": [1.0, 2.0, 6.0]}), tmp_path / "source" / TABLE)
    (tmp_path / "source" / "index.json").write_text("{}")
    places = [tmp_path / name for name in ("source", "target", "scratch")]
    return Task(partial(summaries, calls=Calls(calls), factor=2.0), *places, {"dataset": "made", "seed": 3})


def stored(task):
    return {path.name: path.read_bytes() for path in task.target.iterdir()}


def n_made(task, calls):
    """How often summaries are made for a task."""
    before = len(list(calls.iterdir()))
    store_summaries([task])
    return len(list(calls.iterdir())) - before


def test_each_table_is_stored_with_the_constants(task):
    store_summaries([task])
    assert set(stored(task)) == {"summary.parquet", "largest.parquet"}
    for name, column, value in (("summary", "mean", 6.0), ("largest", "value", 12.0)):
        found = pd.read_parquet(task.target / f"{name}.parquet")
        assert found.to_dict("records") == [{column: value, "dataset": "made", "seed": 3}]


def test_what_is_the_same_is_not_made_again_and_keeps_its_bytes(task, calls):
    assert n_made(task, calls) == 1
    first = stored(task)
    (task.target / "old.parquet").touch()
    (task.target / "summary.parquet").unlink()
    assert n_made(task, calls) == 0 and stored(task) == first
    assert n_made(replace(task, target=task.target.with_name("elsewhere")), calls) == 0


def test_another_table_index_setting_constant_or_code_makes_them_anew(task, calls, monkeypatch):
    assert n_made(task, calls) == 1
    assert n_made(replace(task, carried={"dataset": "other", "seed": 3}), calls) == 1
    assert n_made(replace(task, summarize=partial(summaries, calls=Calls(calls), factor=3.0)), calls) == 1
    assert pd.read_parquet(task.target / "largest.parquet")["value"].tolist() == [18.0]
    assert n_made(task, calls) == 1
    (task.source / "index.json").write_text(json.dumps({"a": 1}))
    assert n_made(task, calls) == 1
    write_table(pd.DataFrame({"value": [1.0, 2.0, 7.0]}), task.source / TABLE)
    assert n_made(task, calls) == 1
    assert pd.read_parquet(task.target / "largest.parquet")["value"].tolist() == [14.0]
    monkeypatch.setattr(given, "code_of", lambda _files: "other")
    assert n_made(task, calls) == 1
    assert n_made(task, calls) == 0
    assert len(list(task.scratch.iterdir())) == 1


def test_what_failed_is_made_when_it_can_be(task, calls):
    write_table(pd.DataFrame({"value": [1.0, None]}), task.source / TABLE)
    with pytest.raises(ValueError, match="a value is missing"):
        store_summaries([task])
    assert not task.target.exists()
    write_table(pd.DataFrame({"value": [1.0]}), task.source / TABLE)
    assert n_made(task, calls) == 1
    (work := task.work().with_name("content.json")).unlink()  # as where the run was killed before its end
    assert n_made(task, calls) == 1 and work.is_file()


def test_only_what_is_missing_of_several_is_made(task, tmp_path, calls):
    others = [replace(task, target=tmp_path / f"{n}", scratch=tmp_path / f"scratch{n}",
                      carried={"dataset": str(n)}) for n in range(3)]  # fmt: skip
    store_summaries(others[:2])
    made = len(list(calls.iterdir()))
    store_summaries([others[2], *others[:2]])
    assert len(list(calls.iterdir())) == made + 1
    for n, other in enumerate(others):
        assert pd.read_parquet(other.target / "summary.parquet")["dataset"].tolist() == [str(n)]
