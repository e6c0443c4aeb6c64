"""Arrays and rows by record: many records in one safetensors file, a folder of such files, a table of all rows."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from nas.store.files import link, new_file, read_json, reading, write_bytes, write_json
from nas.store.kept_work import INDEX
from nas.store.tables import TABLE, Survey, read_columns, read_table, write_rows

Row = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Piece:
    """A part of the work on a batch that has a name of its own.

    arrays : their names
    n_rows : of the table; the rows of a shard are in the order of its pieces
    """

    arrays: list[str]
    n_rows: int


@dataclass(frozen=True)
class Shard:
    """What was computed of a few records.

    ids : of the records, in order
    arrays : name to array, the first axis runs over the ids
    rows : of a tidy table, any number per record
    pieces : by name, where the work was in pieces, see `join_pieces`
    """

    ids: Sequence[str]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    pieces: Mapping[str, Piece] = field(default_factory=dict)


def join_pieces(shards: Mapping[str, Shard]) -> Shard:
    """One shard of the shards of several pieces of the same records.

    Raises
    ------
    ValueError : an array that two pieces have
    """
    arrays: dict[str, NDArray[Any]] = {}
    rows: list[Row] = []
    pieces: dict[str, Piece] = {}
    for name, shard in shards.items():
        twice = arrays.keys() & shard.arrays.keys()
        if twice:
            raise ValueError(f"the pieces {', '.join(shards)} have two arrays {min(twice)!r}; give each its own name")
        arrays |= shard.arrays
        rows += shard.rows
        pieces[name] = Piece(list(shard.arrays), len(shard.rows))
    return Shard(next(iter(shards.values())).ids, arrays, rows, pieces)


def read_piece(path: Path, name: str) -> Shard:
    """One piece of a shard that `join_pieces` made."""
    notes = _notes(path)
    start = 0
    for other, found in notes["pieces"].items():
        if other == name:
            break
        start += found["n_rows"]
    piece = Piece(**notes["pieces"][name])
    with reading(path), safe_open(path, framework="numpy") as file:
        arrays = {array: file.get_tensor(array) for array in piece.arrays}
    return Shard(notes["ids"], arrays, notes["rows"][start : start + piece.n_rows])


def _hashes(array: NDArray[Any]) -> list[str]:
    """Hash of what each record has of an array (n, ...)."""
    start = f"{array.dtype} {array.shape[1:]}".encode()
    return [hashlib.sha256(start + np.ascontiguousarray(of_record).tobytes()).hexdigest()[:32] for of_record in array]


def write_shard(shard: Shard, path: Path) -> None:
    """Write a shard under a temporary name, then give it its own: the file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # safetensors orders metadata at random, so that one entry holds all of it
    notes: dict[str, Any] = {"ids": list(shard.ids), "rows": list(shard.rows)}
    notes["hashes"] = {name: _hashes(array) for name, array in shard.arrays.items()}
    if shard.pieces:
        notes["pieces"] = {name: asdict(piece) for name, piece in shard.pieces.items()}
    metadata = {"nas": json.dumps(notes)}
    arrays = {name: np.ascontiguousarray(array) for name, array in shard.arrays.items()}
    write_bytes(path, save(arrays, metadata))


def _notes(path: Path) -> dict[str, Any]:
    with reading(path), safe_open(path, framework="numpy") as file:
        notes: dict[str, Any] = json.loads(file.metadata()["nas"])
    return notes


class Shards:
    """A folder of shards, read a few records at a time.

    Attributes
    ----------
    ids : list of str, of all records, in order
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = folder / INDEX
        if not index.is_file():
            raise ValueError(f"{folder}: holds no {INDEX}; run the stage that writes it (dvc repro)")
        self._files: dict[str, dict[str, Any]] = read_json(index)
        self._place = {i: (name, row) for name, shard in self._files.items() for row, i in enumerate(shard["ids"])}
        self.ids = list(self._place)

    def hashes(self, ids: Sequence[str], names: Sequence[str]) -> list[list[str]]:
        """Hashes of some arrays of some records: [of the first record [of the first array, ...], ...].

        Raises
        ------
        ValueError : a record or an array that the folder lacks
        """
        found = []
        for name, row in self._places(ids):
            held = self._files[name]["hashes"]
            self._require(names, held)
            found.append([held[key][row] for key in names])
        return found

    def _require(self, names: Iterable[str], held: Iterable[str]) -> None:
        lacking = [key for key in names if key not in held]
        if lacking:
            raise ValueError(f"{self.folder}: has no {lacking[0]!r}; it has {', '.join(sorted(held))}")

    def _places(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """File and row of some records."""
        missing = [i for i in ids if i not in self._place]
        if missing:
            raise ValueError(f"{self.folder}: lacks the record {missing[0]!r}; run the stage that writes it")
        return [self._place[i] for i in ids]

    def read(self, ids: Sequence[str], names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
        """Arrays of some records, stacked in the order of `ids`; all names by default.

        Raises
        ------
        ValueError : a record that the folder lacks
        """
        stacks: dict[str, list[NDArray[Any]]] = {}
        for name, row in self._places(ids):
            held = self._files[name]["hashes"]
            wanted = sorted(held) if names is None else list(names)
            self._require(wanted, held)
            with reading(self.folder / name), safe_open(self.folder / name, framework="numpy") as file:
                for key in wanted:
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
        return list(self._names)

    @cached_property
    def _names(self) -> list[str]:
        if not self._place:
            return []
        first = self.folder / next(iter(self._place.values()))[0]
        with reading(first), safe_open(first, framework="numpy") as file:
            return sorted(file.keys())

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows of all records; of some columns only, texts as categories, in a fraction of the memory."""
        path = self.folder / TABLE
        return read_table(path) if columns is None else read_columns(path, columns)


@dataclass(frozen=True)
class Stored:
    """Arrays that an earlier stage stored, for a function that reads these and no others: a source.

    folder : of the stage
    names : of the arrays, in the order in which they are read
    """

    folder: Path
    names: tuple[str, ...]

    def read(self, ids: Sequence[str], names: Iterable[str] | None = None) -> dict[str, NDArray[Any]]:
        """Arrays of some records, stacked in the order of `ids`; some of the names, or all of them.

        Raises
        ------
        ValueError : a record or an array that is not there, or an array of another name
        """
        wanted = list(self.names if names is None else names)
        others = [name for name in wanted if name not in self.names]
        if others:
            raise ValueError(f"{self.folder}: {others[0]!r} is not among what is read here: {', '.join(self.names)}")
        return opened(self.folder).read(ids, wanted)

    def one(self, record: str, name: str | None = None) -> NDArray[Any]:
        """The array of one record, the first one unless it is named."""
        key = self.names[0] if name is None else name
        found: NDArray[Any] = self.read([record], [key])[key][0]
        return found

    def fingerprint_of(self, ids: Sequence[str]) -> list[Any]:
        """The names, and hashes of these arrays of some records."""
        return [*self.names, opened(self.folder).hashes(ids, self.names)]


def opened(folder: Path) -> Shards:
    """The shards in a folder, opened once while they stay as they are."""
    index = folder / INDEX
    state = index.stat() if index.is_file() else None
    return Shards(folder) if state is None else _open(folder, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=8)
def _open(folder: Path, *_state: int) -> Shards:
    return Shards(folder)


def spread(items: Sequence[Item], n: int) -> list[Item]:
    """At most n items, evenly spaced from the first to the last."""
    places = np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int))
    return [items[place] for place in places]


def gather(
    parts: Sequence[Path], folder: Path, carried: Mapping[str, str | int] | None = None, columns: Sequence[str] = ()
) -> None:
    """Make a folder of shards from finished parts: hard links where possible, an index, a table of all rows.

    In memory are the ids of all parts, and the rows of one.

    Parameters
    ----------
    carried : columns of one value, which come last
    columns : of numbers that the table has in any case; where there is no row at all, it is written with these alone
    """
    constants = dict(carried or {})
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {}
    survey = Survey()
    for number, part in enumerate(parts):
        notes = _notes(part)
        survey.update(notes["rows"])
        if notes["hashes"]:
            name = f"shard-{number:05d}.safetensors"
            link(part, folder / name)
            files[name] = {"ids": notes["ids"], "hashes": notes["hashes"]}
    if survey.n_rows or columns:
        rows = (row | constants for part in parts for row in _notes(part)["rows"])
        with new_file(folder / TABLE) as table:
            write_rows(table, rows, survey.schema(columns, constants))
    write_json(folder / INDEX, files)
