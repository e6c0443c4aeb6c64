"""What a function is given, described: what counts, what does not, and what cannot be described."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.store import given
from nas.store.given import Given, Source, sha256_of_file


@dataclass(frozen=True)
class Settings:
    k: int
    name: str = "first"
    title: str = field(default="", compare=False)


@dataclass(frozen=True)
class Others:
    k: int
    name: str = "first"


class Known:
    def __init__(self, fingerprint: Any) -> None:
        self.fingerprint = fingerprint


class Folder:
    """A source that has a number for each record."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers

    def fingerprint_of(self, ids):
        return [self.numbers[i] for i in ids]


def one(x, k=1):
    return x * k


def two(x, k=1):
    return x * k


def with_default(default):
    def three(x, k=default, *, n=default + 1):
        return x * k * n

    return three


@dataclass(frozen=True)
class Line:
    slope: int

    def at(self, x):
        return self.slope * x


VALUES = {
    "nothing": None,
    "number": 1,
    "float": 1.5,
    "truth": True,
    "text": "1",
    "list": [1, 2],
    "other order": [2, 1],
    "nested": [[1], 2],
    "mapping": {"a": 1},
    "other key": {"b": 1},
    "key of another type": {1: 1},
    "array": np.arange(3),
    "array of another type": np.arange(3.0),
    "array of another shape": np.arange(3)[None],
    "array of other numbers": np.arange(3) + 1,
    "dataclass": Settings(3),
    "another field": Settings(4),
    "another class": Others(3),
    "known": Known("a"),
    "known as another": Known(["a", Settings(3)]),
    "function": one,
    "another function": two,
    "bound by name": partial(one, k=2),
    "bound to another": partial(one, k=3),
    "bound by place": partial(one, 2),
    "class": Settings,
    "function with a default": with_default(1),
    "function with another default": with_default(2),
    "method": Line(1).at,
    "method of another": Line(2).at,
}


def test_values_that_differ_are_described_differently_and_the_same_ones_alike():
    assert len({Given.of(value).digest() for value in VALUES.values()}) == len(VALUES)
    assert Given.of({"a": [1, 2.5], "b": Settings(3)}).digest() == Given.of({"a": (1, 2.5), "b": Settings(3)}).digest()
    assert Given.of(OrderedDict(a=1)).digest() == Given.of({"a": 1}).digest()
    assert Given.of(1, 2).digest() != Given.of(2, 1).digest() != Given.of([2, 1]).digest()
    assert Given.of(np.asfortranarray(np.eye(3))).digest() == Given.of(np.eye(3)).digest()


def test_a_field_that_does_not_compare_does_not_count():
    assert Given.of(Settings(3, title="x")).digest() == Given.of(Settings(3)).digest()


def test_a_file_counts_by_its_content_wherever_it_is(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("a")
    before = Given.of(one).digest()
    assert before == Given.of(two).digest() != Given.of("a").digest()
    two.write_text("ab")
    assert Given.of(two).digest() != before == Given.of(one).digest()
    with pytest.raises(FileNotFoundError):
        Given.of(tmp_path / "none")


def test_a_file_is_hashed_once_while_it_stays_as_it_is(tmp_path, monkeypatch):
    path, hashed = tmp_path / "file", []
    real = given.sha256_of
    monkeypatch.setattr(given, "sha256_of", lambda path: hashed.append(path) or real(path))
    path.write_text("a")
    assert sha256_of_file(path) == sha256_of_file(path) == real(path)
    path.write_text("longer")
    assert sha256_of_file(path) == real(path)
    assert hashed == [path, path]


def test_a_source_counts_by_the_records_that_are_read():
    made = Given.of(partial(one, Folder({"a": 1, "b": 2})))
    assert isinstance(Folder({}), Source) and not isinstance(Known(1), Source)
    assert made.digest(["a"]) == Given.of(partial(one, Folder({"a": 1, "b": 3}))).digest(["a"])
    assert made.digest(["a", "b"]) != Given.of(partial(one, Folder({"a": 1, "b": 3}))).digest(["a", "b"])
    assert made.digest(["a", "b"]) != made.digest(["b", "a"])


@pytest.mark.parametrize("value", [one, partial(one, 1), partial(print, Settings(3)), Settings(3), Known(1), Settings])
def test_the_code_is_that_of_functions_and_classes(value, monkeypatch):
    assert Path(__file__) in Given.of([value]).files
    before = Given.of(value).digest()
    monkeypatch.setattr(given, "code_of", lambda files: f"other code of {len(files)} files")
    assert Given.of(value).digest() != before


def test_code_is_there_where_values_have_some():
    assert Given.of(1, "a", {"b": [None]}).files == frozenset()


def test_versions_of_libraries_count(monkeypatch):
    before = Given.of(1).digest()
    monkeypatch.setattr(given, "versions", lambda: {"numpy": "0.1"})
    assert Given.of(1).digest() != before


def test_what_does_not_say_what_it_holds_is_refused():
    with pytest.raises(TypeError, match=r"^builtins\.object does not say what it holds: give it a fingerprint$"):
        Given.of(object())
    k = 3

    def around(x):
        return x * k

    with pytest.raises(TypeError, match=r"takes variables from around it: hand them over as arguments$"):
        Given.of(around)
    with pytest.raises(TypeError, match=r"<lambda> has no name of its own: define a function$"):
        Given.of(lambda x: x)
