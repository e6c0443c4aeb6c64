"""Sections of params.yaml as typed values, each knob with the comment that stands beside it there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A section: unknown keys, values of other types, numbers that are none, and entries given twice are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _no_entry_twice(cls, value: Any) -> Any:
        for entries in _lists(value):
            if twice := [each for number, each in enumerate(entries) if each in entries[:number]]:
                raise PydanticCustomError("twice", "has {entry} twice; remove one", {"entry": repr(twice[0])})
        return value


def _lists(value: Any) -> Iterator[list[Any]]:
    """The lists of a value, those inside of it first, which are sets: depths."""
    if isinstance(value, list):
        for each in value:
            yield from _lists(each)
        yield [sorted(each) if isinstance(each, list) else each for each in value]


@dataclass(frozen=True)
class Knob:
    """What is said of a key of params.yaml.

    Attributes
    ----------
    text : the comment
    entries : the same of entries of a mapping, by their keys
    of : the key, or the function of a section, that says what names may be given here, because they are made
    also : names that are there in any case
    shipped : the value that such a key is shipped with: where no more than a part of that is made, that part is taken,
        whereas a name that the user wrote and nothing makes is an error
    """

    text: str = ""
    entries: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    also: tuple[str, ...] = ()
    shipped: Any = None


def knob(
    text: str = "",
    *,
    entries: Mapping[str, str] | None = None,
    of: str = "",
    also: tuple[str, ...] = (),
    shipped: Any = None,
    **limits: Any,
) -> Any:
    """A key that must be there, see `Knob`; `limits` are those of `pydantic.Field`, such as `min_length`."""
    return Field(json_schema_extra={"knob": Knob(text, entries or {}, of, also, shipped)}, **limits)  # type: ignore[dict-item]


def knob_of(info: FieldInfo) -> Knob:
    """The knob of a field; one without a comment where none is said."""
    extra = info.json_schema_extra
    found = extra.get("knob") if isinstance(extra, dict) else None
    return found if isinstance(found, Knob) else Knob()
