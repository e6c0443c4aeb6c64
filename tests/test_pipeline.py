"""The graph: what dvc.yaml declares is what the code reads, and an edited parameter reruns what depends on it."""

import ast
import difflib
import inspect
import json
import re
import subprocess
import sys
import textwrap
from functools import cache
from importlib import import_module
from importlib.metadata import distributions
from itertools import product
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.hydra import apply_overrides
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from small import copy_tracked, dvc, environment_of

from commands import repro as repro_command
from stages import params
from stages.__main__ import MODELS

ROOT = Path(__file__).parent.parent
STAGES, LIBRARY = ROOT / "stages", ROOT / "nas"
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
DECLARED: dict[str, dict[str, Any]] = PIPELINE["stages"]
PARAMETERS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb") if path.stem != "explore")
# what a notebook reads of params.yaml by an attribute of its page; {} is its subject
OF_PAGE = {"datasets": ["datasets"], "networks": ["classifiers"], "settings": ["{}.figure"]}
OF_PAGE |= {"resampling": ["statistics", "seed"], "consistent_tau": ["claims.consistent_tau"]}
# host and domain, apart, so that this file holds no host
REGISTRIES = (("pypi", "org"), ("pythonhosted", "org"), ("anaconda", "org"))
LEVELS = ("superpixels", "saliency", "relevance")  # pages with intervals of their own

every_stage = pytest.mark.parametrize("name", DECLARED)
every_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS)


def script(name: str) -> Path:
    return STAGES / f"{'render' if name.startswith('render_') else name}.py"


def notebook_of(name: str) -> str | None:
    return name.removeprefix("render_") if name.startswith("render_") else None


def paths(entries: list[Any]) -> list[str]:
    """Paths of deps or outs, which may carry settings: {path: {cache: false}}."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def test_the_lock_names_no_stage_that_there_is_not():
    """DVC reads and writes all of it, in Python, after every stage."""
    with Repo(str(ROOT)) as repo:
        there = {stage.name for stage in repo.index.stages}
    assert set(yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]) == there


# Parameters


class Reading(ast.NodeVisitor):
    """The chains of attributes that start at a name `parameters`, or at one that a section of it was given.

    A chain ends at a value or, where a section is handed on as one, at the section.
    """

    def __init__(self, tree: ast.AST) -> None:
        self.aliases: dict[str, list[str]] = {"parameters": []}
        self.found: list[list[str]] = []
        self.own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | {"getattr", "hasattr"}
        self.visit(tree)

    def chain(self, node: ast.AST) -> list[str] | None:
        if isinstance(node, ast.Attribute):
            start = self.chain(node.value)
            return None if start is None else [*start, node.attr]
        return self.aliases.get(node.id) if isinstance(node, ast.Name) else None

    def visit_Assign(self, node: ast.Assign) -> None:
        (target,) = node.targets
        several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(target.elts, node.value.elts, strict=True) if several else [(target, node.value)]
        for name, value in pairs:
            chain = self.chain(value)
            if chain and isinstance(name, ast.Name) and isinstance(section_of(chain), dict):
                self.aliases[name.id] = chain
            else:
                self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        inside = isinstance(node.func, ast.Name) and node.func.id in self.own
        for child in ast.iter_child_nodes(node):
            if not (inside and isinstance(child, ast.Name) and child.id == "parameters"):
                self.visit(child)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = self.chain(node)
        if chain is None:
            self.generic_visit(node)
        else:
            self.found.append(chain)

    def visit_Name(self, node: ast.Name) -> None:
        chain = self.chain(node)
        assert chain != [], f"line {node.lineno}: all parameters are handed on, so that their keys cannot be followed"
        if chain and isinstance(node.ctx, ast.Load):
            self.found.append(chain)


def section_of(names: list[str]) -> Any:
    section: Any = PARAMETERS
    for name in names:
        section = section.get(name) if isinstance(section, dict) else None
    return section


def parameters_read(source: str) -> set[str]:
    """Keys of params.yaml that a script reads."""
    return {key for names in Reading(ast.parse(source)).found for key in keys_of(names)}


def keys_of(names: list[str]) -> list[str]:
    """The part of a chain that is a key of params.yaml; the rest is of the value, as in weights.files.get.

    Of a method of a section it is what the method reads of the section.
    """
    known = next(n for n in range(len(names), -1, -1) if section_of(names[:n]) is not None or names[:n] in NOTHING)
    model: Any = params.Parameters
    for name in names[:known]:
        model = getattr(model.model_fields.get(name), "annotation", None) if hasattr(model, "model_fields") else None
    method = vars(model).get(names[known]) if known < len(names) and hasattr(model, "model_fields") else None
    if method is not None:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(method))).body
        own = {n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self"}
        return [".".join([*names[:known], key]) for key in sorted(own)]
    assert known, f"parameters.{'.'.join(names)} is no key of params.yaml"
    return [".".join(names[:known])]


# keys whose value is null
NOTHING = [["download", "limit"], ["download", "train"], ["classes", "names"], ["superpixels", "tuned"]]


def test_reading_is_recognized():
    source = """
def main(parameters, name):
    settings, k = parameters.superpixels, parameters.ablation.clusters[0]
    files = parameters.weights.files.get(name)
    return numbers(parameters), settings.slic.model_dump(), other.parameters.seed
def numbers(parameters):
    given = parameters.activations
    return parameters.statistics.level, use(given), parameters.claims.alpha.real
"""
    expected = {"superpixels.slic", "ablation.clusters", "weights.files", "statistics.level", "activations",
                "claims.alpha"}  # fmt: skip
    assert parameters_read(source) == expected
    for unclear in ("other.f(parameters)", "alias = parameters", "parameters.unheard_of"):
        with pytest.raises(AssertionError):
            parameters_read(unclear)


@every_stage
def test_the_parameters_declared_are_those_read(name):
    read, declared = parameters_read(script(name).read_text()), set(DECLARED[name].get("params", []))
    if notebook := notebook_of(name):
        pages = re.findall(r"\bpage\.(\w+)", code_of(notebook))
        read |= {
            key.format(notebook) for attribute in ("datasets", "networks", *pages) for key in OF_PAGE.get(attribute, [])
        }

    if name == "report":  # it says what every figure was made with
        assert declared == set(PARAMETERS) - {"paper", "engine"}  # where it was made changes no byte
        return

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
def packages(package: str) -> frozenset[str]:
    """Packages of nas that a package imports, itself included, directly or not."""
    found, pending = {package}, [package]
    while pending:
        sources = [path.read_text() for path in (LIBRARY / pending.pop()).rglob("*.py")]
        more = {name for source in sources for name in imported(source)} - found
        found |= more
        pending += sorted(more)
    return frozenset(found)


def imported(source: str) -> set[str]:
    """Packages of nas that a piece of code imports itself."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [str(node.module)] if node.module != "nas" else [f"nas.{alias.name}" for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("nas.")}


def code_of(notebook: str) -> str:
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


@every_stage
def test_the_code_declared_is_the_script_the_notebook_and_the_packages_imported(name):
    notebook, deps = notebook_of(name), paths(DECLARED[name]["deps"])
    sources = [script(name).read_text(), *([code_of(notebook)] if notebook else [])]
    # stages/params.py only checks values, and every stage runs with nas.parameters: a new knob reruns nothing
    used = {each for source in sources for package in imported(source) for each in packages(package)} - {"parameters"}
    assert {dep for dep in deps if dep.startswith("nas/")} == {f"nas/{package}" for package in used}
    own = [str(script(name).relative_to(ROOT)), *([f"notebooks/{notebook}.ipynb"] if notebook else [])]
    assert [dep for dep in deps if dep.endswith((".py", ".ipynb"))] == own
    assert all(
        (ROOT / path).exists() for path in deps if path.startswith(("stages", "notebooks", "nas", "data/sample"))
    )


# Names


@every_stage
def test_a_stage_runs_the_script_of_its_name_over_its_matrix(name):
    stage = DECLARED[name]
    notebook = [notebook_of(name)] if notebook_of(name) else []
    assert stage["cmd"].split() == ["python", "-E", "-X", "utf8", "-m", "stages", script(name).stem, *notebook]
    _, *wanted = inspect.signature(import_module(f"stages.{script(name).stem}").main).parameters
    axes = ["network" if axis == "classifier" else axis for axis in stage.get("matrix", {})]
    assert wanted == (["name"] if notebook else axes) or name in ("convergence", "steps")
    assert stage.get("desc")


def test_every_script_has_a_stage():
    scripts = {path.stem for path in STAGES.glob("[!_]*.py")} - MODELS
    assert scripts == {script(name).stem for name in DECLARED}


def test_nothing_that_parameters_name_is_run_or_left_outside(tmp_path):
    """Names that a shell would run, and one that leaves the folder of data, in every field that names a stage."""
    folder = copy_tracked(tmp_path / "project")
    wrong = [
        "sample; touch made1",
        "$(touch made2)",
        "`touch made3`",
        "../../../outside",
        "a && touch made4",
        "|touch made5",
    ]
    for key, names in (("datasets", wrong[:3]), ("classifiers", wrong[4:]), ("classifiers", wrong[3:4])):
        (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
        edit(folder, key, names)
        command = [sys.executable, "-m", "dvc", "repro"]
        done = subprocess.run(command, cwd=folder, env=environment_of(folder), capture_output=True, text=True)
        assert done.returncode != 0
        for number, name in enumerate(names):  # DVC itself refuses a name that is a path
            assert "/" in name or f"params.yaml: {key}.{number} is {name!r}: " in done.stderr
    assert not list(tmp_path.rglob("made*")) and not list(tmp_path.rglob("outside*"))


@every_notebook
def test_every_notebook_has_a_stage_that_writes_its_page(notebook):
    assert f"reports/sections/{notebook}.html" in paths(DECLARED[f"render_{notebook}"]["outs"])


def test_everything_drawn_is_in_the_report():
    drawn = {
        out
        for stage in DECLARED.values()
        for out in paths(stage.get("outs", []))
        if Path(out).suffix in (".png", ".csv")
    }
    assert {str(Path(path).parent) for path in drawn} <= set(paths(DECLARED["report"]["deps"]))
    pictures = {path for path in paths(PIPELINE["plots"]) if path.endswith(".png")}
    assert pictures == {path for path in drawn if path.endswith(".png")}


@every_stage
def test_what_a_report_holds_persists_while_its_stage_runs_and_nothing_else(name):
    for out in [*DECLARED[name].get("outs", []), *DECLARED[name].get("metrics", [])]:
        path, settings = (out, {}) if isinstance(out, str) else next(iter(out.items()))
        assert settings.get("persist", False) == path.startswith("reports/")


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
    assert values == {"root": None, "output": None}


# Reruns

STUB = """
import secrets, sys
from pathlib import Path
name, *outs = sys.argv[1:]
if Path("fails").exists() and name.partition("@")[0] in Path("fails").read_text().split():
    sys.exit(1)
with Path("ran.txt").open("a") as file:
    file.write(name + "\\n")
for out in map(Path, outs):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f'"{secrets.token_hex()}"')
"""


REAL = ("own_photos", "own_weights", "choices")


@pytest.fixture(scope="module")
def graph(tmp_path_factory, tracked):
    """The pipeline with commands that only note their name and write something new: a folder in which it has run.

    Choices, on parts of which others depend, and what it is made of are as they are.
    """
    folder = tmp_path_factory.mktemp("graph")
    for path in tracked:
        if path.parts[0] in (".dvc", "stages", "nas", "notebooks", "data") or path.name in (
            "params.yaml",
            ".dvcignore",
            "requirements.lock",
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes((ROOT / path).read_bytes())
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    for name, stage in pipeline["stages"].items():
        axes = "".join(f"@${{item.{axis}}}" for axis in stage.get("matrix", {}))
        outs = [out for kind in ("outs", "metrics", "plots") for out in paths(stage.get(kind, []))]
        # of a folder of which others use parts, the parts
        outs = [part for out in outs for part in inside(out) or [out]]
        stage["cmd"] = f"python stub.py {name}{axes} {' '.join(outs) if name not in REAL else '&& ' + stage['cmd']}"
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    (folder / "stub.py").write_text(STUB)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    repro(folder)
    return folder


def inside(out: str) -> list[str]:
    """What stages use of a folder that one writes."""
    deps = {dep for stage in DECLARED.values() for dep in paths(stage["deps"])}
    return sorted(dep for dep in deps if dep.startswith(f"{out}/"))


def repro(folder: Path) -> set[str]:
    """Names of the stages that `dvc repro` runs, as in ablation@sample@mobilenet_v2."""
    (folder / "ran.txt").write_text("")
    dvc(folder, "repro")
    ran = (folder / "ran.txt").read_text().split()
    assert len(ran) == len(set(ran))
    return set(ran)


def changed(folder: Path) -> set[str]:
    """Names of the stages that `dvc repro` would run before all others, those of a matrix without their item."""
    with Repo(str(folder)) as repository:
        return {name.rpartition(":")[2].partition("@")[0] for name in repository.status()}


def items(name: str) -> dict[str, tuple[list[str], list[str]]]:
    """The runs of a stage, one for each item of its matrix, with what each reads and writes."""
    stage = DECLARED[name]
    outs = [out for kind in ("outs", "metrics", "plots") for out in paths(stage.get(kind, []))]
    axes = stage.get("matrix", {})
    found = {}
    for values in product(*(section_of(source[2:-1].split(".")) for source in axes.values())):
        item = dict(zip(axes, values, strict=True))

        def filled(entries: list[str], item: dict[str, str] = item) -> list[str]:
            chosen = [re.sub(r"\$\{item\.(\w+)\}", lambda axis: item[axis[1]], entry) for entry in entries]
            return [re.sub(r"\$\{(\w+)\[0\]\}", lambda key: PARAMETERS[key[1]][0], entry) for entry in chosen]

        found["@".join([name, *values])] = filled(paths(stage["deps"])), filled(outs)
    return found


def descendants(*starts: str) -> set[str]:
    """All runs that use, directly or not, what some runs, or all runs of a stage, write; these included."""
    runs = {run: places for name in DECLARED for run, places in items(name).items()}
    found = {run for run in runs for start in starts if run == start or run.partition("@")[0] == start}

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
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False, default_flow_style=True))


def test_nothing_runs_again_without_a_change(graph):
    (graph / "params.yaml").write_text((graph / "params.yaml").read_text() + "# a comment\n")
    assert repro(graph) == set()


EDITS = {
    "statistics.level": (0.9, ["statistics", "claims", *map("render_{}".format, LEVELS)]),
    "ablation.clusters": ([2, 3], ["ablation"]),
    "method.figure": ({"photo": "rocket"}, ["render_method"]),
    "localization.figure": ({"methods": ["rise"], "regions": ["raw"]}, ["render_localization"]),
    "saliency.parameters": ({"rise": {"n_masks": 9}}, ["saliency", "convergence"]),
    "superpixels.tuned": (None, ["superpixels"]),
    "claims.alpha": (0.1, ["claims"]),
    "download.mirror": ({"base": "http://localhost"}, ["choices"]),
    "weights.files": ({"mobilenet_v2": "mine.pth"}, ["own_weights", "choices"]),
}


@pytest.mark.parametrize("key", EDITS)
def test_an_edited_knob_changes_the_stages_that_read_it_and_no_more(graph, key):
    value, readers = EDITS[key]
    before = (graph / "params.yaml").read_text()
    edit(graph, key, value)
    try:
        assert changed(graph) == {*readers, "report"}  # which says what every figure was made with
    finally:
        (graph / "params.yaml").write_text(before)


def test_an_edited_package_changes_the_stages_that_use_it(graph):
    module = graph / "nas/report/style.py"
    before = module.read_text()
    module.write_text(before + "\n")
    try:
        using = {name for name, stage in DECLARED.items() if "nas/report" in paths(stage["deps"])}
        assert using == {*(f"render_{notebook}" for notebook in NOTEBOOKS), "report"} == changed(graph)
    finally:
        module.write_text(before)


def test_a_figure_alone_needs_no_computation(graph):
    edit(graph, "ablation.figure.photo", "rocket")
    assert repro(graph) == {"render_ablation", "report"}


def test_what_belongs_to_one_network_reruns_that_one_and_what_follows(graph):
    edit(graph, "activations.depths", {"mobilenet_v2": {n: f"features.{n + 2}" for n in range(5)}})
    ran = repro(graph)
    assert ran == descendants("weights@mobilenet_v2", "activations@sample@mobilenet_v2") | {"choices"}
    assert "activations@sample@efficientnet_lite0" not in ran and "ablation@sample@mobilenet_v2" in ran


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("superpixels.clusters=6", "clusters: 6"),
        ("saliency.parameters.rise.n_masks=9", "rise: {n_masks: 9}"),
        ("classes.names=[bird,dog]", "names: [bird, dog]"),
        ("ablation.depths=[[4],[2,3]]", "depths: [[4], [2, 3]]"),
        ("superpixels.tuned=null", "tuned: null"),
    ],
)
def test_dvc_sets_a_value_in_its_line_and_keeps_every_comment(tmp_path, monkeypatch, override, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/any.py"])
    before = (ROOT / "params.yaml").read_text()
    Path("params.yaml").write_text(before)
    apply_overrides("params.yaml", [override])
    params.run(lambda parameters: None)
    changed = [each for each in difflib.ndiff(before.splitlines(), Path("params.yaml").read_text().splitlines())
               if each[0] in "-+" and each[1:].strip()]  # fmt: skip
    assert [each[1:].split("#")[0].strip() for each in changed if each[0] == "+"] == [line]
    assert len(changed) == 2 and changed[0].partition("#")[2] == changed[1].partition("#")[2]


# Failures

# a stage of each kind: of one data set, of a network, of both, of all, of the first pair, of the report
FAILING = ["download", "weights", "superpixels", "statistics", "convergence", "claims", "render_ablation", "report"]


@pytest.mark.parametrize("name", FAILING)
def test_a_stage_that_fails_leaves_everything_as_it_was(graph, name):
    before = files_of(graph)
    assert {"reports/provenance.json", "reports/claims.json", "reports/tables/table1.md"} <= before.keys()
    item = next(iter(items(name))).replace("@", " ", 1).replace("@", "-").replace(" ", "@")
    (graph / "fails").write_text(name)
    try:
        command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", item]
        done = subprocess.run(command, cwd=graph, env=environment_of(graph), capture_output=True, text=True)
    finally:
        (graph / "fails").unlink()
    assert done.returncode != 0 and "failed to reproduce" in done.stderr, done.stdout
    left = files_of(graph)
    lost = {path for path in before if left.get(path) != before[path]}
    assert lost == set() or all(path.startswith("data/") for path in lost)  # what git tracks is there in any case
    assert bool(lost) == (name not in ("claims", "render_ablation", "report"))
    dvc(graph, *repro_command.RESTORE)
    assert files_of(graph) == before


def files_of(folder: Path) -> dict[str, bytes]:
    """Content of all files of data and the report."""
    files = [path for name in ("data", "reports") for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# Files outside


def test_a_file_of_the_users_that_changes_under_its_name_is_another_input(graph, tmp_path):
    own, photo = tmp_path / "mine.pth", tmp_path / "photos/cat.png"
    photo.parent.mkdir()
    edit(graph, "weights.files", {"mobilenet_v2": str(own)})
    edit(graph, "download.root", {"folder": str(photo.parent)})
    edit(graph, "datasets", ["folder", "sample"])
    ran = []
    for files, content in (((own, photo), "1"), ((own, photo), "22"), ((), "")):
        for file in files:
            file.write_text(content)
        (graph / "ran.txt").write_text("")
        dvc(graph, "repro", "download@folder", "download@sample", "weights@mobilenet_v2")
        ran.append(set((graph / "ran.txt").read_text().split()))
    always = {"own_photos@folder", "own_weights@mobilenet_v2"}
    assert ran == [*[always | {"choices", "download@folder", "weights@mobilenet_v2"}] * 2, always]


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


def test_the_locked_requirements_are_all_that_they_need():
    """pip would refuse the lock; here, where everything is installed, nothing else would tell."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {canonicalize_name(re.split(r"[=\[]", line)[0]) for line in lines if "==" in line}
    lacking = {
        f"{name} needs {needed.name}"
        for name in locked
        for found in distributions(name=name)
        for needed in map(Requirement, found.requires or [])
        if (needed.marker is None or needed.marker.evaluate({"extra": ""}))
        and canonicalize_name(needed.name) not in locked
    }
    assert lacking == set()
