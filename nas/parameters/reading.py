"""params.yaml, read and checked: an error is one line with the key, what was found, and what is allowed."""

import copy
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from nas.parameters.section import Section
from nas.store import read_yaml

Model = TypeVar("Model", bound=Section)


class ParametersError(ValueError):
    """Mistakes in params.yaml, a line for each, in the order of the file."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


def load(path: Path) -> dict[str, Any]:
    """The content of a params.yaml. Raises ValueError, in one line, where it cannot be read."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is empty or no mapping of keys to values; restore it (git checkout {path.name})")
    return content


def with_values(content: Mapping[str, Any], values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The content of a params.yaml with values in place of others, by dotted key.

    Raises
    ------
    ValueError : a key inside of what is no section; `where` the values are from begins the line
    """
    found = copy.deepcopy(dict(content))
    for key, value in values.items():
        *sections, last = key.split(".")
        place = found
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ValueError(f"{where} has {key!r}: {section} is a value and no section; correct the key")
        place[last] = value
    return found


def check_names(content: Mapping[str, Any], renamed: Mapping[str, str], where: str) -> None:
    """Raise a ParametersError for keys with former names.

    Parameters: `renamed`, former key, or section and key with a dot, to the one of now; `where`, the file.
    """
    lines = []
    for former, now in renamed.items():
        section, _, key = former.partition(".")
        found = content.get(section)
        if found is not None and (not key or (isinstance(found, dict) and key in found)):
            lines.append(f"{where}: {former} is now called {now}")
    if lines:
        raise ParametersError(lines)


def validate(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """The content as typed values; `where` it is from begins the line of an error.

    Raises
    ------
    ParametersError : a line for each key that is wrong, what was found and what is allowed
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # of a key that is misspelt it is said that it is unknown, and not that it is missing too
        meant = {_meant(model, found["loc"]) for found in error.errors() if found["type"] == "extra_forbidden"}
        lines: dict[str, str] = {}
        for found in error.errors():
            key = _key(found["loc"])
            if key not in lines and not (found["type"] == "missing" and found["loc"] in meant):
                lines[key] = f"{where}: {_said(model, found, key, error)}"
        raise ParametersError(list(lines.values())) from None


def valid_part(model: type[Model], content: Mapping[str, Any]) -> Model:
    """The content as typed values, without the sections in which something is wrong: these attributes are not there."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        wrong = {found["loc"][0] for found in error.errors()}
    values = {name: content[name] for name in model.model_fields if name not in wrong}
    for name, value in values.items():
        kind = model.model_fields[name].annotation
        if isinstance(kind, type) and issubclass(kind, Section):  # other values are valid as they were read
            values[name] = kind.model_validate(value)
    return model.model_construct(**values)


def neighbour(name: str, known: Sequence[str]) -> str:
    """What the user may have meant by a name that is none, to end a sentence with; empty where nothing is near."""
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def shortened(value: Any) -> str:
    """A value as it was written, in 80 characters at most."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]} ..."


def _said(model: type[Section], found: Any, key: str, error: ValidationError) -> str:
    if found["type"] == "missing":
        return f"{key} is missing; add it"
    if found["type"] == "extra_forbidden":
        allowed = _siblings(model, found["loc"])
        return f"{key} is unknown; allowed here are {', '.join(allowed)}{neighbour(str(found['loc'][-1]), allowed)}"
    return f"{key} is {shortened(found['input'])}: {_allowed(error, key)}"


def _meant(model: type[Section], place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place of the key that an unknown one is near to."""
    return (*place[:-1], *get_close_matches(str(place[-1]), _siblings(model, place), 1))


def _is_branch(part: int | str) -> bool:
    """Whether a part of an error's place is a branch of a union, as opposed to a key or a position."""
    return isinstance(part, str) and (part in ("int", "constrained-int", "str") or "[" in part)


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if not _is_branch(part))


def _allowed(error: ValidationError, key: str) -> str:
    messages = [found["msg"] for found in error.errors() if _key(found["loc"]) == key]
    words = (re.sub(r" or instance of \w+$", "", message) for message in messages)  # of pydantic, which names classes
    return ", or ".join(dict.fromkeys(message.replace("Input should be", "allowed is") for message in words))


def _siblings(model: Any, place: tuple[int | str, ...]) -> list[str]:
    for part in place[:-1]:
        annotation = model.model_fields[str(part)].annotation
        model = next(each for each in (annotation, *get_args(annotation)) if hasattr(each, "model_fields"))
    return list(model.model_fields)
