import base64
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nas.report import pages
from nas.report.writing import write_printed
from stages import params, render

DECLARED = 'root = ".."\noutput = "../reports"\ndatasets = []\nclassifiers = []'
DRAWING = """
from pathlib import Path
import numpy as np, pandas as pd
from matplotlib import pyplot as plt
from IPython.display import Image, Markdown
from nas import tables
from nas.plots import style

table = pd.DataFrame({"data set": datasets, "a_b": "1 & 2"})
tables.write(table, Path(output, "tables", "table7"), "A table")
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
    return subprocess.run([sys.executable, "stages/render.py", name], cwd=project, capture_output=True, text=True)


def reports(project):
    files = {path.relative_to(project / "reports").as_posix(): path for path in (project / "reports").rglob("*.*")}
    return {name: path.read_bytes() for name, path in files.items() if name != "timings.json"}


def test_a_notebook_gives_the_same_page_figures_and_tables_each_time(project):
    write_notebook(project, "tiny", DRAWING, "table.style.hide(axis='index')", "table.style", "print('secret' * 0)")
    results = []
    for _ in range(2):
        done = run(project, "tiny")
        assert done.returncode == 0, done.stderr
        results.append(reports(project))
    assert results[0] == results[1]

    figures = {f"figures/figure7.{kind}" for kind in ("png", "svg", "txt")}
    written = {f"tables/table7.{kind}" for kind in ("csv", "md", "tex")}
    assert set(results[0]) == {*figures, *written, "site/tiny.html"}
    assert results[0]["figures/figure7.txt"] == b"A figure\n"
    assert results[0]["tables/table7.csv"] == b"data set,a_b\nsample,1 & 2\n"  # the datasets of params.yaml
    page = results[0]["site/tiny.html"].decode()
    picture = base64.b64encode(results[0]["figures/figure7.png"]).decode()
    assert picture in page.replace("\n", "")
    assert page.count("<td") == 4 and page.count("1 & 2") + page.count("1 &amp; 2") == 2
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
        (DECLARED.replace("datasets = []\n", ""), r"not declared: \['datasets'\], declared but not given: none"),
        ("", r"not declared: \['classifiers', 'datasets', 'output', 'root'\], declared but not given: none"),
    ],
)
def test_parameters_that_a_notebook_lacks_or_declares_in_vain_are_named(project, declared, message):
    write_notebook(project, "tiny", declared=declared)
    values = {"root": "..", "output": "x", "datasets": ["sample"], "classifiers": ["mobilenet_v2"]}
    with pytest.raises(ValueError, match=rf"tiny\.ipynb: its parameters cell must declare, one per line, .*{message}$"):
        render.execute(project / "notebooks" / "tiny.ipynb", project / "executed.ipynb", values)
    assert not (project / "executed.ipynb").exists()


def test_an_unknown_notebook_is_named_with_those_that_are_known(project, monkeypatch):
    for name in ("two", "one"):
        write_notebook(project, name)
    monkeypatch.chdir(project)
    with pytest.raises(ValueError, match=r"^notebook 'three' is unknown: allowed are one, two$"):
        render.main(params.read(), "three")
    assert not (project / "data").exists()


SPECIAL = "<b> & \"quoted\" 'x'"
ESCAPED = "&lt;b&gt; &amp; &quot;quoted&quot; &#x27;x&#x27;"


def test_a_figure_holds_its_picture_and_its_caption_as_text(tmp_path):
    (tmp_path / "figure12.png").write_bytes(b"\x89PNG")
    (tmp_path / "figure12.txt").write_text(SPECIAL + "\n")
    tag = pages.figure_tag(tmp_path, "figure12")
    assert f"<figcaption><strong>Figure 12.</strong> {ESCAPED}</figcaption>" in tag
    assert f'src="data:image/png;base64,{base64.b64encode(bytes([0x89]) + b"PNG").decode()}"' in tag
    assert tag.startswith('<figure id="figure12"><img alt="Figure 12"') and tag.endswith("</figure>")


def test_a_table_holds_its_cells_and_its_caption_as_text(tmp_path):
    table = pd.DataFrame({"": ["<i>"], "a & b": ["0.5 [0.4, 0.6]"], "empty": ["NA"]})
    write_printed(table, tmp_path / "table2", SPECIAL)
    tag = pages.table_tag(tmp_path, "table2")
    assert f"<strong>Table 2.</strong> {ESCAPED}</figcaption>" in tag
    assert "<td>&lt;i&gt;</td>" in tag and "<i>" not in tag
    assert "<th>a &amp; b</th>" in tag and "Unnamed" not in tag
    assert "<td>0.5<br><small>[0.4, 0.6]</small></td>" in tag
    assert "<td>NA</td>" in tag


def test_styled_tables_are_numbered_in_order(root):
    styles = [pd.DataFrame({"x": [1]}).style.set_properties(color="red") for _ in range(2)]
    body = "".join(style.to_html() for style in styles)
    other = "".join(pd.DataFrame({"x": [1]}).style.set_properties(color="red").to_html() for _ in range(2))
    assert body != other
    assert pages.number_tables(body) == pages.number_tables(other)
    assert [pages.number_tables(body).count(f'<table id="table-{number}"') for number in range(3)] == [1, 1, 0]
    assert "#table-1_row0_col0" in pages.number_tables(body)
