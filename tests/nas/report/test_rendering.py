"""Notebooks made up here: run, rendered, refused."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from nas.report.pages import MARK, PLACE, filled
from nas.report.rendering import body, check, execute, render
from nas.report.writing import FORMATS
from nas.store.files import write_json

DECLARED = "root = None\noutput = None"
DRAWING = """
from pathlib import Path
import numpy as np, pandas as pd
from matplotlib import pyplot as plt
from IPython.display import Image, Markdown
from nas.report import style
from nas.report.writing import write_printed

table = pd.DataFrame({"data set": ["sample"], "a_b": "1 & 2"})
write_printed(table, Path(output, "tables", "table7"), "A table")
style.use()
figure, axes = plt.subplots()
axes.plot(np.arange(3), label="line")
axes.legend()
Image(style.save(figure, "A  figure", Path(output, "figures", "figure7")))
"""
PLAIN = """
from pathlib import Path
Path(output, "figures").mkdir()
Path(output, "figures", "figure7.png").write_bytes(b"a figure")
"""
MADE = [f"figures/figure7.{kind}" for kind in ("png", "pdf", "svg", "txt")]
MADE += [f"tables/table7{ending}" for ending in FORMATS]
FAILING = """
from pathlib import Path
Path(output, "figures").mkdir()
Path(output, "figures", "figure7.png").write_bytes(b"half of it")
raise KeyError("no such photo:\\n  'rocket'")
"""


@pytest.fixture
def project(tmp_path, root):
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    (tmp_path / "stages").symlink_to(root / "stages")
    declare(tmp_path, "tiny", MADE)
    return tmp_path


def declare(project, name, outs):
    """Say in dvc.yaml what the stage of a notebook makes."""
    outs = [{f"reports/{out}": {"cache": False, "persist": True}} for out in outs]
    stage = {"cmd": "none", "outs": [*outs, {f"reports/sections/{name}.html": {"persist": True}}]}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {f"render_{name}": stage}}))


def write_notebook(project, subject, *cells, declared=DECLARED, **kernel):
    parameters = new_code_cell(declared, metadata={"tags": ["parameters"]})
    notebook = new_notebook(
        cells=[new_markdown_cell(f"# The <title> of {subject}"), parameters, *map(new_code_cell, cells)]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"} | kernel
    (project / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, project / "notebooks" / f"{subject}.ipynb")


def run(project, name):
    return subprocess.run([sys.executable, "-m", "stages", "render", name], cwd=project, capture_output=True, text=True)


def reports(project):
    files = {path.relative_to(project / "reports").as_posix(): path for path in (project / "reports").rglob("*.*")}
    return {name: path.read_bytes() for name, path in files.items() if name != "timings.json"}


def test_a_notebook_gives_the_same_page_figures_and_tables_each_time(project):
    write_notebook(project, "tiny", DRAWING, "table", "print('secret' * 0)")
    results = []
    for _ in range(2):
        done = run(project, "tiny")
        assert done.returncode == 0, done.stderr
        results.append(reports(project))
    assert results[0] == results[1]

    assert set(results[0]) == {*MADE, "sections/tiny.html"}
    assert results[0]["figures/figure7.txt"] == b"A figure\n"
    assert results[0]["tables/table7.csv"] == b"data set,a_b\nsample,1 & 2\n"
    page = results[0]["sections/tiny.html"].decode()
    picture = base64.b64encode(results[0]["figures/figure7.png"]).decode()
    assert picture in page.replace("\n", "")
    assert page.count("<td") == 2 and "1 &amp; 2" in page
    assert "<h1>The" in page
    assert "plt.subplots" not in page and str(project) not in page
    assert not (project / "data" / "scratch" / "render" / "tiny").exists()


def shown(metadata, **data):
    return new_output("display_data", data, metadata=metadata)


def test_parts_of_the_report_have_their_places_in_what_a_notebook_says():
    outputs = [
        shown({MARK: {"part": "figure4"}}, **{"image/png": "aGlkZGVu"}),
        shown({MARK: {}}, **{"text/html": "<p>its caption</p>"}),
        shown({}, **{"text/html": "<p>a note</p>"}),
    ]
    notebook = new_notebook(cells=[new_markdown_cell("# A title"), new_code_cell("1 + 1", outputs=outputs)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    content = body(notebook)
    assert PLACE.format("figure4") in content and "aGlkZGVu" not in content and "its caption" not in content
    assert "a note" in content and "1 + 1" not in content and "<h1>A title</h1>" in content
    assert "<p>HERE</p>" in filled(content, {"figure4": "<p>HERE</p>"})
    nbformat.validate(notebook)


def test_a_page_has_no_warning_about_widgets_and_keeps_others(project):
    write_notebook(project, "warned", "import tqdm.auto", "import warnings\nwarnings.warn('the photos are few')")
    assert run(project, "warned").returncode == 0
    page = reports(project)["sections/warned.html"].decode()
    assert "IProgress" not in page and "the photos are few" in page


def test_a_cell_that_fails_is_one_line_and_leaves_no_result(project):
    write_notebook(project, "broken", FAILING)
    done = run(project, "broken")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: notebooks/broken.ipynb: cell 2 failed with KeyError: ")
    assert "no such photo" in line and line.endswith("nothing was rendered")
    assert not (project / "reports").exists()


ENDING = {
    "import sys; sys.exit(0)": "cell 3 ended with SystemExit",
    "import sys; sys.exit(3)": "cell 3 failed with SystemExit: 3",
    "raise KeyboardInterrupt": "cell 3 failed with KeyboardInterrupt: ",
    "import os; os._exit(0)": "cell 3 ended its kernel",
    "import os; os.kill(os.getpid(), 9)": "cell 3 ended its kernel",
}


def test_a_disk_that_is_full_when_the_page_is_written_leaves_the_former_report(project, monkeypatch):
    write_notebook(project, "tiny", PLAIN)
    write_json(project / "reports/figures/figure7.png", "the former one")
    before = reports(project)

    def full(page, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("nas.report.rendering.write_page", full)
    with pytest.raises(OSError, match="No space left"):
        render("tiny", project, project / "reports", project / "scratch", [Path(MADE[0])])
    assert reports(project) == before
    monkeypatch.undo()
    render("tiny", project, project / "reports", project / "scratch", [Path(MADE[0])])
    assert sorted(reports(project)) == ["figures/figure7.png", "sections/tiny.html"] and reports(project) != before


@pytest.mark.parametrize("number", range(len(ENDING)), ids=list(ENDING))
def test_a_notebook_that_ends_before_its_end_is_no_page(project, number):
    cell, how = list(ENDING.items())[number]
    write_notebook(project, "tiny", PLAIN, cell, *["1"] * (number % 2))  # the last cell, or not
    declare(project, "tiny", MADE[:1])
    write_json(project / "reports/figures/figure7.png", "the former one")
    before = reports(project)
    done = run(project, "tiny")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line == f"error: notebooks/tiny.ipynb: {how}; nothing was rendered"
    assert reports(project) == before


NO_NOTEBOOKS = {
    "empty": "",
    "cut short": '{"cells": [',
    "a list": "[]",
    "bytes": "\x00\xff",
    "a later format": json.dumps({"nbformat": 9, "nbformat_minor": 0, "cells": [], "metadata": {}}),
    "cells that are none": json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": 5, "metadata": {}}),
    "format 3 without a kernel": json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}),
}


@pytest.mark.parametrize("content", NO_NOTEBOOKS.values(), ids=NO_NOTEBOOKS)
def test_what_is_no_notebook_is_named_with_what_to_do(tmp_path, content):
    source = tmp_path / "tiny.ipynb"
    source.write_text(content)
    with pytest.raises(ValueError, match=rf"^{source}: is no notebook \(.+\); restore it .+, or save it anew in Jup"):
        execute(source, tmp_path / "executed.ipynb", {"root": "..", "output": "x"})
    assert not (tmp_path / "executed.ipynb").exists()


def test_a_notebook_of_another_language_is_refused(project):
    write_notebook(project, "tiny", DRAWING, name="ir", language="R")
    with pytest.raises(ValueError, match=r"tiny\.ipynb: is written in R; a notebook of the report is in Python$"):
        check(project / "notebooks/tiny.ipynb")


def test_the_kernel_is_this_python_whatever_the_notebook_was_saved_with(project):
    write_notebook(project, "tiny", "import sys; print(sys.prefix)", name="of-another-machine")
    declare(project, "tiny", [])
    assert run(project, "tiny").returncode == 0
    assert f"<pre>{sys.prefix}" in reports(project)["sections/tiny.html"].decode().replace("\n", "")


def test_a_notebook_of_format_3_is_run_as_one_of_format_4(project):
    write_notebook(project, "tiny", "print(6 * 7)")
    declare(project, "tiny", [])
    path = project / "notebooks/tiny.ipynb"
    old = nbformat.convert(nbformat.read(path, as_version=4), 3)
    old.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps(old))
    assert json.loads(path.read_text())["nbformat"] == 3
    done = run(project, "tiny")
    assert done.returncode == 0 and "42" in reports(project)["sections/tiny.html"].decode(), done.stderr


@pytest.mark.parametrize(
    ("outs", "message"),
    [
        ([*MADE, "tables/table9.csv"], "did not make tables/table9.csv, other than its outs in dvc.yaml"),
        (MADE[2:], "makes figures/figure7.pdf, figures/figure7.png, other than its outs in dvc.yaml"),
        ([], "makes figures/figure7.pdf, .+, tables/table7.tex, other than its outs in dvc.yaml"),
    ],
)
def test_a_notebook_makes_what_its_stage_declares_and_nothing_else(project, monkeypatch, outs, message):
    write_notebook(project, "tiny")

    def drawn(source, target, values):
        for path in MADE:
            write_json(Path(values["output"], path), path)
        nbformat.write(nbformat.read(source, as_version=4), target)

    monkeypatch.setattr("nas.report.rendering.execute", drawn)
    places = project, project / "reports", project / "scratch"
    with pytest.raises(ValueError, match=rf"notebooks/tiny\.ipynb: {message}; nothing was rendered$"):
        render("tiny", *places, [Path(out) for out in outs])
    assert not (project / "reports").exists()
    render("tiny", *places, [Path(out) for out in MADE])
    assert set(reports(project)) == {*MADE, "sections/tiny.html"}


def test_ctrl_c_is_one_line_and_ends_the_kernel(project):
    started = project / "started"
    write_notebook(project, "tiny", f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))",
                   "time.sleep(120)")  # fmt: skip
    with subprocess.Popen([sys.executable, "-m", "stages", "render", "tiny"], cwd=project, stderr=subprocess.PIPE,
                          text=True, start_new_session=True) as program:  # fmt: skip
        while program.poll() is None and not (started.exists() and started.read_text()):
            time.sleep(0.05)
        kernel = psutil.Process(int(started.read_text()))
        os.killpg(program.pid, signal.SIGINT)
        _, said = program.communicate(timeout=60)
    kernel.wait(timeout=30)
    assert program.returncode == 130 and [line[:19] for line in said.splitlines()] == ["error: interrupted;"]
    assert not (project / "reports").exists()


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (DECLARED + '\nphoto = "rocket"', r"not declared: none, declared but not given: \['photo'\]"),
        ("output = None", r"not declared: \['root'\], declared but not given: none"),
        ("", r"not declared: \['output', 'root'\], declared but not given: none"),
    ],
)
def test_parameters_that_a_notebook_lacks_or_declares_in_vain_are_named(project, declared, message):
    write_notebook(project, "tiny", declared=declared)
    values = {"root": "..", "output": "x"}
    with pytest.raises(
        ValueError,
        match=rf"tiny\.ipynb: its parameters cell must declare, one per line, just root and output; {message}$",
    ):
        execute(project / "notebooks" / "tiny.ipynb", project / "executed.ipynb", values)
    assert not (project / "executed.ipynb").exists()


def test_an_unknown_notebook_is_named_with_those_that_are_known(project):
    for name in ("two", "one"):
        write_notebook(project, name)
    with pytest.raises(ValueError, match=r"^notebook 'three' is unknown: allowed are one, two$"):
        render("three", project, project / "reports", project / "scratch", [])
    assert not (project / "reports").exists() and not (project / "scratch").exists()
