"""Rows of a tidy table in a parquet file, written and read without all of them in memory as Python objects.

A stage that measures every photo in many settings has hundreds of rows a photo. They are written some thousands at a
time, and read back a few columns at a time, texts as categories.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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

    def schema(self) -> pa.Schema:
        """Columns in order of appearance, of the types that a pandas.DataFrame of all rows would have.

        Whole numbers are float64 where one is missing or another is no whole number.

        Raises
        ------
        ValueError : a column of values of several kinds, or of other ones than numbers, texts and booleans
        """
        return pa.schema([(name, self._type(name, kinds)) for name, kinds in self._kinds.items()])

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


def copy_rows(
    file: BinaryIO, sources: Sequence[Path], carried: Mapping[str, str | int], measures: Sequence[str] = ()
) -> None:
    """Write the rows of some parquet files below one another, a row group at a time.

    Parameters
    ----------
    carried : columns of one value, which come last; they replace any of the same name
    measures : columns that are there in any case, float64 null where no source has them
    """
    merged = pa.unify_schemas([pq.read_schema(s).remove_metadata() for s in sources], promote_options="permissive")
    fields = [field for field in merged if field.name not in carried]
    fields += [pa.field(name, pa.float64()) for name in measures if name not in merged.names]
    constants = {name: pa.scalar(value) for name, value in carried.items()}
    schema = pa.schema([*fields, *((name, value.type) for name, value in constants.items())])
    with pq.ParquetWriter(file, schema) as writer:
        for source in sources:
            with pq.ParquetFile(source) as opened:
                for number in range(opened.num_row_groups):
                    found = opened.read_row_group(number)
                    n = len(found)
                    columns = [
                        found[f.name].cast(f.type) if f.name in found.column_names else pa.nulls(n, f.type)
                        for f in fields
                    ]
                    columns += [pa.repeat(value, n) for value in constants.values()]
                    writer.write_table(pa.table(columns, schema=schema))


def read_together(paths: Sequence[Path], columns: Sequence[str]) -> pd.DataFrame:
    """`read_columns` of some files, below one another."""
    frames = [read_columns(path, columns) for path in paths]
    for name in columns:
        if all(isinstance(frame[name].dtype, pd.CategoricalDtype) for frame in frames):
            categories = sorted(set().union(*(frame[name].cat.categories for frame in frames)))
            for frame in frames:
                frame[name] = frame[name].cat.set_categories(categories)
    return pd.concat(frames, ignore_index=True)


def read_columns(path: Path, columns: Sequence[str], filters: Sequence[tuple[str, str, Any]] = ()) -> pd.DataFrame:
    """Some columns of a parquet file, of those that it has; texts are categoricals with sorted categories.

    Parameters: `filters` that the rows fulfil, each a column, "==" or "in", and a value or values.
    """
    schema = pq.read_schema(path)
    kept = [name for name in columns if name in schema.names]
    kinds = {name: schema.field(name).type for name in schema.names}
    texts = [name for name in kept if pa.types.is_string(kinds[name]) or pa.types.is_large_string(kinds[name])]
    # a column without any value, of an empty table, has no type that a value could be compared with
    unmet = any(pa.types.is_null(kinds[name]) for name, _, _ in filters)
    wanted = list(dict.fromkeys([*kept, *(name for name, _, _ in filters)]))
    with pq.ParquetFile(path, read_dictionary=texts) as opened:
        # a row group at a time, so that what is read beside the rows that are kept does not grow with the table
        groups = range(0 if unmet else opened.num_row_groups)
        found = [_fulfil(opened.read_row_group(n, wanted, use_threads=False), filters).select(kept) for n in groups]
        none = pa.schema([opened.schema_arrow.field(name) for name in kept]).empty_table()
    table = pa.concat_tables([none, *found]).unify_dictionaries()
    frame: pd.DataFrame = table.to_pandas()
    for name in texts:
        frame[name] = frame[name].cat.remove_unused_categories()
        frame[name] = frame[name].cat.reorder_categories(sorted(frame[name].cat.categories))
    return frame


def _fulfil(table: pa.Table, filters: Sequence[tuple[str, str, Any]]) -> pa.Table:
    """The rows that fulfil all filters, see `read_columns`."""
    for name, operator, value in filters:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        values = value if operator == "in" else [value]
        table = table.filter(pc.is_in(column, value_set=pa.array(values, column.type)))
    return table
