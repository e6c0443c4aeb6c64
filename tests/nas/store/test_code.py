"""What of a library made up here counts as its code."""

import re
import tomllib

import numpy as np
import pytest

from nas.store import code
from nas.store.code import code_of, file_of

STUB = "from .areas import area, perimeter\nfrom .lines import length\n\n__all__ = ['area', 'length', 'perimeter']\n"
MODULES = {
    "nas/__init__.py": "",
    "nas/shapes/__init__.py": "attach()\n",
    "nas/shapes/__init__.pyi": STUB,
    "nas/shapes/areas.py": "from nas.shapes.helping import square\n\n\ndef area(x):\n    return square(x)\n",
    "nas/shapes/helping.py": "def square(x):\n    return x * x\n",
    "nas/shapes/lines.py": "def length(x):\n    return x\n",
    "nas/paints/__init__.py": "",
    "nas/paints/mixing.py": 'import importlib\n\n\ndef mix(x):\n    return importlib.import_module(f"nas.dyes.{x}")\n',
    "nas/dyes/__init__.py": "",
    "nas/dyes/red.py": "from nas.dyes.shades import dark\n\nVALUE = dark(1)\n",
    "nas/dyes/shades.py": "def dark(x):\n    return x / 2\n",
}
SCRIPTS = {
    "name of a package": "from nas import shapes\n\nprint(shapes.area(1))\n",
    "package by another name": "from nas import shapes as s\n\nprint(s.area(1))\n",
    "name that a package shows": "from nas.shapes import area\n\nprint(area(1))\n",
    "module of a package": "from nas.shapes import areas\n\nprint(areas.area(1))\n",
    "name in a module": "from nas.shapes.areas import area\n\nprint(area(1))\n",
    "module of a package by its name": "from nas import shapes\n\nprint(shapes.areas.area(1))\n",
    "inside a function": "def main():\n    from nas.shapes import area\n    print(area(1))\n",
}
PAINTING = "from nas.paints.mixing import mix\n\nprint(mix('red'))\n"
AREAS = MODULES["nas/shapes/areas.py"]


@pytest.fixture
def fingerprint(tmp_path, monkeypatch):
    """A function from the text of a script and changed modules of the library to the fingerprint of the script."""
    monkeypatch.setattr(code, "LIBRARY", tmp_path / "nas")

    def take(script, changed=()):
        for name, text in (MODULES | {"script.py": script} | dict(changed)).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        code._syntax.cache_clear()
        code._public.cache_clear()
        code_of.cache_clear()
        return code_of(frozenset([tmp_path / "script.py"]))

    yield take
    code._syntax.cache_clear()
    code._public.cache_clear()
    code_of.cache_clear()


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_code_that_is_used_directly_or_not_counts_and_other_code_does_not(fingerprint, script):
    before = fingerprint(script)
    for name, text in (
        ("nas/shapes/areas.py", AREAS.replace("square(x)", "square(x) + 1")),
        ("nas/shapes/helping.py", "def square(x):\n    return x**2\n"),
    ):
        assert fingerprint(script, {name: text}) != before
    for name in ("nas/shapes/lines.py", "nas/paints/mixing.py", "nas/dyes/red.py", "nas/new.py"):
        assert fingerprint(script, {name: "x = 2\n"}) == before
    assert fingerprint(script) == before


@pytest.mark.parametrize(
    "text",
    [
        f"# a comment\n{AREAS}  # another\n",
        f'"""What it is for."""\n\n{AREAS}',
        AREAS.replace("    return", '    """The area."""\n    return'),
        AREAS.replace("    return square(x)", "\n    return square(\n        x,\n    )\n"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(fingerprint, text):
    script = SCRIPTS["name of a package"]
    before = fingerprint(script)
    assert text != AREAS and fingerprint(script, {"nas/shapes/areas.py": text}) == before
    commented = "# a comment\n" + script.replace("shapes.area(1)", "shapes.area( 1 )")
    assert fingerprint(f'"""A script."""\n{commented}') == before


def test_a_text_that_is_no_docstring_counts(fingerprint):
    one, two = (AREAS.replace("    return", f"    y = '{text}'\n    return") for text in ("one", "two"))
    script = SCRIPTS["name in a module"]
    assert fingerprint(script, {"nas/shapes/areas.py": one}) != fingerprint(script, {"nas/shapes/areas.py": two})


def test_a_changed_script_counts(fingerprint):
    script = SCRIPTS["name of a package"]
    assert fingerprint(script) != fingerprint(script.replace("(1)", "(2)"))


def test_a_name_that_a_package_shows_from_elsewhere_is_other_code(fingerprint):
    script = SCRIPTS["name that a package shows"]
    before, moved = fingerprint(script), {"nas/shapes/__init__.pyi": STUB.replace("areas", "lines")}
    assert fingerprint(script, moved) != before
    assert fingerprint(script, moved | {"nas/shapes/areas.py": "x = 2\n"}) == fingerprint(script, moved)
    assert fingerprint(script, moved | {"nas/shapes/lines.py": "x = 2\n"}) != fingerprint(script, moved)


def test_all_modules_of_a_package_that_a_text_names_count(fingerprint):
    before = fingerprint(PAINTING)
    for name in ("nas/dyes/red.py", "nas/dyes/shades.py", "nas/dyes/new.py"):
        assert fingerprint(PAINTING, {name: "VALUE = 2\n"}) != before
    (code.LIBRARY / "dyes" / "new.py").unlink()
    assert fingerprint(PAINTING) == before
    assert fingerprint(PAINTING, {"nas/shapes/areas.py": "x = 2\n"}) == before


def test_a_package_that_is_imported_whole_counts_whole(fingerprint):
    script = "import nas.shapes as shapes\n\nprint(shapes.area(1))\n"
    before = fingerprint(script)
    assert fingerprint(script, {"nas/shapes/lines.py": "x = 2\n"}) != before
    assert fingerprint(script, {"nas/dyes/red.py": "x = 2\n"}) == fingerprint(script)
    whole = "import nas\n\nprint(nas.shapes.area(1))\n"
    before = fingerprint(whole)
    assert fingerprint(whole, {"nas/dyes/red.py": "x = 3\n"}) != before


def test_the_files_of_functions_and_classes_are_found():
    assert file_of(code_of) == file_of(code.versions) == code.LIBRARY / "store" / "code.py"
    assert file_of(len) is None


def test_versions_are_those_of_the_libraries_that_make_numbers(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needed = {re.split("[><=]", each)[0] for each in project["dependencies"]}
    assert set(code.LIBRARIES) <= needed
    drawing = {"jinja2", "lazy-loader", "matplotlib", "seaborn", "tqdm"}
    files = {"pyarrow", "pyyaml", "requests", "safetensors", "threadpoolctl", "urllib3"}
    assert needed - set(code.LIBRARIES) == drawing | files
    assert code.versions()["numpy"] == np.__version__


def test_the_files_of_this_library_are_found_by_their_packages():
    engine_file = code.LIBRARY / "store" / "engine.py"
    assert set(code._places("store", "sha256_of")) == {code.LIBRARY / "store" / "files.py"}
    assert code._places("store", "engine") == [engine_file]
    used = code._syntax(engine_file)[1]
    assert {file.stem for file in used} == {"cluster", "files", "kept_work", "processes", "progress", "shards"}
