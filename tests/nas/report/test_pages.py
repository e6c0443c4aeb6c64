"""Figures and tables as they stand in a page."""

import base64
import re

import pandas as pd

from nas.report import pages
from nas.report.writing import write_printed

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
    assert "<td >&lt;i&gt;</td>" in tag and "<i>" not in tag
    assert re.search("<th[^>]*>a &amp; b</th>", tag) and "Unnamed" not in tag
    assert "<td >0.5<br><small>[0.4, 0.6]</small></td>" in tag
    assert "<td >NA</td>" in tag
