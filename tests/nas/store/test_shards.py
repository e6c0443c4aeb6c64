import errno
import json
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.store.kept_work import INDEX
from nas.store.shards import Shard, Shards, gather, read_notes, write_shard
from nas.store.tables import TABLE

random = settings(max_examples=20, deadline=None, derandomize=True)
DTYPES = st.sampled_from([np.float32, np.float16, np.uint8, np.uint16])
VALUES = st.floats(allow_nan=False) | st.none()


@st.composite
def parts(draw):
    """A few shards with the same two arrays, of unequal numbers of records, with unequal numbers of rows."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    ids = iter(draw(st.lists(st.text(min_size=1, max_size=5), min_size=sum(sizes), max_size=sum(sizes), unique=True)))
    shapes = {name: draw(hnp.array_shapes(max_dims=3, max_side=3)) for name in ("maps", "labels.first")}
    dtypes = {name: draw(DTYPES) for name in shapes}
    made = []
    for size in sizes:
        names = [next(ids) for _ in range(size)]
        arrays = {name: draw(hnp.arrays(dtypes[name], (size, *shapes[name]))) for name in shapes}
        rows = [{"id": i, "value": draw(VALUES)} for i in names for _ in range(draw(st.integers(0, 2)))]
        made.append(Shard(names, arrays, rows))
    return made


def small(ids="ab", start=0):
    values = np.arange(start, start + 2 * len(ids), dtype=np.float32).reshape(len(ids), 2)
    return Shard(list(ids), {"x": values}, [{"id": i, "sum": float(v.sum())} for i, v in zip(ids, values, strict=True)])


def store(folder, made):
    files = [folder / "parts" / f"{number}.safetensors" for number in range(len(made))]
    for shard, file in zip(made, files, strict=True):
        write_shard(shard, file)
    return files


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same(a, b):
    """Equal bit by bit, NaN included."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@random
@given(made=parts(), data=st.data())
def test_what_was_written_is_read_in_any_order(tmp_path_factory, made, data):
    folder = tmp_path_factory.mktemp("shards")
    gather(store(folder, made), folder / "out")
    stored = Shards(folder / "out")

    plain = {i: {name: array[n] for name, array in s.arrays.items()} for s in made for n, i in enumerate(s.ids)}
    assert stored.ids == list(plain)
    assert stored.names() == ["labels.first", "maps"]
    asked = data.draw(st.lists(st.sampled_from(stored.ids), min_size=1, max_size=6))  # repeats included
    found = stored.read(asked)
    for name in stored.names():
        assert same(found[name], np.stack([plain[i][name] for i in asked]))
        assert list(stored.read(asked, [name])) == [name]


@random
@given(made=parts())
def test_notes_hold_the_ids_and_rows_without_the_arrays(tmp_path_factory, made):
    file = tmp_path_factory.mktemp("shards") / "deep" / "part.safetensors"
    write_shard(made[0], file)
    assert read_notes(file) == (list(made[0].ids), list(made[0].rows))


def test_the_table_holds_all_rows_in_order_and_the_index_all_files(tmp_path):
    gather(store(tmp_path, [small("ab"), small("c", 4)]), tmp_path / "out")
    expected = pd.DataFrame({"id": ["a", "b", "c"], "sum": [1.0, 5.0, 9.0]})
    pd.testing.assert_frame_equal(Shards(tmp_path / "out").table(), expected)
    index = json.loads((tmp_path / "out" / INDEX).read_text())
    assert [shard["ids"] for shard in index.values()] == [["a", "b"], ["c"]]
    assert set(contents(tmp_path / "out")) == {*index, INDEX, TABLE}


def test_shards_of_rows_alone_leave_a_table_and_no_shard(tmp_path):
    made = [Shard(shard.ids, {}, shard.rows) for shard in (small("ab"), small("c", 4))]
    gather(store(tmp_path, made), tmp_path / "out")
    assert set(contents(tmp_path / "out")) == {INDEX, TABLE}
    assert list(Shards(tmp_path / "out").table()["id"]) == ["a", "b", "c"]


def test_no_rows_no_table(tmp_path):
    gather(store(tmp_path, [Shard(["a"], {"x": np.ones((1, 2))})]), tmp_path / "out")
    assert TABLE not in contents(tmp_path / "out")


def test_named_records_are_picked_and_others_stand_in_for_those_of_another_data_set(tmp_path):
    write_shard(Shard(list("abcde"), {"x": np.arange(5)}), tmp_path / "part")
    gather([tmp_path / "part"], tmp_path / "folder")
    stored = Shards(tmp_path / "folder")
    assert stored.pick(["d", "b"]) == ["d", "b"]
    assert stored.pick(["x", "y", "z"]) == ["a", "c", "e"]
    assert stored.pick(list("stuvwxyz")) == list("abcde")
    with pytest.raises(ValueError, match="has no record 'x'; name records of this data set only"):
        stored.pick(["a", "x"])


def test_the_same_results_give_the_same_bytes_and_nothing_is_left_over(tmp_path):
    made = [small("ab"), small("c", 4)]
    for name in ("one", "two"):
        gather(store(tmp_path / name, made), tmp_path / name / "out")
    once = contents(tmp_path / "one" / "out")
    assert once == contents(tmp_path / "two" / "out")
    again = store(tmp_path / "one", made)
    for _ in range(2):  # over what is there: first by new files, then by the same ones
        gather(again, tmp_path / "one" / "out")
    assert contents(tmp_path / "one" / "out") == once


@pytest.mark.parametrize("change", ["value", "row", "id", "order"])
def test_the_fingerprint_changes_with_anything(tmp_path, change):
    shard = small("ab")
    other = {
        "value": Shard(shard.ids, {"x": shard.arrays["x"] + np.float32(1e-6)}, shard.rows),
        "row": Shard(shard.ids, shard.arrays, [{**shard.rows[0], "sum": 1.5}, shard.rows[1]]),
        "id": Shard(["a", "c"], shard.arrays, shard.rows),
        "order": Shard(shard.ids[::-1], {"x": shard.arrays["x"][::-1]}, shard.rows),
    }[change]
    for name, made in (("one", shard), ("two", other), ("three", small("ab"))):
        gather(store(tmp_path / name, [made]), tmp_path / name / "out")
    one, two, three = (Shards(tmp_path / name / "out").fingerprint for name in ("one", "two", "three"))
    assert one == three != two


def test_a_missing_record_is_named(tmp_path):
    gather(store(tmp_path, [small("ab")]), tmp_path / "out")
    with pytest.raises(ValueError, match=r"out: lacks the record 'z'; run the stage"):
        Shards(tmp_path / "out").read(["a", "z"])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: holds no index\.json; run the stage that writes it"):
        Shards(tmp_path / "nowhere")


def test_without_hard_links_files_are_copied(tmp_path, monkeypatch):
    made = [small("ab"), small("c", 4)]
    gather(store(tmp_path / "one", made), tmp_path / "one" / "out")

    def refuse(*names):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    gather(store(tmp_path / "two", made), tmp_path / "two" / "out")
    assert contents(tmp_path / "one" / "out") == contents(tmp_path / "two" / "out")
