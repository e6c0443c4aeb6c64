"""Figures and tables as they stand in a page."""

import re

import pandas as pd
import pytest
from PIL import Image

from nas.report import pages
from nas.report.pages import PLACE
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


def test_a_part_that_is_none_of_the_section_is_named():
    with pytest.raises(
        ValueError, match=r"a page has a place for 'figure99', which is no figure or table of its section"
    ):
        pages.filled(PLACE.format("figure99"), {})
    with pytest.raises(ValueError, match=r"a page has no place for table9, of its section in nas.report.sections$"):
        pages.filled("", {"table9": ""})
