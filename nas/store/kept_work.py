"""Work that is kept between runs: where it lies, what it was made from, and when it may be used again.

Each finished batch is a file in a folder of work, named by what it depends on: the records, the parameters, the inputs,
and the code. A run that was killed finds those files and goes on; a run with other settings finds those that its
settings do not touch. Files are hard links to those of the result, so that keeping them takes no room.
"""

import ast
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from nas.store.files import write_json

INDEX = "index.json"
LIBRARY = Path(__file__).parent.parent


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
    key : JSON value, what all pieces depend on beside the records and the code
    pieces : name of each piece of a part to a JSON value, what that piece depends on beside `key`; a piece that is
        the same is used again where another one has changed
    """

    def __init__(self, folder: Path, key: Any, pieces: Mapping[str, Any]) -> None:
        self.folder = folder
        self.made_from = {name: digest(key, depends, code_fingerprint()) for name, depends in pieces.items()}
        self._used: set[Path] = set()

    def part(self, batch: Sequence[Item]) -> Path:
        """The file for a batch, whether it is there or not."""
        path = self.folder / f"{self._name(batch)}-{digest(list(self.made_from.items()))}.safetensors"
        self._used.add(path)
        return path

    def note(self, part: Path) -> None:
        """Write down what the pieces of a part are made from, before the part itself is written."""
        if set(self.made_from) != {""}:
            write_json(part.with_suffix(".json"), self.made_from)

    def kept(self, batch: Sequence[Item]) -> dict[str, Path]:
        """Pieces of a batch that are the same in the part of an earlier run, and that part."""
        found: dict[str, Path] = {}
        for note in sorted(self.folder.glob(f"{self._name(batch)}-*.json")):
            part = note.with_suffix(".safetensors")
            if part.exists():
                earlier = json.loads(note.read_text())
                found |= {name: part for name, made in self.made_from.items() if earlier.get(name) == made}
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
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def workplace(folder: Path, *depends: Any) -> Path:
    """The folder inside `folder` for work that depends on these JSON values and on the code."""
    return folder / digest(*depends, code_fingerprint())


def finished(make: Callable[[Path], None], folder: Path, *depends: Any) -> Path:
    """The folder `done` of a workplace, made unless an earlier run did: it is finished when it holds an index.

    For stages that make several folders of shards, whose contents they put together later.

    Parameters: `make`, from the workplace; `folder`, `depends`, see `workplace`.
    """
    work = workplace(folder, *depends)
    if not (work / "done" / INDEX).exists():
        make(work)
    return work / "done"


def keep_only(folder: Path, done: Iterable[Path]) -> None:
    """Remove the workplaces in a folder but those of these folders `done`."""
    used = {each.parent.name for each in done}
    for place in folder.glob("*"):
        if place.name not in used:
            shutil.rmtree(place) if place.is_dir() else place.unlink()


@cache
def code_fingerprint() -> str:
    """Hash of the code of the running script and of the packages of nas that it uses.

    Comments, docstrings and layout do not count: it is of the syntax trees.
    """
    main = getattr(sys.modules["__main__"], "__file__", None)
    script = Path(main) if main is not None and main.endswith(".py") else None
    loaded = {name.split(".")[1] for name in sys.modules if name.startswith("nas.")}
    packages = sorted(_closure(loaded))
    files = [file for package in packages for file in sorted((LIBRARY / package).rglob("*.py"))]
    trees = [(file.relative_to(LIBRARY).as_posix(), _syntax(file)[0]) for file in files]
    return digest([] if script is None else [script.name, _syntax(script)[0]], trees)


def _closure(packages: Iterable[str]) -> set[str]:
    """These packages of nas and all that they import, wherever in their code they do."""
    found: set[str] = set()
    waiting = {package for package in packages if (LIBRARY / package).is_dir()}
    while waiting:
        package = waiting.pop()
        found.add(package)
        for file in (LIBRARY / package).rglob("*.py"):
            waiting |= set(_syntax(file)[1]) - found
    return found


@cache
def _syntax(file: Path) -> tuple[str, tuple[str, ...]]:
    """Hash of the syntax tree of a file without docstrings, and the packages of nas that it imports."""
    tree = ast.parse(file.read_bytes())
    imported = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nas."):
            imported.append(str(node.module).split(".")[1])
        if isinstance(node, ast.ImportFrom) and node.module == "nas":
            imported += [alias.name for alias in node.names if (LIBRARY / alias.name).is_dir()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(imported)
