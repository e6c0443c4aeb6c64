import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.store import tables as tidy
from nas.store.files import new_file
from nas.store.shards import Shard, gather, write_shard
from nas.store.tables import Survey, _table, collect, join_tables, read_columns, write_rows, write_table

random = settings(max_examples=40, deadline=None, derandomize=True)
TEXT = st.text("abcé ", max_size=3)
WHOLE = st.integers(-(2**40), 2**40)
KINDS = {
    "none": st.none(),
    "whole": WHOLE,
    "some whole": WHOLE | st.none(),
    "number": WHOLE | st.floats(allow_infinity=False) | st.none(),
    "text": TEXT,
    "some text": TEXT | st.none(),
    "flag": st.booleans(),
}


@st.composite
def tables(draw, least=1):
    """Rows of columns of every kind; some columns are absent from some rows, and those of a kind all None at first."""
    late = draw(st.integers(0, 6))
    rows = []
    for number in range(draw(st.integers(least, 12))):
        row = {"id": f"photo{number}"}
        for name, values in KINDS.items():
            if name in ("whole", "text", "flag"):
                row[name] = draw(values)
            elif draw(st.integers(0, 3)):
                row[name] = None if number < late else draw(values)
        rows.append(row)
    return rows


def write(path, rows):
    survey = Survey()
    survey.update(rows)
    with path.open("wb") as file:
        write_rows(file, iter(rows), survey.schema())


def written_by_pandas(path, rows):
    pd.DataFrame(rows).to_parquet(path, index=False)
    return pd.read_parquet(path)


def check_equal(found, expected):
    """The same table; the type of a column without any value is of no concern."""
    assert list(found) == list(expected)
    known = expected.notna().any()
    assert found.loc[:, ~known].isna().all(axis=None)
    pd.testing.assert_frame_equal(found.loc[:, known], expected.loc[:, known])


@random
@given(rows=tables(), group=st.integers(1, 13))
def test_rows_written_a_few_at_a_time_are_the_data_frame_of_all(tmp_path_factory, rows, group):
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tidy, "GROUP", group)
        write(folder / "few", rows)
    assert pq.ParquetFile(folder / "few").num_row_groups == -(-len(rows) // group)
    check_equal(pd.read_parquet(folder / "few"), written_by_pandas(folder / "all", rows))


def test_the_first_rows_need_not_tell_what_a_column_holds(tmp_path):
    first = {"id": "a", "rank": None, "name": None, "share": 1, "count": 1, "nothing": None}
    later = {"id": "b", "rank": 3, "name": "x", "share": 0.5, "count": 2, "nothing": None, "new": 7}
    write(tmp_path / "table", [first] * 3 + [later])
    found = pd.read_parquet(tmp_path / "table")
    assert [found[name].dtype.kind for name in ("rank", "share", "count", "new")] == list("ffif")
    assert found["name"].isna().sum() == 3 and found["name"].iloc[3] == "x" and found["nothing"].isna().all()


@pytest.mark.parametrize("values", [[1, "a"], [True, 1], [0.5, None, "b"], [[1]]])
def test_a_column_of_several_kinds_is_refused_by_name(values):
    survey = Survey()
    survey.update({"mixed": value} for value in values)
    with pytest.raises(ValueError, match=r"the column 'mixed' holds .*; give it numbers only, texts only"):
        survey.schema()


@random
@given(one=tables(), two=tables(), group=st.integers(1, 13))
def test_copied_rows_are_those_of_all_sources_with_columns_that_all_carry(tmp_path_factory, one, two, group):
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tidy, "GROUP", group)
        write(folder / "one", one)
        write(folder / "two", two)
    carried = {"dataset": "made", "seed": 3}
    join_tables([folder / "one", folder / "two"], folder / "both", carried, ["whole", "absent"])
    found = pd.read_parquet(folder / "both")
    expected = written_by_pandas(folder / "plain", one + two)
    assert set(found) == {*expected, "absent", *carried} and list(found)[-3:] == ["absent", *carried]
    check_equal(found[list(expected)], expected)
    assert found["absent"].isna().all() and found["absent"].dtype == np.float64
    assert (found["dataset"] == "made").all() and (found["seed"] == 3).all() and found["seed"].dtype == np.int64


@random
@given(rows=tables(), group=st.integers(1, 13))
def test_columns_read_back_are_the_same_with_sorted_categories(tmp_path_factory, rows, group):
    path = tmp_path_factory.mktemp("rows") / "table"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tidy, "GROUP", group)
        write(path, rows)
    found, expected = read_columns(path, ["text", "id", "number", "absent"]), pd.DataFrame(rows)
    assert list(found) == [name for name in ("text", "id", "number") if name in expected]
    for name in ("text", "id"):
        assert found[name].tolist() == expected[name].tolist()
        assert found[name].cat.categories.tolist() == sorted(set(expected[name]))
    if "number" in expected:
        np.testing.assert_array_equal(found["number"].to_numpy(float), expected["number"].to_numpy(float))
    kept = read_columns(path, ["id", "text"], [("id", "in", ["photo0", "photo2"])])
    assert kept["id"].tolist() == expected["id"][expected["id"].isin(["photo0", "photo2"])].tolist()
    assert kept["text"].cat.categories.tolist() == sorted(set(kept["text"]))


@random
@given(one=tables(), two=tables())
def test_files_read_together_are_one_below_the_other(tmp_path_factory, one, two):
    folder = tmp_path_factory.mktemp("rows")
    write(folder / "one", one)
    write(folder / "two", two)
    found = read_columns([folder / "one", folder / "two"], ["id", "text", "whole"])
    assert found.astype({"id": str, "text": str}).to_dict("records") == [
        {name: row[name] for name in ("id", "text", "whole")} for row in one + two
    ]
    assert found["text"].cat.categories.tolist() == sorted({row["text"] for row in one + two})


def test_an_interrupted_table_leaves_nothing_and_the_earlier_one_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(tidy, "GROUP", 2)
    parts = [tmp_path / "parts" / str(number) for number in range(4)]
    for number, part in enumerate(parts):
        write_shard(Shard([f"p{number}"], {}, [{"id": f"p{number}", "value": 0.5}] * 3), part)
    gather(parts, tmp_path / "out")
    before = (tmp_path / "out" / "table.parquet").read_bytes()

    for target in ("out", "fresh"):
        groups = []

        def stopped(columns, schema, make=_table, groups=groups):
            groups.append(columns)
            if len(groups) == 3:
                raise KeyboardInterrupt
            return make(columns, schema)

        with monkeypatch.context() as patch:
            patch.setattr(tidy, "_table", stopped)
            with pytest.raises(KeyboardInterrupt):
                gather(parts, tmp_path / target)
    assert [path.name for path in (tmp_path / "fresh").iterdir()] == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["index.json", "table.parquet"]
    assert (tmp_path / "out" / "table.parquet").read_bytes() == before


def test_a_table_may_be_rewritten_in_place(tmp_path):
    write(tmp_path / "table", [{"id": "a", "seed": 1}, {"id": "b", "seed": 2}])
    join_tables([tmp_path / "table"], tmp_path / "table", {"seed": 0})
    assert pd.read_parquet(tmp_path / "table").to_dict("records") == [{"id": "a", "seed": 0}, {"id": "b", "seed": 0}]
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_source_that_is_missing_is_named_and_not_the_target(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        join_tables([tmp_path / "nowhere"], tmp_path / "target", {})
    with pytest.raises(FileNotFoundError, match="nowhere"), new_file(tmp_path / "target"):
        (tmp_path / "nowhere").open()
    assert not list(tmp_path.iterdir())


def test_the_same_rows_give_the_same_bytes():
    rows = [{"id": f"p{number}", "value": number / 3} for number in range(50)]
    survey = Survey()
    survey.update(rows)
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        write_rows(file, rows, survey.schema())
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize("condition", [("kind", "==", "raw"), ("kind", "in", ["raw", "mean"])])
def test_nothing_meets_a_condition_on_a_column_without_values(tmp_path, condition):
    pd.DataFrame(columns=["id", "kind"]).to_parquet(tmp_path / "empty")
    write(tmp_path / "unknown", [{"id": "a", "kind": None}])
    for name in ("empty", "unknown"):
        found = read_columns(tmp_path / name, ["id", "kind"], [condition])
        assert found.empty and list(found) == ["id", "kind"]
    write(tmp_path / "known", [{"id": "b", "kind": "raw"}, {"id": "c", "kind": "other"}])
    found = read_columns([tmp_path / "unknown", tmp_path / "known"], ["id", "kind"], [condition])
    assert found.to_numpy().tolist() == [["b", "raw"]]


def test_tables_are_collected_of_what_is_asked_for_and_nothing_else(tmp_path):
    for dataset in ("sample", "other"):
        for network in ("one", "two"):
            folder = tmp_path / "data" / "ablation" / dataset / network
            folder.mkdir(parents=True)
            pd.DataFrame({"dataset": [dataset] * 2, "network": network}).to_parquet(folder / "summary.parquet")
    found = collect(tmp_path, "ablation", ["sample"], ["two", "one"], "summary.parquet")
    assert found["network"].tolist() == ["two", "two", "one", "one"]
    assert set(found["dataset"]) == {"sample"} and found.index.tolist() == [0, 1, 2, 3]
    some = collect(tmp_path, "ablation", ["sample"], ["two", "one"], "summary.parquet", ["network", "absent"])
    assert list(some) == ["network"] and some["network"].tolist() == found["network"].tolist()
    with pytest.raises(OSError, match="absent"):
        collect(tmp_path, "ablation", ["absent"], ["one"])


def test_empty_tables_leave_the_types_of_the_others(tmp_path):
    for network, rows in (("one", []), ("two", [{"id": "a", "n": 3}]), ("three", [])):
        folder = tmp_path / "data" / "ablation" / "sample" / network
        folder.mkdir(parents=True)
        write_table(pd.DataFrame(rows, columns=["id", "n"]), folder / "table.parquet")
    found = collect(tmp_path, "ablation", ["sample"], ["one", "two", "three"])
    assert found.to_dict("records") == [{"id": "a", "n": 3}] and found["n"].dtype == np.int64
    assert collect(tmp_path, "ablation", ["sample"], ["one", "three"]).empty


def test_the_same_table_gives_the_same_bytes(tmp_path):
    table = pd.DataFrame({"id": ["a", "b"], "value": [0.5, None]})
    for name in ("one", "two"):
        write_table(table, tmp_path / "deep" / name)
    assert (tmp_path / "deep" / "one").read_bytes() == (tmp_path / "deep" / "two").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "deep" / "one"), table)


def test_columns_of_numbers_are_there_without_rows_and_without_values():
    empty, some = Survey(), Survey()
    some.update([{"id": "a"}, {"id": "b"}])
    assert empty.schema(["score"], {"seed": 1}).names == ["score", "seed"] and empty.n_rows == 0
    schema = some.schema(["score", "id"], {"network": "x", "seed": 1})
    assert [(field.name, str(field.type)) for field in schema] == [
        ("id", "string"),
        ("score", "double"),
        ("network", "string"),
        ("seed", "int64"),
    ]


def test_a_damaged_page_is_of_the_file_that_holds_it(tmp_path):
    whole, damaged = tmp_path / "whole.parquet", tmp_path / "damaged.parquet"
    for path in (whole, damaged):
        write_table(pd.DataFrame({"x": np.random.default_rng(0).random(999)}), path)
    content = bytearray(damaged.read_bytes())
    content[4:300] = bytes(296)
    damaged.write_bytes(content)
    target = tmp_path / "target.parquet"
    for read in (lambda: join_tables([whole, damaged], target, {}), lambda: read_columns([whole, damaged], ["x"])):
        with pytest.raises(ValueError, match=r"^\S+/damaged\.parquet: is damaged \("):
            read()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.parquet", "whole.parquet"]
