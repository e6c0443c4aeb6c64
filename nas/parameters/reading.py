"""params.yaml, read and checked: an error is one line with the key, what was found, and what is allowed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from nas.parameters.section import Section

Model = TypeVar("Model", bound=Section)


class RenamedError(ValueError):
    """Keys of a former params.yaml: a line for each, with what it is called now."""


def load(path: Path) -> dict[str, Any]:
    """The content of a params.yaml. Raises ValueError, in one line, where it cannot be read."""
    try:
        text = path.read_text()
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):  # a few lines of them can stand for more than memory holds
                place = f" in line {event.start_mark.line + 1}" if event.start_mark else ""
                raise ValueError(f"{path}: has an alias (*{event.anchor}){place}; write the value itself there")
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: is empty or no mapping of keys to values; restore it (git checkout {path.name})")
    return content


def check_names(content: Mapping[str, Any], renamed: Mapping[str, str], where: str) -> None:
    """Raise a RenamedError for keys with former names.

    Parameters: `renamed`, former key, or section and key with a dot, to the one of now; `where`, the file.
    """
    lines = []
    for former, now in renamed.items():
        section, _, key = former.partition(".")
        found = content.get(section)
        if found is not None and (not key or (isinstance(found, dict) and key in found)):
            lines.append(f"{where}: {former} is now called {now}")
    if lines:
        raise RenamedError("\n".join(lines))


def validate(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """The content as typed values; `where` it is from begins the line of an error.

    Raises
    ------
    ValueError : one line with the key, what was found and what is allowed
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = _key(first["loc"])
        if first["type"] == "missing":
            raise ValueError(f"{where}: {key} is missing; add it") from None
        if first["type"] == "extra_forbidden":
            allowed = ", ".join(_siblings(model, first["loc"]))
            raise ValueError(f"{where}: {key} is unknown; allowed here are {allowed}") from None
        raise ValueError(f"{where}: {key} is {first['input']!r}: {_allowed(error, key)}") from None


def _is_branch(part: int | str) -> bool:
    """Whether a part of an error's place is a branch of a union, as opposed to a key or a position."""
    return isinstance(part, str) and (part in ("int", "constrained-int", "str") or "[" in part)


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if not _is_branch(part))


def _allowed(error: ValidationError, key: str) -> str:
    messages = [found["msg"] for found in error.errors() if _key(found["loc"]) == key]
    return ", or ".join(dict.fromkeys(message.replace("Input should be", "allowed is") for message in messages))


def _siblings(model: Any, place: tuple[int | str, ...]) -> list[str]:
    for part in place[:-1]:
        annotation = model.model_fields[str(part)].annotation
        model = next(each for each in (annotation, *get_args(annotation)) if hasattr(each, "model_fields"))
    return list(model.model_fields)
