import errno
import json
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.store.given import Source
from nas.store.kept_work import INDEX
from nas.store.shards import (
    Shard,
    Shards,
    Stored,
    gather,
    join_pieces,
    opened,
    read_piece,
    spread,
    write_shard,
)
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


@random
@given(made=parts(), data=st.data())
def test_a_hash_is_of_what_a_record_has_of_an_array_and_of_nothing_else(tmp_path_factory, made, data):
    folder = tmp_path_factory.mktemp("shards")
    gather(store(folder, made), folder / "out")
    stored = Shards(folder / "out")
    names = stored.names()
    arrays = {i: stored.read([i], names) for i in stored.ids}
    hashes = {i: stored.hashes([i], names)[0] for i in stored.ids}
    one, other = (data.draw(st.sampled_from(stored.ids)) for _ in range(2))
    for place, name in enumerate(names):
        alike = same(arrays[one][name], arrays[other][name])
        assert (hashes[one][place] == hashes[other][place]) == alike
    assert stored.hashes([one, other], names[::-1]) == [hashes[one][::-1], hashes[other][::-1]]


def test_hashes_stay_where_other_records_arrays_and_rows_change(tmp_path):
    def hashes(name, shards, record="b"):
        gather(store(tmp_path / name, shards), tmp_path / name / "out")
        return Shards(tmp_path / name / "out").hashes([record], ["x"])

    x = np.arange(4.0).reshape(2, 2)
    first = hashes("one", [Shard(["a", "b"], {"x": x}, [{"id": "a"}])])
    assert first == hashes("alone", [Shard(["b"], {"x": x[1:], "y": x[1:]})])
    assert first == hashes("order", [Shard(["b", "a"], {"x": x[::-1]})])
    assert first == hashes("name", [Shard(["c"], {"x": x[1:]})], "c")
    assert first != hashes("value", [Shard(["a", "b"], {"x": x + 1e-9})])
    assert first != hashes("type", [Shard(["a", "b"], {"x": x.astype(np.float32)})])
    assert first != hashes("shape", [Shard(["a", "b"], {"x": x[:, None]})])
    with pytest.raises(ValueError, match=r"one/out: has no 'z'; it has x$"):
        Shards(tmp_path / "one" / "out").hashes(["a"], ["z"])
    with pytest.raises(ValueError, match=r"one/out: lacks the record 'z'; run the stage"):
        Shards(tmp_path / "one" / "out").hashes(["z"], ["x"])


def test_what_a_function_reads_of_a_folder_is_what_it_says_and_no_more(tmp_path):
    x = np.arange(6.0).reshape(2, 3)
    gather(store(tmp_path, [Shard(["a", "b"], {"x": x, "y": -x, "z": x})]), tmp_path / "out")
    stored = Stored(tmp_path / "out", ("y", "x"))
    assert isinstance(stored, Source)
    found = stored.read(["b", "a"])
    assert list(found) == ["y", "x"] and same(found["x"], x[::-1]) and same(found["y"], -x[::-1])
    assert list(stored.read(["a"], ["x"])) == ["x"]
    assert same(stored.one("b"), -x[1]) and same(stored.one("b", "x"), x[1])
    with pytest.raises(ValueError, match=r"out: 'z' is not among what is read here: y, x$"):
        stored.read(["a"], ["z"])
    assert Stored(tmp_path / "out", ()).read(["a"]) == {}


def test_a_source_changes_with_what_can_be_read_of_it(tmp_path):
    def fingerprint(name, shards, ids=("a",), names=("x",)):
        gather(store(tmp_path / name, shards), tmp_path / name / "out")
        return Stored(tmp_path / name / "out", names).fingerprint_of(ids)

    x = np.arange(4.0).reshape(2, 2)
    both, changed = {"x": x, "y": x}, {"x": x, "y": x + 1}
    first = fingerprint("one", [Shard(["a", "b"], both)])
    assert first == fingerprint("two", [Shard(["a"], {"x": x[:1]}), Shard(["c"], {"x": x[1:]})])
    assert first == fingerprint("others", [Shard(["a", "b"], changed)])
    assert first != fingerprint("both", [Shard(["a", "b"], both)], names=("x", "y"))
    # an array of the same content and another name
    assert first != fingerprint("name", [Shard(["a", "b"], both)], names=("y",))
    assert first != fingerprint("records", [Shard(["a", "b"], both)], ids=("a", "b"))
    assert json.loads(json.dumps(first)) == first


def test_a_folder_is_opened_once_while_it_stays_as_it_is(tmp_path):
    gather(store(tmp_path, [small("ab")]), tmp_path / "out")
    first = opened(tmp_path / "out")
    assert opened(tmp_path / "out") is first
    gather(store(tmp_path / "other", [small("c")]), tmp_path / "out")
    assert opened(tmp_path / "out").ids == ["c"]
    with pytest.raises(ValueError, match=r"nowhere: holds no index\.json"):
        opened(tmp_path / "nowhere")


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


@st.composite
def pieces(draw):
    """Shards of the same records by the name of their piece, with arrays of their own and any number of rows."""
    ids = draw(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=3, unique=True))
    found = {}
    for name in draw(st.lists(st.sampled_from(["cam", "rise", "lime"]), min_size=1, unique=True)):
        arrays = {
            f"{name}.{n}": draw(hnp.arrays(draw(DTYPES), (len(ids), *draw(hnp.array_shapes(max_dims=2, max_side=3)))))
            for n in range(draw(st.integers(0, 2)))
        }
        rows = [{"id": draw(st.sampled_from(ids)), "value": draw(VALUES)} for _ in range(draw(st.integers(0, 3)))]
        found[name] = Shard(ids, arrays, rows)
    return found


@random
@given(pieces())
def test_pieces_that_were_joined_are_read_one_by_one(tmp_path_factory, made):
    file = tmp_path_factory.mktemp("pieces") / "part.safetensors"
    write_shard(join_pieces(made), file)
    for name, shard in made.items():
        found = read_piece(file, name)
        assert (found.ids, found.rows) == (list(shard.ids), list(shard.rows))
        assert list(found.arrays) == list(shard.arrays)
        assert all(same(found.arrays[array], shard.arrays[array]) for array in shard.arrays)


def test_two_pieces_have_no_array_of_one_name():
    one, other = (Shard(["a"], {"x": np.zeros((1, 2))}) for _ in range(2))
    with pytest.raises(ValueError, match="the pieces cam, rise have two arrays 'x'; give each its own name"):
        join_pieces({"cam": one, "rise": other})


def test_a_table_has_its_constants_last_and_its_measures_without_any_row(tmp_path):
    parts = store(tmp_path, [Shard(["a"], {"x": np.zeros((1, 2))})])
    gather(parts, tmp_path / "out", {"dataset": "made", "seed": 3}, ["iou"])
    assert list(Shards(tmp_path / "out").table()) == ["iou", "dataset", "seed"]
    gather(store(tmp_path / "rows", [small("ab")]), tmp_path / "filled", {"dataset": "made", "sum": 3}, ["iou"])
    found = Shards(tmp_path / "filled").table()
    assert found[["id", "sum", "dataset"]].to_dict("records") == [{"id": i, "sum": 3, "dataset": "made"} for i in "ab"]
    assert found["iou"].isna().all() and found["iou"].dtype == np.float64


def test_some_columns_are_read_with_texts_as_categories(tmp_path):
    gather(store(tmp_path, [small("cab")]), tmp_path / "out")
    found = Shards(tmp_path / "out").table(["id", "absent"])
    assert list(found) == ["id"] and found["id"].tolist() == list("cab")
    assert found["id"].cat.categories.tolist() == list("abc")


@random
@given(st.integers(1, 40), st.integers(1, 40))
def test_spread_items_go_from_the_first_to_the_last_in_steps_as_even_as_can_be(n, wanted):
    found = spread(range(n), wanted)
    assert len(found) == min(n, wanted) and found[0] == 0 and (wanted == 1 or found[-1] == n - 1)
    steps = np.diff(found)
    assert (steps >= 1).all() and (len(steps) == 0 or np.ptp(steps) <= 1)
