"""The graph: what dvc.yaml declares is what the code reads, and an edited parameter reruns what depends on it."""

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = ROOT / "stages"
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
DECLARED: dict[str, dict[str, Any]] = PIPELINE["stages"]
PARAMETERS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
# stages/params.py only checks values, so that adding a parameter reruns nothing
NOT_DECLARED = {STAGES / "params.py"}
# imports on first use, by others' names, so that it makes nothing depend on everything
NOT_FOLLOWED = {STAGES / "nas" / "__init__.py"}
# host and domain, apart, so that this file holds no host
REGISTRIES = (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"))

# a stage of the first data set and network only
FIRST = ["${datasets[0]}", "${classifiers[0]}"]

# scripts for a person to run, which write nothing that a stage makes
TOOLS = {"tag", "paper"}

every_stage = pytest.mark.parametrize("name", DECLARED)
every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS)


def script(name: str) -> Path:
    return STAGES / f"{'render' if name.startswith('render_') else name}.py"


def notebook_of(name: str) -> str | None:
    return name.removeprefix("render_") if name.startswith("render_") else None


def paths(entries: list[Any]) -> list[str]:
    """Paths of deps or outs, which may carry settings: {path: {cache: false}}."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


# Parameters


def parameters_read(source: str) -> set[str]:
    """Keys of params.yaml that a script reads: the chains of attributes that start at a name `parameters`.

    A chain ends at a value or, where a section is handed on as one, at the section.
    """
    chains: dict[ast.AST, list[str]] = {}
    inner: set[ast.AST] = set()
    tree = ast.parse(source)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names, root = [node.attr], node.value
            inner.add(root)
            while isinstance(root, ast.Attribute):
                names, root = [root.attr, *names], root.value
            if isinstance(root, ast.Name) and root.id == "parameters":
                chains[node] = names
                inner.add(root)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in own | {"getattr", "hasattr"}
        ):
            inner |= {argument for argument in node.args if isinstance(argument, ast.Name)}
    whole = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "parameters" and n not in inner]
    assert not whole, f"line {whole[0].lineno}: all parameters are handed on, so that their keys cannot be followed"
    return {key_of(names) for node, names in chains.items() if node not in inner}


def key_of(names: list[str]) -> str:
    """The part of a chain that is a key of params.yaml; the rest is of the value, as in weights.files.get."""
    found, section = [], PARAMETERS
    for name in names:
        if not isinstance(section, dict) or name not in section:
            break
        found.append(name)
        section = section[name]
    assert found, f"parameters.{'.'.join(names)} is no key of params.yaml"
    return ".".join(found)


def test_reading_is_recognized():
    source = """
def main(parameters, name):
    settings, k = parameters.superpixels, parameters.ablation.clusters[0]
    files = parameters.weights.files.get(name)
    return numbers(parameters), parameters.superpixels.slic.model_dump(), other.parameters.seed
def numbers(parameters):
    return parameters.statistics.level
"""
    expected = {"superpixels", "ablation.clusters", "weights.files", "superpixels.slic", "statistics.level"}
    assert parameters_read(source) == expected
    for unclear in ("other.f(parameters)", "alias = parameters", "parameters.unheard_of"):
        with pytest.raises(AssertionError):
            parameters_read(unclear)


@every_stage
def test_the_parameters_declared_are_those_read(name):
    read, declared = parameters_read(script(name).read_text()), set(DECLARED[name].get("params", []))
    notebook = notebook_of(name)
    if notebook in PARAMETERS:  # render.py hands the section of its notebook's name to it
        read.add(notebook)

    def within(key: str, section: str) -> bool:
        return key == section or key.startswith(f"{section}.")

    undeclared = {key for key in read if not any(within(key, section) for section in declared)}
    in_vain = {section for section in declared if not any(within(key, section) for key in read)}
    assert (undeclared, in_vain) == (set(), set())
    for section in declared - read:
        few = [key for key in read if within(key, section)]
        assert len(few) > 1, f"{section} is declared as a whole, but only {few[0]} is read: declare that"


# Code


@cache
def modules(path: Path) -> frozenset[Path]:
    """Files of stages/ that a script, or the code cells of a notebook, imports itself."""
    source = code_of(path) if path.suffix == ".ipynb" else path.read_text()
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not followed"
            names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    places = [STAGES / name.replace(".", "/") for name in names]
    found = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return frozenset(file for file in found if file.is_file())


def code_of(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def closure(*starts: Path) -> set[Path]:
    """The files of stages/ that are loaded with the given ones, packages included."""
    seen: set[Path] = set()
    pending = list(starts)
    while pending:
        path = pending.pop()
        if path in seen or path in NOT_DECLARED:
            continue
        seen.add(path)
        packages = {parent / "__init__.py" for parent in path.parents if parent.is_relative_to(STAGES)}
        pending += [package for package in packages if package.is_file()]
        pending += [] if path in NOT_FOLLOWED else modules(path)
    return seen


@every_stage
def test_the_code_declared_is_the_code_imported(name):
    starts = [script(name)]
    if notebook := notebook_of(name):
        starts.append(ROOT / "notebooks" / f"{notebook}.ipynb")
    imported = {str(path.relative_to(ROOT)) for path in closure(*starts)}
    deps = paths(DECLARED[name]["deps"])
    assert sorted(path for path in deps if path.endswith((".py", ".ipynb"))) == sorted(imported)
    assert ("stages/templates" in deps) == ("stages/pages.py" in imported)
    assert all((ROOT / path).exists() for path in deps if path.startswith(("stages", "notebooks", "data/sample")))


# Names


@every_stage
def test_a_stage_runs_the_script_of_its_name_over_its_matrix(name):
    stage = DECLARED[name]
    command, path, *arguments = stage["cmd"].split()
    assert (command, path) == ("python", str(script(name).relative_to(ROOT)))
    expected = [notebook_of(name)] if notebook_of(name) else [f"${{item.{axis}}}" for axis in stage.get("matrix", {})]
    assert arguments in (expected, expected or FIRST)
    assert stage.get("desc")


def test_every_script_has_a_stage():
    scripts = {path.stem for path in STAGES.glob("*.py") if '__name__ == "__main__"' in path.read_text()}
    assert scripts - TOOLS == {script(name).stem for name in DECLARED}


@every_notebook
def test_every_notebook_has_a_stage_that_writes_its_page(notebook):
    assert f"reports/site/{notebook}.html" in paths(DECLARED[f"render_{notebook}"]["outs"])


def test_everything_drawn_is_in_the_report():
    drawn = {
        out
        for stage in DECLARED.values()
        for out in paths(stage.get("outs", []))
        if Path(out).suffix in (".png", ".csv")
    }
    assert {path for path in paths(DECLARED["report"]["deps"]) if Path(path).suffix in (".png", ".csv")} == drawn
    pictures = {path for path in paths(PIPELINE["plots"]) if path.endswith(".png")}
    assert pictures == {path for path in drawn if path.endswith(".png")}


# Notebooks


@every_notebook
def test_a_notebook_is_stored_without_results(notebook):
    stored = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text())
    nbformat.validate(stored)
    code = [cell for cell in stored["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert stored["metadata"]["kernelspec"]["name"] == "python3"


@every_notebook
def test_a_notebook_declares_its_parameters_one_per_line(notebook):
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    statements, lines = ast.parse(cell.source).body, cell.source.splitlines()
    assert len(statements) == len(lines)
    values = {ast.unparse(statement.targets[0]): ast.literal_eval(statement.value) for statement in statements}
    assert set(values) == {"root", "output", "datasets", "classifiers", *PARAMETERS.get(notebook, {})}
    assert Path(ROOT, "notebooks", values["root"]).resolve() == ROOT


# Reruns

STUB = """
import secrets, sys
from pathlib import Path
name, *outs = sys.argv[1:]
with Path("ran.txt").open("a") as file:
    file.write(name + "\\n")
for out in map(Path, outs):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(secrets.token_hex() if out.suffix != ".json" else "{}")
"""


@pytest.fixture(scope="module")
def graph(tmp_path_factory, tracked):
    """The pipeline with commands that only note their name and write something new: a folder, and its `dvc repro`."""
    folder = tmp_path_factory.mktemp("graph")
    for path in tracked:
        if path.parts[0] in (".dvc", "stages", "notebooks", "data") or path.name == "params.yaml":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes((ROOT / path).read_bytes())
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    for name, stage in pipeline["stages"].items():
        axes = "".join(f"@${{item.{axis}}}" for axis in stage.get("matrix", {}))
        outs = [out for kind in ("outs", "metrics", "plots") for out in paths(stage.get(kind, []))]
        stage["cmd"] = f"python stub.py {name}{axes} {' '.join(outs)}"
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    (folder / "stub.py").write_text(STUB)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    repro(folder)
    return folder


def repro(folder: Path) -> set[str]:
    """Names of the stages that `dvc repro` runs, as in ablation@sample@mobilenet_v2."""
    (folder / "ran.txt").write_text("")
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = (folder / "ran.txt").read_text().split()
    assert len(ran) == len(set(ran))
    return set(ran)


def items(name: str) -> dict[str, tuple[list[str], list[str]]]:
    """The runs of a stage, one for each item of its matrix, with what each reads and writes."""
    stage = DECLARED[name]
    outs = [out for kind in ("outs", "metrics", "plots") for out in paths(stage.get(kind, []))]
    axes = stage.get("matrix", {})
    found = {}
    for values in product(*(PARAMETERS[source[2:-1]] for source in axes.values())):
        item = dict(zip(axes, values, strict=True))

        def filled(entries: list[str], item: dict[str, str] = item) -> list[str]:
            chosen = [re.sub(r"\$\{item\.(\w+)\}", lambda axis: item[axis[1]], entry) for entry in entries]
            return [re.sub(r"\$\{(\w+)\[0\]\}", lambda key: PARAMETERS[key[1]][0], entry) for entry in chosen]

        found["@".join([name, *values])] = filled(paths(stage["deps"])), filled(outs)
    return found


def descendants(*names: str) -> set[str]:
    """All runs that use, directly or not, what the runs of some stages write."""
    runs = {run: places for name in DECLARED for run, places in items(name).items()}
    found = {run for name in names for run in items(name)}

    def overlap(dep: str, out: str) -> bool:
        shorter, longer = sorted((Path(dep), Path(out)), key=lambda path: len(path.parts))
        return longer.is_relative_to(shorter)

    while True:
        written = [out for run in found for out in runs[run][1]]
        more = {run for run, (deps, _) in runs.items() if any(overlap(dep, out) for dep in deps for out in written)}
        if more <= found:
            return found
        found |= more


def edit(folder: Path, key: str, value: Any) -> None:
    parameters = yaml.safe_load((folder / "params.yaml").read_text())
    *sections, last = key.split(".")
    section = parameters
    for name in sections:
        section = section[name]
    assert section[last] != value
    section[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters))


def test_nothing_runs_again_without_a_change(graph):
    (graph / "params.yaml").write_text((graph / "params.yaml").read_text() + "# a comment\n")
    assert repro(graph) == set()


def test_an_edited_ablation_reruns_the_ablation_its_notebook_and_the_report(graph):
    edit(graph, "ablation.clusters", [2, 3])
    ran = repro(graph)
    assert ran == descendants("ablation")
    stages = {run.partition("@")[0] for run in ran}
    assert {"ablation", "render_depths", "report"} <= stages
    assert not stages & {"download", "weights", "activations", "superpixels", "render_segmentations", "render_method"}


def test_an_edited_photo_of_a_figure_draws_that_figure_and_the_report(graph):
    edit(graph, "method.photo", "rocket")
    assert repro(graph) == {"render_method", "report"}


def test_an_edited_module_reruns_the_stages_that_import_it(graph):
    module = "stages/nas/plots/schematic.py"
    with (graph / module).open("a") as file:
        file.write("\n")
    importing = [name for name, stage in DECLARED.items() if module in paths(stage["deps"])]
    assert "render_method" in importing
    assert repro(graph) == descendants(*importing)


# Traces of a machine


def test_no_file_names_a_path_of_this_machine_or_a_registry(tracked):
    local = [path for path in (ROOT, Path.home()) if len(path.parts) > 2]
    patterns = [rf"{re.escape(str(path))}(?![\w.-])" for path in local]
    patterns += [rf"(?<![\w.])/{folder}/\w" for folder in ("home", "Users", "root", "workspace")]
    patterns += [rf"\b{registry}[.]{domain}\b" for registry, domain in REGISTRIES]
    configured = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    patterns += [re.escape(url) for url in re.findall(r"\w+://[^\s']+", configured)]
    found = [
        f"{path}: {match[0].decode(errors='replace')}"
        for path in tracked
        for pattern in patterns
        for match in re.finditer(pattern.encode(), (ROOT / path).read_bytes())
    ]
    assert found == []


def test_the_locked_requirements_are_names_versions_and_hashes():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    allowed = r"\s*#.*|[\w.\[\],-]+==[\w.+!]+( ;.*)? \\|\s+--hash=sha256:[0-9a-f]{64}( \\)?|"
    assert [line for line in lines if not re.fullmatch(allowed, line)] == []
