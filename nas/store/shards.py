"""Arrays and rows by record: many records in one safetensors file, a folder of such files, a table of all rows."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from nas.store.files import link, new_file, sha256_of, write_bytes, write_json
from nas.store.kept_work import INDEX
from nas.store.tables import TABLE, Survey, read_columns, write_rows

Row = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Piece:
    """A part of the work on a batch that has a name of its own.

    arrays : their names
    n_rows : of the table; the rows of a shard are in the order of its pieces
    sha256 : of both
    """

    arrays: list[str]
    n_rows: int
    sha256: str


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
        pieces[name] = Piece(list(shard.arrays), len(shard.rows), _sha256(shard))
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
    with safe_open(path, framework="numpy") as file:
        arrays = {array: file.get_tensor(array) for array in piece.arrays}
    return Shard(notes["ids"], arrays, notes["rows"][start : start + piece.n_rows])


def _sha256(shard: Shard) -> str:
    sha256 = hashlib.sha256(json.dumps(list(shard.rows)).encode())
    for name, array in shard.arrays.items():
        sha256.update(f"{name} {array.dtype} {array.shape}".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()


def write_shard(shard: Shard, path: Path) -> None:
    """Write a shard under a temporary name, then give it its own: the file is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # safetensors orders metadata at random, so that one entry holds all of it
    notes: dict[str, Any] = {"ids": list(shard.ids), "rows": list(shard.rows)}
    if shard.pieces:
        notes["pieces"] = {name: asdict(piece) for name, piece in shard.pieces.items()}
    metadata = {"nas": json.dumps(notes)}
    arrays = {name: np.ascontiguousarray(array) for name, array in shard.arrays.items()}
    write_bytes(path, save(arrays, metadata))


def read_notes(path: Path) -> tuple[list[str], list[Row]]:
    """The ids and the rows of a shard, without its arrays."""
    notes = _notes(path)
    return notes["ids"], notes["rows"]


def _notes(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="numpy") as file:
        notes: dict[str, Any] = json.loads(file.metadata()["nas"])
    return notes


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
        self._files: dict[str, dict[str, Any]] = json.loads(index.read_text())
        self._place = {i: (name, row) for name, shard in self._files.items() for row, i in enumerate(shard["ids"])}
        self.ids = list(self._place)

    def fingerprint_of(self, pieces: Iterable[str]) -> str:
        """Hash of some pieces of the work alone, which stays where others change.

        Raises
        ------
        ValueError : a piece that the folder lacks
        """
        made = [(shard["ids"], shard.get("pieces", {})) for shard in self._files.values()]
        for name in pieces:
            if any(name not in found for _, found in made):
                known = ", ".join(made[0][1]) or "none"
                raise ValueError(f"{self.folder}: has no piece {name!r} of work; it has {known}")
        content = [[ids, [found[name] for name in pieces]] for ids, found in made]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

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
        return pd.read_parquet(path) if columns is None else read_columns(path, columns)


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
        ids, found = read_notes(part)
        survey.update(found)
        with safe_open(part, framework="numpy") as file:
            empty = not list(file.keys())
        if not empty:
            name = f"shard-{number:05d}.safetensors"
            link(part, folder / name)
            files[name] = {"sha256": sha256_of(part), "ids": ids}
            pieces = _notes(part).get("pieces", {})
            if pieces:
                files[name]["pieces"] = {piece: found["sha256"] for piece, found in pieces.items()}
    if survey.n_rows or columns:
        rows = (row | constants for part in parts for row in read_notes(part)[1])
        with new_file(folder / TABLE) as table:
            write_rows(table, rows, survey.schema(columns, constants))
    write_json(folder / INDEX, files)
