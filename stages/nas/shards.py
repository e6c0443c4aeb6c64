"""Arrays and rows by record: many records in one safetensors file, a folder of such files, a table of all rows."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from nas import rows as tidy
from nas.checksums import sha256_of

INDEX = "index.json"
TABLE = "table.parquet"
SUMMARY = "summary.parquet"
Row = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """What was computed of a few records.

    ids : of the records, in order
    arrays : name to array, the first axis runs over the ids
    rows : of a tidy table, any number per record
    """

    ids: Sequence[str]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    rows: Sequence[Row] = ()


def write_shard(shard: Shard, path: Path) -> None:
    """Write a shard under a temporary name, then give it its own: the file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # safetensors orders metadata at random, so that one entry holds all of it
    metadata = {"nas": json.dumps({"ids": list(shard.ids), "rows": list(shard.rows)})}
    arrays = {name: np.ascontiguousarray(array) for name, array in shard.arrays.items()}
    write_bytes(path, save(arrays, metadata))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, see `new_file`."""
    with new_file(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write: it is whole, on disk, or absent. An OSError, of a full disk say, names the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, str(temporary)):  # of a file that was read to write this one
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, indented, with a final newline."""
    with new_file(path) as file:
        for text in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(content):
            file.write(text.encode())
        file.write(b"\n")


def read_notes(path: Path) -> tuple[list[str], list[Row]]:
    """The ids and the rows of a shard, without its arrays."""
    with safe_open(path, framework="numpy") as file:
        notes = json.loads(file.metadata()["nas"])
    return notes["ids"], notes["rows"]


class Shards:
    """A folder of shards, read a few records at a time.

    Attributes
    ----------
    ids : list of str, of all records, in order
    fingerprint : hash of everything in the folder
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = folder / INDEX
        if not index.is_file():
            raise ValueError(f"{folder}: holds no {INDEX}; run the stage that writes it (dvc repro)")
        self.fingerprint = sha256_of(index)
        files: dict[str, dict[str, Any]] = json.loads(index.read_text())
        self._place = {i: (name, row) for name, shard in files.items() for row, i in enumerate(shard["ids"])}
        self.ids = list(self._place)

    def read(self, ids: Sequence[str], names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
        """Arrays of some records, stacked in the order of `ids`; all names by default.

        Raises
        ------
        ValueError : a record that the folder lacks
        """
        missing = [i for i in ids if i not in self._place]
        if missing:
            raise ValueError(f"{self.folder}: lacks the record {missing[0]!r}; run the stage that writes it")
        stacks: dict[str, list[NDArray[Any]]] = {}
        for i in ids:
            name, row = self._place[i]
            with safe_open(self.folder / name, framework="numpy") as file:
                held = file.keys()
                for key in held if names is None else names:
                    if key not in held:
                        raise ValueError(f"{self.folder}: has no {key!r}; it has {', '.join(sorted(held))}")
                    stacks.setdefault(key, []).append(file.get_slice(key)[row : row + 1][0])
        return {key: np.stack(arrays) for key, arrays in stacks.items()}

    def pick(self, ids: Sequence[str]) -> list[str]:
        """The records `ids`; where the folder has none of them, as many of its own, evenly spaced.

        So a figure that names photos of one data set can be drawn of another.

        Raises
        ------
        ValueError : some of them are there and others not
        """
        lacking = [i for i in ids if i not in self._place]
        if lacking and len(lacking) < len(ids):
            raise ValueError(f"{self.folder}: has no record {lacking[0]!r}; name records of this data set only")
        return spread(self.ids, len(ids)) if lacking else list(ids)

    def names(self) -> list[str]:
        """Names of the arrays, as in the first shard; none if there is no record."""
        if not self._place:
            return []
        first = self.folder / next(iter(self._place.values()))[0]
        with safe_open(first, framework="numpy") as file:
            return sorted(file.keys())

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows of all records; of some columns only, texts as categories, in a fraction of the memory."""
        path = self.folder / TABLE
        return pd.read_parquet(path) if columns is None else tidy.read_columns(path, columns)


def spread(items: Sequence[Item], n: int) -> list[Item]:
    """At most n items, evenly spaced from the first to the last."""
    places = np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int))
    return [items[place] for place in places]


def gather(parts: Sequence[Path], folder: Path) -> None:
    """Make a folder of shards from finished parts: hard links where possible, an index, a table of all rows.

    In memory are the ids of all parts, and the rows of one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {}
    survey = tidy.Survey()
    for number, part in enumerate(parts):
        ids, found = read_notes(part)
        survey.update(found)
        with safe_open(part, framework="numpy") as file:
            empty = not list(file.keys())
        if not empty:
            name = f"shard-{number:05d}.safetensors"
            link(part, folder / name)
            files[name] = {"sha256": sha256_of(part), "ids": ids}
    if survey.n_rows:
        rows = (row for part in parts for row in read_notes(part)[1])
        with new_file(folder / TABLE) as table:
            tidy.write_rows(table, rows, survey.schema())
    write_json(folder / INDEX, files)


def link(source: Path, target: Path) -> None:
    """Hard link, or copy where the file system has none; atomic."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.link(source, temporary)
    except OSError:
        write_bytes(target, source.read_bytes())
        return
    os.replace(temporary, target)
    temporary.unlink(missing_ok=True)  # where both are links to one file already, replacing does nothing


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a parquet file atomically; the same rows give the same bytes."""
    write_bytes(path, table.to_parquet(index=False))


def join_tables(
    sources: Sequence[Path], target: Path, carried: Mapping[str, str | int], measures: Sequence[str] = ()
) -> None:
    """Write the rows of some tables below one another, atomically, with columns that all rows carry.

    `target` may be one of `sources`; the rest is as in `nas.rows.copy_rows`, which holds few rows at a time.
    """
    with new_file(target) as file:
        tidy.copy_rows(file, sources, carried, measures)
