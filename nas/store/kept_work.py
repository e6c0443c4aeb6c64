"""Work that is kept between runs: where it lies, what it was made from, and when it may be used again.

Each finished batch is a file in a folder of work, named by what it depends on: the records, the parameters, the inputs,
and the code. A run that was killed finds those files and goes on; a run with other settings finds those that its
settings do not touch. Files are hard links to those of the result, so that keeping them takes no room.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from nas.store.files import is_whole, read_json, sha256_of, write_json
from nas.store.given import Given

INDEX = "index.json"
CONTENT = "content.json"  # of a folder that is finished


class Item(Protocol):
    """What work is done on: it has a name, and says what results depend on."""

    @property
    def id(self) -> str:
        """Unique among the items of a run."""

    @property
    def fingerprint(self) -> list[Any]:
        """JSON values that change where results may."""


class Work:
    """The kept parts of one run.

    Parameters
    ----------
    folder : of this work alone
    function : what makes the parts, and what it is bound to
    pieces : name of each piece of a part to what is given for that piece alone; a piece that is the same is used again
        where another one has changed
    """

    def __init__(self, folder: Path, function: Callable[..., Any], pieces: Mapping[str, Any]) -> None:
        self.folder = folder
        self._function = Given.of(function)
        self._pieces = {name: Given.of(given) for name, given in pieces.items()}
        self._used: set[Path] = set()

    def made_from(self, batch: Sequence[Item]) -> dict[str, str]:
        """Name of each piece to a hash of all that it depends on beside the records."""
        ids = [item.id for item in batch]
        function = self._function.digest(ids)
        return {name: digest(function, given.digest(ids)) for name, given in self._pieces.items()}

    def part(self, batch: Sequence[Item]) -> Path:
        """The file for a batch, whether it is there or not."""
        made = digest(list(self.made_from(batch).items()))
        path = self.folder / f"{self._name(batch)}-{made}.safetensors"
        self._used.add(path)
        return path

    def note(self, part: Path, batch: Sequence[Item]) -> None:
        """Write down what the pieces of a part are made from, before the part itself is written."""
        write_json(part.with_suffix(".json"), self.made_from(batch))

    def kept(self, batch: Sequence[Item]) -> dict[str, Path]:
        """Pieces of a batch that are the same in the part of an earlier run, and that part."""
        found: dict[str, Path] = {}
        made_from = self.made_from(batch)
        for note in sorted(self.folder.glob(f"{self._name(batch)}-*.json")):
            part = note.with_suffix(".safetensors")
            if is_whole(part):
                earlier = read_json(note)
                found |= {name: part for name, made in made_from.items() if earlier.get(name) == made}
        return found

    def prune(self) -> None:
        """Remove what this run has not used: parts of other photos and settings."""
        used = {path.with_suffix(suffix) for path in self._used for suffix in (".safetensors", ".json")}
        for path in self.folder.glob("*"):
            if path.is_file() and path not in used:
                path.unlink()

    @staticmethod
    def _name(batch: Sequence[Item]) -> str:
        return digest([item.fingerprint for item in batch])


def digest(*values: Any) -> str:
    """Short hash of JSON values."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]


def workplace(folder: Path, items: Sequence[Item], *given: Any) -> Path:
    """The folder inside `folder` for work on some items that depends on what is given, see `Given.of`."""
    ids = [item.id for item in items]
    return folder / digest([item.fingerprint for item in items], Given.of(*given).digest(ids))


def finished(make: Callable[[Path], None], folder: Path, items: Sequence[Item], *given: Any) -> Path:
    """The folder `done` of a workplace, made unless an earlier run did.

    For stages that make several folders of shards, whose contents they put together later.

    Parameters: `make`, from the workplace; `folder`, `items`, `given`, see `workplace`.
    """
    work = workplace(folder, items, *given)
    if not is_finished(work / "done"):
        make(work)
        finish(work / "done")
    return work / "done"


def finish(folder: Path) -> None:
    """Note beside a folder what it holds: it is finished."""
    write_json(folder.with_name(CONTENT), _content(folder))


def is_finished(folder: Path) -> bool:
    """Whether a folder is finished and holds what it did then; one that does not is removed.

    A line on stderr says so where a file in it has been damaged.
    """
    note = folder.with_name(CONTENT)
    with suppress(FileNotFoundError, ValueError):  # not finished, or the note itself is damaged
        if json.loads(note.read_bytes()) == _content(folder):
            return True
        print(f"{folder}: is damaged; it is computed again", file=sys.stderr)
    note.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return False


def _content(folder: Path) -> dict[str, str]:
    """The sha256 of each file in a folder, by name."""
    return {path.name: sha256_of(path) for path in sorted(folder.glob("*"))}


def keep_only(folder: Path, done: Iterable[Path]) -> None:
    """Remove the workplaces in a folder but those of these folders `done`."""
    used = {each.parent.name for each in done}
    for place in folder.glob("*"):
        if place.name not in used:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
