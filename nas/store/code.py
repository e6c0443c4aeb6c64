"""What code a result was made by: a hash of the syntax trees of the modules of nas that some files use."""

import ast
import hashlib
import inspect
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).parent.parent
# other libraries whose code makes numbers
LIBRARIES = (
    "captum",
    "joblib",
    "numpy",
    "opencv-python-headless",
    "openvino",
    "pandas",
    "pillow",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "timm",
    "torch",
    "torchvision",
    "zennit",
)


@cache
def versions() -> dict[str, str]:
    """The versions of those libraries that are here."""
    installed = {library: [*distributions(name=library)] for library in LIBRARIES}
    return {library: found[0].version for library, found in installed.items() if found}


def file_of(kind: Callable[..., Any]) -> Path | None:
    """The file in which a function or a class is written; None for those of Python itself."""
    try:
        return Path(inspect.getfile(inspect.unwrap(kind))).resolve()
    except TypeError:
        return None


@cache
def code_of(files: frozenset[Path]) -> str:
    """Hash of the code of some files and of all modules of nas that they use, directly or not.

    Comments, docstrings and layout do not count: it is of the syntax trees.
    """
    found: dict[str, str] = {}
    waiting = set(files)
    while waiting:
        file = waiting.pop()
        syntax, used = _syntax(file)
        found[file.name if not file.is_relative_to(LIBRARY) else file.relative_to(LIBRARY).as_posix()] = syntax
        waiting |= {each for each in used if each.relative_to(LIBRARY).as_posix() not in found}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


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
        elif isinstance(node, ast.Import):  # import nas.x: whatever it has
            names = [alias.name.split(".") for alias in node.names]
            used |= {file for name in names if name[0] == "nas" for file in _all_of(name[1:2])}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nas."):
            _, *parts = str(node.module).split(".")
            used |= {place for alias in node.names for place in _places("/".join(parts), alias.name)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("nas."):
            used |= _all_of(node.value.split(".")[1:2])  # what import_module may take
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in packages:
            used |= set(_places(packages[node.value.id], node.attr))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(used)


def _all_of(package: list[str]) -> set[Path]:
    """The modules of a package, or of all packages."""
    return set(LIBRARY.joinpath(*package).glob("*.py" if package else "**/*.py"))


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
