"""Figures and tables as they stand in a page, and what a notebook says."""

import re

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from nas.report import pages
from nas.report.pages import MARK, PLACE
from nas.report.writing import write_printed

SPECIAL = "<b> & \"quoted\" 'x'"
ESCAPED = "&lt;b&gt; &amp; &quot;quoted&quot; &#x27;x&#x27;"


def test_a_figure_is_its_picture_its_caption_as_text_and_its_files(tmp_path):
    Image.new("RGB", (60, 20)).save(tmp_path / "figure12.png")
    (tmp_path / "figure12.svg").touch()
    (tmp_path / "figure12.txt").write_text(f"{SPECIAL}. And more.\n")
    tag = pages.figure_tag(tmp_path, "figure12", ["It <rises>."], "notebooks/x.ipynb")
    assert f"<figcaption><strong>Figure 12.</strong> {ESCAPED}. And more. <span" in tag
    assert 'src="../figures/figure12.png" width="960" height="320"' in tag
    assert f'alt="Figure 12. {ESCAPED}. And more. It &lt;rises&gt;."' in tag
    assert re.findall('href="([^"]*)">([^<]+)<', tag) == [
        ("../figures/figure12.png", "PNG"), ("../figures/figure12.svg", "SVG"), ("notebooks/x.ipynb", "notebook")
    ]  # fmt: skip
    assert tag.startswith('<figure id="figure12">') and tag.endswith("</figure>")


def test_the_words_for_a_picture_begin_with_the_first_sentence_of_its_caption(tmp_path):
    Image.new("RGB", (60, 20)).save(tmp_path / "figure1.png")
    (tmp_path / "figure1.txt").write_text("It shows 0.5 of A. Then more.\n")
    assert 'alt="Figure 1. It shows 0.5 of A. Then more."' in pages.figure_tag(tmp_path, "figure1")
    (tmp_path / "figure1.txt").write_text("It shows photos. Then more.\n")
    assert 'alt="Figure 1. It shows photos."' in pages.figure_tag(tmp_path, "figure1")


def test_a_table_holds_its_cells_and_its_caption_as_text(tmp_path):
    table = pd.DataFrame({"": ["<i>"], "a & b": ["0.5 [0.4, 0.6]"], "empty": ["NA"]})
    write_printed(table, tmp_path / "table2", SPECIAL)
    tag = pages.table_tag(tmp_path, "table2")
    assert f"<strong>Table 2.</strong> {ESCAPED} <span" in tag
    assert "<td>&lt;i&gt;</td>" in tag and "<i>" not in tag
    assert "<thead><tr><td></td>" in tag and '<th scope="col" class="n">a &amp; b</th>' in tag
    assert '<td class="n">0.5<br><small>[0.4, 0.6]</small></td>' in tag
    assert "<td>NA</td>" in tag


def test_a_short_table_says_how_many_rows_there_are_and_where(tmp_path):
    write_printed(pd.DataFrame({"a": list("xyz")}), tmp_path / "table2", "Caption", short=[True, False, True])
    tag = pages.table_tag(tmp_path, "table2", short=True, whole="page.html#table2")
    assert '<a href="page.html#table2">All 3 rows</a>, of which these are 2.' in tag
    assert re.findall("<td>(.)</td>", tag) == ["x", "z"]
    write_printed(pd.DataFrame({"a": list("xyz")}), tmp_path / "table2", "Caption")
    assert "of which" not in pages.table_tag(tmp_path, "table2", short=True)


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
    body = pages.body(notebook)
    assert PLACE.format("figure4") in body and "aGlkZGVu" not in body and "its caption" not in body
    assert "a note" in body and "1 + 1" not in body and "<h1>A title</h1>" in body
    assert "<p>HERE</p>" in pages.filled(body, {"figure4": "<p>HERE</p>"})
    nbformat.validate(notebook)


def test_a_part_that_is_none_of_the_section_is_named():
    with pytest.raises(
        ValueError, match=r"a page has a place for 'figure99', which is no figure or table of its section"
    ):
        pages.filled(PLACE.format("figure99"), {})
    with pytest.raises(ValueError, match=r"a page has no place for table9, of its section in nas.report.sections$"):
        pages.filled("", {"table9": ""})
