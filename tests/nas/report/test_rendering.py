"""Notebooks made up here: run, rendered, refused."""

import base64
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nas.report.rendering import execute, render

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
    return tmp_path


def write_notebook(project, name, *cells, declared=DECLARED):
    parameters = new_code_cell(declared, metadata={"tags": ["parameters"]})
    notebook = new_notebook(
        cells=[new_markdown_cell(f"# The <title> of {name}"), parameters, *map(new_code_cell, cells)]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (project / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, project / "notebooks" / f"{name}.ipynb")


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

    figures = {f"figures/figure7.{kind}" for kind in ("png", "svg", "txt")}
    written = {f"tables/table7.{kind}" for kind in ("csv", "html", "md", "tex")}
    assert set(results[0]) == {*figures, *written, "site/tiny.html"}
    assert results[0]["figures/figure7.txt"] == b"A figure\n"
    assert results[0]["tables/table7.csv"] == b"data set,a_b\nsample,1 & 2\n"
    page = results[0]["site/tiny.html"].decode()
    picture = base64.b64encode(results[0]["figures/figure7.png"]).decode()
    assert picture in page.replace("\n", "")
    assert page.count("<td") == 2 and "1 &amp; 2" in page
    assert "<title>The &lt;title&gt; of tiny</title>" in page
    assert "plt.subplots" not in page and str(project) not in page
    assert not (project / "data" / "scratch" / "render" / "tiny").exists()


def test_a_page_has_no_warning_about_widgets_and_keeps_others(project):
    write_notebook(project, "warned", "import tqdm.auto", "import warnings\nwarnings.warn('the photos are few')")
    assert run(project, "warned").returncode == 0
    page = reports(project)["site/warned.html"].decode()
    assert "IProgress" not in page and "the photos are few" in page


def test_a_cell_that_fails_is_one_line_and_leaves_no_result(project):
    write_notebook(project, "broken", FAILING)
    done = run(project, "broken")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: notebooks/broken.ipynb: cell 3 failed with KeyError: ")
    assert "no such photo" in line and line.endswith("nothing was rendered")
    assert done.stderr.splitlines() == [line]
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
        render("three", project, project / "reports", project / "scratch")
    assert not (project / "reports").exists() and not (project / "scratch").exists()
