"""The house: rooms of the library, their size and order, what it takes to add something, and tests that mirror it."""

import ast
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from small import copy_tracked

from nas.data import catalogue
from nas.networks.classifier import Classifier
from nas.networks.descriptions import build, find_network
from nas.saliency import explain
from nas.saliency.methods import METHODS, Method
from stages.__main__ import MODELS

ROOT = Path(__file__).parent.parent
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "nas").rglob("*.py"))
STAGES = sorted(path.relative_to(ROOT) for path in (ROOT / "stages").glob("*.py"))
COMMANDS = sorted(path.relative_to(ROOT) for path in (ROOT / "commands").glob("*.py"))
# packages whose modules are imported by name: one module for each figure and table
OPEN = ("nas.report.figures", "nas.report.tables")


def mirrored(folder: str, modules: list[Path]) -> tuple[set[Path], set[Path]]:
    """The tests that there should be of some modules, and those that there are below a folder."""
    expected = {Path("tests", path.parent, f"test_{path.name}") for path in modules if path.stem != "__init__"}
    return expected, {path.relative_to(ROOT) for path in (ROOT / "tests" / folder).rglob("test_*.py")}


def test_every_module_has_its_tests_and_no_tests_are_of_none():
    expected, found = mirrored("nas", MODULES)
    assert (sorted(expected - found), sorted(found - expected)) == ([], [])
    expected, found = mirrored("stages", [path for path in STAGES if path.stem != "shipped"])
    assert (sorted(expected - found), sorted(found - expected)) == ([], [])
    expected, found = mirrored("commands", COMMANDS)
    assert (sorted(expected - found), sorted(found - expected)) == ([], [])


def test_no_script_module_or_function_is_long():
    limits = {path: 300 for path in (*MODULES, *COMMANDS)}
    limits |= {path: 300 if path.stem in MODELS else 120 for path in STAGES}
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in limits}
    assert {str(path): n for path, n in lengths.items() if n > limits[path]} == {}
    functions = {
        f"{path}: {node.name}": node.end_lineno - node.lineno + 1
        for path in limits
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: n for name, n in functions.items() if n > 60} == {}


def test_a_package_is_entered_by_its_front_door():
    """What one package uses of another one is what that one exports."""
    wrong = []
    for path in (*MODULES, *STAGES, *COMMANDS):
        own = path.parts[1] if path.parts[0] == "nas" else ""
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nas."):
                package, *inner = node.module.split(".")[1:]
                if package != own and inner and not node.module.startswith(OPEN):
                    wrong.append(f"{path}:{node.lineno}: from {node.module}")
    assert wrong == []


def test_the_library_and_its_packages_can_be_imported_from_any_folder(tmp_path):
    packages = sorted({path.parts[1] for path in MODULES if len(path.parts) > 2})
    code = f"""
import nas
for name in {packages}:
    package = getattr(nas, name)
    found = [getattr(package, each) for each in package.__all__]
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_needs_no_network_imports_no_torch():
    script = (
        "import sys, stages.claims, stages.params, stages.report, stages.statistics;"
        "from nas import claims, report; claims.Measuring, report.make_site;"
        "stages.statistics.subjects(stages.params.read(architectures=False));"
        "print([name for name in ('torch', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_each_subject_has_one_name():
    """Section of params.yaml, stage, notebook, and package where there is one."""
    params = re.findall(r"^(\w+):", (ROOT / "params.yaml").read_text(), re.MULTILINE)
    figures = re.findall(r"^(\w+):(?:\n(?:  .*)?)*?\n  figure:", (ROOT / "params.yaml").read_text(), re.MULTILINE)
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} - {"explore"}
    stages, packages = {path.stem for path in STAGES}, {path.parts[1] for path in MODULES if len(path.parts) > 2}
    assert set(figures) <= notebooks & set(params)
    assert set(figures) - {"method"} <= stages
    assert packages & stages <= set(params) | {"claims", "statistics", "report"}


def run_in(folder: Path, notebook: Path) -> subprocess.CompletedProcess[str]:
    code = """
import sys, nbclient, nbformat
nbclient.NotebookClient(nbformat.read(sys.argv[1], as_version=4)).execute()
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", code, str(notebook)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_notebook_finds_the_project_around_its_own_folder_with_the_plain_kernel(tmp_path):
    folder = copy_tracked(tmp_path / "project")
    cells = nbformat.read(folder / "notebooks/method.ipynb", as_version=4).cells
    book = nbformat.v4.new_notebook(cells=[cell for cell in cells if cell.cell_type == "code"][:2])
    book.cells.append(nbformat.v4.new_code_cell("print(page.datasets, page.output)\nassert page.settings['photo']"))
    nbformat.write(book, folder / "notebooks/own.ipynb")
    before = {path for path in folder.rglob("*") if path.is_file()}
    done = run_in(folder / "notebooks", folder / "notebooks/own.ipynb")
    assert done.returncode == 0, done.stderr
    more = {path for path in folder.rglob("*") if path.is_file()} - before
    assert all("scratch" in path.parts or ".ipynb_checkpoints" in path.parts for path in more)


# What it takes to add something

METHOD = '''
"""A made-up method: the input itself."""


def brightness(classifier, x, target, *, batch_size):
    return x.mean(dim=1)
'''


def test_a_method_is_one_function_and_one_entry(monkeypatch, tmp_path):
    (tmp_path / "made_up.py").write_text(METHOD)
    monkeypatch.setattr("nas.saliency.__path__", [*sys.modules["nas.saliency"].__path__, str(tmp_path)])
    like = METHODS["gradient"]
    entry = dataclasses.replace(like, title="Brightness", place="made_up.brightness")
    monkeypatch.setitem(METHODS, "brightness", entry)
    assert isinstance(entry, Method)
    network = find_network("mobilenet_v2")
    classifier, x = Classifier("mobilenet_v2", build(network), network), torch.rand(2, 3, 32, 32)
    found = explain(classifier, x, torch.tensor([0, 1]), "brightness")
    assert torch.allclose(found, x.mean(dim=1))


def test_a_data_set_is_one_file_and_one_page(tmp_path, monkeypatch):
    source = (ROOT / "nas/data/datasets/folder.py").read_text()
    (tmp_path / "made_up.py").write_text(source)
    package = sys.modules["nas.data.datasets"]
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert "made_up" in catalogue.find_datasets()
    assert {path.stem for path in (ROOT / "docs/datasets").glob("*.md")} >= set(catalogue.DATASETS)
    table = (ROOT / "docs/datasets/README.md").read_text()
    assert [name for name in catalogue.DATASETS if f"[`{name}`]({name}.md)" not in table] == []


def test_the_layers_of_the_library_are_kept():
    pytest.importorskip("importlinter")
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
