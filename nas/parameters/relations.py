"""What the sections of params.yaml may name of each other: methods, regions, orders and classes that others make."""

from collections.abc import Iterator
from typing import Any, TypeVar

from nas.parameters.reading import ParametersError, neighbour, validate
from nas.parameters.section import Knob, Section, knob_of

Model = TypeVar("Model", bound=Section)
EVERYTHING = "all"  # in place of names: all that are made


def resolve(parameters: Model, where: str) -> Model:
    """The parameters where each key names only what is made, see `Knob`.

    Raises
    ------
    ParametersError : a line for each key with the name that the user wrote and nothing makes, and those that are made
    """
    lines = []
    for key, knob in list(_naming(parameters)):
        allowed = _made(parameters, knob)
        if allowed is not None:
            content = parameters.model_dump()
            *sections, last = key.split(".")
            place = content
            for section in sections:
                place = place[section]
            try:
                place[last] = _resolved(key, place[last], allowed, knob, where)
            except ValueError as error:
                lines.append(str(error))
            else:
                parameters = validate(type(parameters), content, where)
    if lines:
        raise ParametersError(lines)
    return parameters


def _naming(section: Section, path: str = "") -> Iterator[tuple[str, Knob]]:
    """The keys that name what others make, in the order of the sections."""
    for name, info in type(section).model_fields.items():
        value, knob = getattr(section, name), knob_of(info)
        if knob.of:
            yield f"{path}{name}", knob
        elif isinstance(value, Section):
            yield from _naming(value, f"{path}{name}.")


def _made(parameters: Section, knob: Knob) -> list[str] | None:
    """The names that are made; None where any may be given."""
    found: Any = parameters
    for name in knob.of.split("."):
        found = getattr(found, name)
    found = found() if callable(found) else found
    return None if found is None else [*knob.also, *found]


def _resolved(key: str, value: Any, allowed: list[str], knob: Knob, where: str) -> Any:
    if value == EVERYTHING:
        return allowed
    single = isinstance(value, str)
    for name in [value] if single else list(value):
        if name not in allowed and not _as_shipped(name, value, knob.shipped):
            correct = "correct it" if single else "correct or remove it"
            raise ValueError(
                f"{where}: {key} has {name!r}: allowed are {', '.join(allowed)}; {correct}, or change "
                f"{knob.of} so that it is made{neighbour(name, allowed)}"
            )
    if single:
        return value if value in allowed else next(iter(allowed), value)
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name in allowed}
    return [name for name in value if name in allowed] or allowed


def _as_shipped(name: str, value: Any, shipped: Any) -> bool:
    """Whether the user left a key, or this entry of a mapping, as it was shipped."""
    if isinstance(value, dict) and isinstance(shipped, dict):
        return bool(name in shipped and value[name] == shipped[name])
    return shipped is not None and bool(value == shipped)
