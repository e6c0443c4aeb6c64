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
from nas.store.shards import Shard, Shards, gather, join_pieces, read_notes, read_piece, spread, write_shard
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
    assert read_notes(file) == (list(shard.ids), [row for shard in made.values() for row in shard.rows])


def test_two_pieces_have_no_array_of_one_name():
    one, other = (Shard(["a"], {"x": np.zeros((1, 2))}) for _ in range(2))
    with pytest.raises(ValueError, match="the pieces cam, rise have two arrays 'x'; give each its own name"):
        join_pieces({"cam": one, "rise": other})


def of_pieces(folder, **values):
    """A folder of two shards in pieces, an array of one value and a row each."""
    parts = [folder / f"{number}.safetensors" for number in range(2)]
    for part, ids in zip(parts, ("ab", "c"), strict=True):
        made = {
            name: Shard(list(ids), {name: np.full((len(ids), 2), value)}, [{"id": i, name: value} for i in ids])
            for name, value in values.items()
        }
        write_shard(join_pieces(made), part)
    gather(parts, folder / "out")
    return Shards(folder / "out")


def test_the_fingerprint_of_some_pieces_stays_where_others_change(tmp_path):
    first = of_pieces(tmp_path / "first", cam=1.0, rise=2.0)
    other = of_pieces(tmp_path / "other", lime=0.0, cam=1.0, rise=3.0)
    assert first.fingerprint != other.fingerprint
    assert first.fingerprint_of(["cam"]) == other.fingerprint_of(["cam"])
    assert first.fingerprint_of(["rise"]) != other.fingerprint_of(["rise"])
    assert first.fingerprint_of(["cam", "rise"]) != first.fingerprint_of(["cam"])
    assert other.fingerprint_of(["lime"]) != other.fingerprint_of(["cam"])
    with pytest.raises(ValueError, match=r"out: has no piece 'lime' of work; it has cam, rise$"):
        first.fingerprint_of(["cam", "lime"])
    gather(store(tmp_path, [small("ab")]), tmp_path / "whole")
    with pytest.raises(ValueError, match=r"whole: has no piece 'cam' of work; it has none$"):
        Shards(tmp_path / "whole").fingerprint_of(["cam"])


def test_the_fingerprint_of_pieces_is_of_their_records_and_rows_too(tmp_path):
    def fingerprint(name, ids=("a", "b"), value=1.0):
        part = tmp_path / name
        rows = [{"id": i, "value": value} for i in ids]
        write_shard(join_pieces({"cam": Shard(ids, {"x": np.zeros((len(ids), 2))}, rows)}), part)
        gather([part], tmp_path / f"{name} out")
        return Shards(tmp_path / f"{name} out").fingerprint_of(["cam"])

    assert fingerprint("one") == fingerprint("two") != fingerprint("ids", ("a", "c"))
    assert fingerprint("one") != fingerprint("rows", value=2.0)


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
