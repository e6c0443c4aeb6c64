"""params.yaml in its one form: values in one line each, with the comments of the model.

DVC merges what `dvc exp run -S` sets into the file, and thereby puts every list of it into lines of their own and
loses the comments beside them. `tidy` puts the file back, with the same values.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from nas.parameters.section import Section, knob_of
from nas.store import write_bytes

WIDTH = 120
COLUMN = 48  # beyond it a comment is not lined up with the others
PLAIN = re.compile(r"[A-Za-z_~/][\w.@~/-]*")
WORDS = ("~", "null", "true", "false", "yes", "no", "on", "off", "y", "n")
SPREAD = re.compile(r"^\s*- ", re.MULTILINE)


def tidy(path: Path, parameters: Section, header: str) -> None:
    """Put a params.yaml into its one form where its lists are spread over lines, as DVC leaves them."""
    if SPREAD.search(path.read_text()):
        write_bytes(path, (header + dump(parameters)).encode())
        print(f"{path}: its lists were spread over lines; put back into its one form, same values", file=sys.stderr)


def dump(section: Section) -> str:
    """All sections, with a blank line between."""
    parts: list[str] = []
    single: list[tuple[str, str]] = []
    for name, info in type(section).model_fields.items():
        value, text = getattr(section, name), knob_of(info).text
        if isinstance(value, Section):
            parts += [_lined_up(single)] if single else []
            single = []
            parts.append("\n".join([_with_comment(f"{name}:", text), _lines(value, "  ")]))
        else:
            single.append((f"{name}: {flow(value)}", text))
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


def _lines(section: Section, indent: str) -> str:
    found: list[tuple[str, str]] = []
    for name, info in type(section).model_fields.items():
        value, knob = getattr(section, name), knob_of(info)
        nested = isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values())
        if isinstance(value, dict) and value and (knob.entries or nested):
            found.append((f"{indent}{name}:", knob.text))
            lines = [f"{indent}  {flow(key)}: {flow(each)}" for key, each in value.items()]
            found += zip(lines, (knob.entries.get(key, "") for key in value), strict=True)
        elif isinstance(value, Section) and len(f"{indent}{name}: {flow(value)}") > WIDTH:
            found.append((f"{indent}{name}:", knob.text))
            found.append((_lines(value, indent + "  "), ""))
        else:
            found.append((_wrapped(f"{indent}{name}: {flow(value)}"), knob.text))
    return _lined_up(found)


def _lined_up(lines: list[tuple[str, str]]) -> str:
    """Lines with their comments in one column; a comment that does not fit stands above its line."""
    short = [len(line) for line, text in lines if text and "\n" not in line and len(line) <= COLUMN]
    return "\n".join(_with_comment(line, text, max(short, default=0)) for line, text in lines)


def _with_comment(line: str, text: str, column: int = 0) -> str:
    if not text:
        return line
    beside = f"{line.ljust(column)}  # {text}"
    if "\n" not in line and len(beside) <= WIDTH:
        return beside
    return f"{' ' * (len(line) - len(line.lstrip()))}# {text}\n{line}"


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
