"""Rows of a tidy table in a parquet file, written and read without all of them in memory as Python objects.

A stage that measures every photo in many settings has hundreds of rows a photo. They are written some thousands at a
time, and read back a few columns at a time, texts as categories.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import compute, dataset

from nas.store.files import new_file, reading, write_bytes

TABLE = "table.parquet"
GROUP = 2**13  # rows that are written at a time
# gives back what a table no longer needs, where the default pool keeps it
pa.set_memory_pool(pa.system_memory_pool())


class Survey:
    """What the columns of a table hold, found row by row, so that its first rows need not tell.

    n_rows : rows that were seen
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self._kinds: dict[str, set[type]] = {}
        self._known: dict[str, int] = {}

    def update(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take note of more rows."""
        for row in rows:
            self.n_rows += 1
            for name, value in row.items():
                kinds = self._kinds.setdefault(name, set())
                if value is not None:
                    kinds.add(type(value))
                    self._known[name] = self._known.get(name, 0) + 1

    def schema(self, columns: Sequence[str] = (), carried: Mapping[str, str | int] | None = None) -> pa.Schema:
        """Columns in order of appearance, of the types that a pandas.DataFrame of all rows would have.

        Whole numbers are float64 where one is missing or another is no whole number.

        Parameters
        ----------
        columns : that are there in any case, float64, or without type where no row was seen
        carried : columns of one value, which come last

        Raises
        ------
        ValueError : a column of values of several kinds, or of other ones than numbers, texts and booleans
        """
        found = {name: self._type(name, kinds) for name, kinds in self._kinds.items()}
        found |= {name: pa.float64() if self.n_rows else pa.null() for name in columns if name not in found}
        found |= {
            name: pa.string() if isinstance(value, str) else pa.int64() for name, value in (carried or {}).items()
        }
        return pa.schema(list(found.items()))

    def _type(self, name: str, kinds: set[type]) -> pa.DataType:
        if not kinds:
            return pa.null()
        if kinds == {int} and self._known[name] == self.n_rows:
            return pa.int64()
        for allowed, found in (({int, float}, pa.float64()), ({str}, pa.string()), ({bool}, pa.bool_())):
            if kinds <= allowed:
                return found
        listed = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"the column {name!r} holds {listed}; give it numbers only, texts only or booleans only")


def write_rows(file: BinaryIO, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write rows with the schema of their `Survey`; what a row lacks, None and NaN are null.

    The bytes depend on the rows only.
    """
    with pq.ParquetWriter(file, schema) as writer:
        columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        for number, row in enumerate(rows, start=1):
            for name, values in columns.items():
                values.append(row.get(name))
            if number % GROUP == 0:
                writer.write_table(_table(columns, schema))
                columns = {name: [] for name in schema.names}
        if schema.names and columns[schema.names[0]]:
            writer.write_table(_table(columns, schema))


def _table(columns: Mapping[str, list[Any]], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array(columns[f.name], f.type, from_pandas=True) for f in schema], schema=schema)


def _copy_rows(
    file: BinaryIO, sources: Sequence[Path], carried: Mapping[str, str | int], measures: Sequence[str] = ()
) -> None:
    merged = pa.unify_schemas([_schema(source) for source in sources], promote_options="permissive")
    fields = [field for field in merged if field.name not in carried]
    fields += [pa.field(name, pa.float64()) for name in measures if name not in merged.names]
    constants = {name: pa.scalar(value) for name, value in carried.items()}
    schema = pa.schema([*fields, *((name, value.type) for name, value in constants.items())])
    with pq.ParquetWriter(file, schema) as writer:
        for source in sources:
            for found in _row_groups(source):
                n = len(found)
                columns = [
                    found[f.name].cast(f.type) if f.name in found.column_names else pa.nulls(n, f.type) for f in fields
                ]
                columns += [pa.repeat(value, n) for value in constants.values()]
                writer.write_table(pa.table(columns, schema=schema))


def _row_groups(source: Path) -> Iterator[pa.Table]:
    with reading(source), pq.ParquetFile(source) as opened:
        for number in range(opened.num_row_groups):
            yield opened.read_row_group(number)


def read_columns(
    paths: Path | Sequence[Path], columns: Sequence[str], filters: Sequence[tuple[str, str, Any]] = ()
) -> pd.DataFrame:
    """Some columns of parquet files, below one another, of those that they have; texts are categories, sorted.

    Parameters: `filters` that the rows fulfil, each a column, "==" or "in", and a value or values. Raises ValueError
    where a file is damaged.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    merged = pa.unify_schemas([_schema(file) for file in files], promote_options="permissive")
    texts = [field.name for field in merged if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    kept = [name for name in columns if name in merged.names]
    encoded = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([field.with_type(encoded) if field.name in texts else field for field in merged])
    layout = dataset.ParquetFileFormat(dictionary_columns=[name for name in texts if name in kept])
    rows = dataset.dataset(files, schema, layout)
    wanted = pq.filters_to_expression([tuple(each) for each in filters]) if filters else None
    if any(pa.types.is_null(merged.field(name).type) for name, _, _ in filters):
        wanted = compute.scalar(False)  # a column without any value has no type that a value could be compared with
    # what is read beside the rows that are kept does not grow with the table
    try:
        found = rows.to_table(kept, wanted, use_threads=False, batch_readahead=1, fragment_readahead=1)
    except (OSError, pa.ArrowException):  # which does not name the file
        for file in files:
            for _ in _row_groups(file):
                pass
        raise
    frame: pd.DataFrame = found.unify_dictionaries().to_pandas()
    for name in kept:
        if name in texts:
            frame[name] = frame[name].cat.remove_unused_categories()
            frame[name] = frame[name].cat.reorder_categories(sorted(frame[name].cat.categories))
    return frame


def read_table(path: Path) -> pd.DataFrame:
    """A parquet file. Raises ValueError where it is damaged."""
    with reading(path):
        return pd.read_parquet(path)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a parquet file atomically; the same rows give the same bytes."""
    write_bytes(path, table.to_parquet(index=False))


def join_tables(
    sources: Sequence[Path], target: Path, carried: Mapping[str, str | int], measures: Sequence[str] = ()
) -> None:
    """Write the rows of some tables below one another, atomically, a row group at a time.

    Parameters
    ----------
    target : may be one of `sources`
    carried : columns of one value, which come last; they replace any of the same name
    measures : columns that are there in any case, float64 null where no source has them
    """
    with new_file(target) as file:
        _copy_rows(file, sources, carried, measures)


def collect(
    root: Path,
    stage: str,
    datasets: Sequence[str],
    networks: Sequence[str],
    name: str = TABLE,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The tables data/STAGE/DATASET/NETWORK/NAME of the data sets and networks asked for, one below the other.

    A table is empty where there was nothing to measure; its columns have no types, and those of the others stay.

    Parameters: `columns` to read, for tables of many rows, texts as categories; all by default, texts as such.
    """
    files = [root / "data" / stage / dataset / network / name for dataset in datasets for network in networks]
    files = [file for file in files if _n_rows(file)] or files[:1]
    if columns is not None:
        return read_columns(files, columns)
    return pd.concat([read_table(file) for file in files], ignore_index=True)


def _schema(path: Path) -> pa.Schema:
    with reading(path):
        return pq.read_schema(path).remove_metadata()


def _n_rows(path: Path) -> int:
    with reading(path):
        return int(pq.read_metadata(path).num_rows)
