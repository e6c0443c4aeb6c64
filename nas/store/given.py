"""What a function is given, written down: a result is known by it, by the records, and by the code.

Nothing is listed by hand. A function of a stage is free of global state, so that what it is given is all that it can
depend on: its settings are described by what they hold, files by their content, earlier work by a *source*, which
says of some records what can be read of them.
"""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nas.store.code import code_of, file_of, versions
from nas.store.files import sha256_of


@runtime_checkable
class Source(Protocol):
    """Earlier work that a function reads, record by record."""

    def fingerprint_of(self, ids: Sequence[str]) -> Any:
        """A JSON value that changes with anything that can be read of these records."""


@dataclass(frozen=True)
class Given:
    """Values as they are described.

    Attributes
    ----------
    content : JSON values, and sources
    files : with the code of the functions and classes among them
    """

    content: Any
    files: frozenset[Path]

    @classmethod
    def of(cls, *values: Any) -> "Given":
        """Describe values.

        None, numbers, texts, sequences and mappings are what they are; arrays, and files that a path leads to, count
        by their content; functions by their name, what they are bound to and their code; a dataclass by its fields
        but those that do not compare; anything else by its `fingerprint`.

        Raises
        ------
        TypeError : a value of which none of this is true, or a function that takes variables from around it
        """
        files: set[Path] = set()
        return cls([_described(value, files) for value in values], frozenset(files))

    def digest(self, ids: Sequence[str] = ()) -> str:
        """Short hash of the values, of what their sources have of some records, and of the code."""

        def of_source(source: Source) -> Any:
            return source.fingerprint_of(ids)

        text = json.dumps([self.content, code_of(self.files), versions()], default=of_source)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _described(value: Any, files: set[Path]) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Path):
        return ["file", sha256_of_file(value)]
    if isinstance(value, partial):
        return [_described(each, files) for each in (value.func, value.args, value.keywords)]
    if isinstance(value, np.generic | np.ndarray):
        array = np.ascontiguousarray(value)
        return [str(array.dtype), array.shape, hashlib.sha256(array.data).hexdigest()]
    if isinstance(value, Mapping):
        return [[_described(each, files) for each in item] for item in value.items()]
    if isinstance(value, list | tuple):
        return [_described(each, files) for each in value]
    return _named(value, files)


def _named(value: Any, files: set[Path]) -> Any:
    """Functions, as they are without decorators, classes, and instances of these."""
    value = inspect.unwrap(value) if callable(value) else value
    if inspect.ismethod(value):
        return [_described(each, files) for each in (value.__func__, value.__self__)]
    kind = value if hasattr(value, "__qualname__") else type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if getattr(value, "__closure__", None):
        raise TypeError(f"{name} takes variables from around it: hand them over as arguments")
    if "<lambda>" in name:
        raise TypeError(f"{name} has no name of its own: define a function")
    file = file_of(kind)
    files |= set() if file is None else {file}
    if kind is value:
        defaults = [getattr(value, each, None) or () for each in ("__defaults__", "__kwdefaults__")]
        return [name, *(_described(each, files) for each in defaults)] if any(defaults) else name
    if isinstance(value, Source):
        return [name, value]
    if hasattr(value, "fingerprint"):
        return [name, _described(value.fingerprint, files)]
    if is_dataclass(value):
        return [
            name,
            [[each.name, _described(getattr(value, each.name), files)] for each in fields(value) if each.compare],
        ]
    raise TypeError(f"{name} does not say what it holds: give it a fingerprint")


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file, computed once while it stays as it is."""
    known = path.stat()
    return _sha256(path, known.st_mtime_ns, known.st_size, known.st_ino)


@cache
def _sha256(path: Path, *_state: int) -> str:
    return sha256_of(path)
