"""YAML files that people write: values as in YAML 1.2, as DVC reads them; what would be taken in silence is refused."""

import re
from pathlib import Path
from typing import Any

import yaml

from nas.store.words import one_line

# what DVC's reader resolves: `no` is a word, `1:30` too, `010` is ten, `1e-05` a number
RESOLVED = {
    "null": (r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    "int": (r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)", list("-+0123456789")),
    "float": (
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}


class RefusedError(ValueError):
    """What YAML allows and we do not."""


class Loader(yaml.SafeLoader):
    """Values of the core schema; an alias is an error, and so is a key that stands twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node. Raises RefusedError for an alias."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            place = f" in line {event.start_mark.line + 1}" if event.start_mark else ""
            raise RefusedError(f"has an alias (*{event.anchor}){place}; write the value itself there")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises RefusedError for a key that stands twice."""
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(found) < len(node.value):
            seen = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if key in seen:
                    raise RefusedError(f"has {key!r} twice, again in line {key_node.start_mark.line + 1}; keep one")
                seen.add(key)
        return found

    def construct_int(self, node: yaml.ScalarNode) -> int:
        """A whole number; without a prefix it is decimal, whatever it begins with."""
        text = str(self.construct_scalar(node)).replace("_", "")
        digits = text.lstrip("+-")
        value = int(digits, {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10))
        return -value if text.startswith("-") else value


class Dumper(yaml.SafeDumper):
    """Quotes every text that a reader of YAML 1.1 or 1.2 would take for something else."""


Loader.yaml_implicit_resolvers = {}  # none of YAML 1.1
Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_int)
for _kind, (_pattern, _first) in RESOLVED.items():
    for _either in (Loader, Dumper):
        _either.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), _first)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file in UTF-8.

    Raises
    ------
    ValueError : it is missing or no YAML; it has an alias, a few lines of which can stand for more than memory holds,
        or a key twice, of which one would get lost; one line, which begins with the path
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return yaml.load(text, Loader)
    except RefusedError as error:
        raise ValueError(f"{path}: {error}") from None
    except (OSError, RecursionError, AttributeError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot be read ({one_line(error, 400)})") from None
