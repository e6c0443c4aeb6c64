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
    """Hash of the code of the running script and of all modules of nas that it uses.

    Comments, docstrings and layout do not count: it is of the syntax trees.
    """
    main = getattr(sys.modules["__main__"], "__file__", None)
    script = [Path(main)] if main is not None and main.endswith(".py") else []
    loaded = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("nas.")]
    start = script or [Path(file) for file in loaded if file is not None]
    return fingerprint_of(start)


def fingerprint_of(files: Iterable[Path]) -> str:
    """The same of some files and all modules of nas that they use, directly or not."""
    found: dict[str, str] = {}
    waiting = set(files)
    while waiting:
        file = waiting.pop()
        syntax, used = _syntax(file)
        found[file.name if not file.is_relative_to(LIBRARY) else file.relative_to(LIBRARY).as_posix()] = syntax
        waiting |= {each for each in used if each.relative_to(LIBRARY).as_posix() not in found}
    return digest(found)


@cache
def _syntax(file: Path) -> tuple[str, frozenset[Path]]:
    """Hash of the syntax tree of a file without docstrings, and the modules of nas that it uses."""
    tree = ast.parse(file.read_bytes())
    used: set[Path] = set()
    packages: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "nas":
            packages |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nas."):
            _, *parts = str(node.module).split(".")
            used |= {place for alias in node.names for place in _places("/".join(parts), alias.name)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("nas."):
            used |= set((LIBRARY / node.value.split(".")[1]).glob("*.py"))  # what import_module may take
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
            used |= set(_places(packages[node.value.id], node.attr))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(used)


def _places(package: str, name: str) -> list[Path]:
    """The files that define a name which a module or a package of nas gives."""
    module = LIBRARY / f"{package}.py"
    if module.is_file():
        return [module]
    for place in (LIBRARY / package / f"{name}.py", LIBRARY / package / name / "__init__.py"):
        if place.is_file():
            return [place]
    return [LIBRARY / package / f"{_public(package)[name]}.py"] if name in _public(package) else []


@cache
def _public(package: str) -> dict[str, str]:
    """Name of each thing that a package shows, and the module that it is from."""
    stub = LIBRARY / package / "__init__.pyi"
    if not stub.is_file():
        return {}
    imports = [node for node in ast.parse(stub.read_bytes()).body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
