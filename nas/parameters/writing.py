"""params.yaml in its one form: values in one line each, with the comments of the model.

DVC merges what `dvc exp run -S` sets into the file, and thereby puts every list of it into lines of their own and
loses the comments beside them. `tidy` puts the file back, with the same values.
"""

import json
import re
import sys
from inspect import isclass
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from nas.parameters.section import Section, knob_of
from nas.store import write_bytes

WIDTH = 120
ROOM, ROOM_OF_ENTRY = 10, 18  # columns for a value, and for that of an entry of a mapping
PLAIN = re.compile(r"[A-Za-z_~/][\w.@~/-]*")
WORDS = ("~", "null", "true", "false", "yes", "no", "on", "off", "y", "n")
SPREAD = re.compile(r"^\s*- ", re.MULTILINE)


def tidy(path: Path, parameters: Section, header: str) -> None:
    """Put a params.yaml into its one form where its lists are spread over lines, as DVC leaves them."""
    if SPREAD.search(path.read_text(encoding="utf-8")):
        write_bytes(path, (header + dump(parameters)).encode())
        print(f"{path}: its lists were spread over lines; put back into its one form, same values", file=sys.stderr)


def dump(section: Section) -> str:
    """All sections, with a blank line between.

    Where a comment stands depends on keys, comments and kinds of values alone, so that another value is another line
    and no more: comments of lists, mappings and sections above, those of other values beside them, in one column.
    """
    parts: list[str] = []
    single: list[_Line] = []
    for name, info in type(section).model_fields.items():
        value, text = getattr(section, name), knob_of(info).text
        if isinstance(value, Section):
            parts += [_lined_up(single)] if single else []
            single = []
            parts.append("\n".join([_with_comment(f"{name}:", text), _lines(value, "  ")]))
        else:
            single.append(_line(f"{name}: ", value, text, 0 if _several(info.annotation) else ROOM))
    return "\n\n".join([*parts, *([_lined_up(single)] if single else [])]) + "\n"


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Section):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, float):
        text = repr(value)  # YAML wants a point before an exponent
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in WORDS else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


class _Line(NamedTuple):
    """A key with its value, its comment, and the column of the comment that it asks for; 0: above."""

    text: str
    comment: str
    column: int = 0


def _line(key: str, value: Any, comment: str, room: int) -> _Line:
    return _Line(_wrapped(f"{key}{flow(value)}"), comment, len(key) + room if room else 0)


def _several(annotation: Any) -> bool:
    """Whether a value of this type may be a list, a mapping or a section."""
    single = isclass(annotation) and issubclass(annotation, Section)
    return single or get_origin(annotation) in (list, dict) or any(map(_several, get_args(annotation)))


def _lines(section: Section, indent: str) -> str:
    found: list[_Line] = []
    for name, info in type(section).model_fields.items():
        value, knob, key = getattr(section, name), knob_of(info), f"{indent}{name}: "
        nested = isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values())
        if isinstance(value, dict) and value and (knob.entries or nested):
            found.append(_Line(key.rstrip(), knob.text))
            found += [
                _line(f"{indent}  {flow(k)}: ", v, knob.entries.get(k, ""), ROOM_OF_ENTRY) for k, v in value.items()
            ]
        elif isinstance(value, Section) and len(f"{key}{flow(value)}") > WIDTH:
            found += [_Line(key.rstrip(), knob.text), _Line(_lines(value, indent + "  "), "")]
        else:
            found.append(_line(key, value, knob.text, 0 if _several(info.annotation) else ROOM))
    return _lined_up(found)


def _lined_up(lines: list[_Line]) -> str:
    """Lines with their comments, those beside lines of the same indent in one column."""
    columns: dict[int, int] = {}
    for line in lines:
        if line.comment and line.column:
            columns[_indent(line.text)] = max(columns.get(_indent(line.text), 0), line.column)
    return "\n".join(
        _with_comment(line.text, line.comment, columns[_indent(line.text)] if line.comment and line.column else 0)
        for line in lines
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _with_comment(line: str, comment: str, column: int = 0) -> str:
    """A line with its comment beside it, from a column on; above it where that is 0, or it would be too long."""
    if not comment:
        return line
    beside = f"{line.ljust(column)}  # {comment}"
    if column and "\n" not in line and len(beside) <= WIDTH:
        return beside
    return f"{' ' * _indent(line)}# {comment}\n{line}"


def _wrapped(line: str) -> str:
    """A long list in several lines, which begin below its first value."""
    if len(line) <= WIDTH:
        return line
    indent = " " * (line.index("[") + 1) if "[" in line else "    "
    lines, rest = [], line
    while len(rest) > WIDTH and ", " in rest[len(indent) : WIDTH]:
        cut = rest.rindex(", ", len(indent), WIDTH) + 1
        lines.append(rest[:cut])
        rest = indent + rest[cut:].lstrip()
    return "\n".join([*lines, rest])
