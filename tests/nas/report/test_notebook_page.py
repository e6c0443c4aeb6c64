"""What a notebook works with, of a project made up here."""

import html
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml

from nas.report import notebook_page
from nas.report.notebook_page import NotebookPage
from nas.report.pages import MARK
from nas.report.writing import FORMATS, caption_of
from nas.statistics.resampling import Resampling

PARAMETERS = {
    "seed": 4,
    "datasets": ["made", "other"],
    "classifiers": ["mobilenet_v2"],
    "statistics": {"level": 0.9, "resamples": 50},
    "claims": {"consistent_tau": 0.8},
    "classes": {"names": ["bird"], "figure": {"name": "bird", "rows": 3}},
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "notebooks").mkdir()
    return tmp_path


@pytest.fixture
def displayed(monkeypatch):
    found = []
    monkeypatch.setattr(notebook_page, "display", lambda shown, metadata=None: found.append((shown, metadata)))
    return found


def test_the_project_is_the_one_around_the_notebook(project, monkeypatch):
    monkeypatch.chdir(project / "notebooks")
    page = NotebookPage("classes")
    assert page.root == project and page.settings == {"name": "bird", "rows": 3}
    assert page.datasets == ["made", "other"] and page.networks == ["mobilenet_v2"]
    assert page.resampling == Resampling(0.9, 50, 4)
    assert page.output == project / "data/scratch/notebooks/classes"  # no part of the report
    assert NotebookPage("networks").settings == {}


def test_a_notebook_outside_a_project_is_told_so(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("seed: 0\n")  # alone it makes no project
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"lies in no folder with params.yaml and dvc.yaml; give root=$") as caught:
        NotebookPage("classes")
    assert str(caught.value).startswith(f"{tmp_path}: ") and "\n" not in str(caught.value)


def test_figures_and_tables_go_to_the_output_and_are_shown_with_their_captions(project, tmp_path, displayed):
    page = NotebookPage("classes", str(project), str(tmp_path / "out"))
    figure, ax = plt.subplots()
    ax.plot(np.arange(3))
    numbers = pd.DataFrame({"x": [1 / 3]})
    page.figure(figure, "A figure", "figure4", data=numbers)
    table = pd.DataFrame({"method": ["a", "b"], "score": ["0.1", "0.2"]})
    page.table(table, "A table", "classes", bold=pd.DataFrame({"method": [False] * 2, "score": [False, True]}))
    page.json(table, "adherence")
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == sorted(
        [*(f"figures/figure4.{kind}" for kind in ("csv", "pdf", "png", "svg", "txt")), "tables/adherence.json",
         *(f"tables/classes{ending}" for ending in FORMATS)]
    )  # fmt: skip
    assert (tmp_path / "out/figures/figure4.csv").read_text() == "x\n0.333333\n"
    (picture, of_picture), (caption, of_caption), (heading, of_heading), (shown, of_table) = displayed
    assert picture.data == (tmp_path / "out/figures/figure4.png").read_bytes()
    assert (caption.data, heading.data) == ("<p>A figure</p>", "<p>A table</p>")
    # in the report, parts take the place of pictures and tables, and have their captions
    assert (of_picture, of_table) == ({MARK: {"part": "figure4"}}, {MARK: {"part": "classes"}})
    assert of_caption == of_heading == {MARK: {}}
    assert "**0.2**" in (tmp_path / "out/tables/classes.md").read_text()
    assert json.loads((tmp_path / "out/tables/adherence.json").read_text()) == table.to_dict("records")
    assert shown.data == (tmp_path / "out/tables/classes.html").read_text()


def test_tables_of_a_page_are_told_apart_and_special_characters_are_text(project, displayed):
    page = NotebookPage("classes", str(project))
    for note in ("", "a note"):
        page.show(pd.DataFrame({"a": ["<b> & c\n\u202ed"]}), note)
    (first, mark), (note, _), (second, _) = displayed
    assert mark is None and note.data == "<p>a note</p>" and first.data != second.data
    assert "&lt;b&gt; &amp; c \\u202ed" in first.data and "<b>" not in first.data
    assert 'aria-label="Table 2 of this page"' in second.data


def test_nothing_in_a_caption_is_markup(project, tmp_path, displayed):
    page = NotebookPage("classes", str(project), str(tmp_path))
    caption = "Photos of <img src=x onerror=alert(1)>, **bold**, $x$ & [l](javascript:alert(1))\n\u202eend"
    page.figure(plt.figure(), caption, "figure4")
    text = "Photos of &lt;img src=x onerror=alert(1)&gt;, **bold**, $x$ &amp; [l](javascript:alert(1)) \\u202eend"
    assert displayed[1][0].data == f"<p>{text}</p>"
    page.table(pd.DataFrame({"a": ["b"]}), caption, "classes")
    assert displayed[2][0].data == displayed[1][0].data
    assert html.escape(caption_of(tmp_path / "tables" / "classes"), quote=False) == text
