import csv
import html
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.report.writing import FORMATS, MORE, caption_of, write_printed
from nas.store.tables import read_table

random = settings(max_examples=25, deadline=None, derandomize=True)
# what a table may hold: anything that the formats treat specially
TEXT = st.text("ab 7&%$#_{}~^\\|<>\"',;*", min_size=1, max_size=8).map(lambda text: " ".join(text.split())).filter(bool)


@st.composite
def printed(draw):
    headings = draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))
    n = draw(st.integers(1, 3))
    return pd.DataFrame({heading: draw(st.lists(TEXT, min_size=n, max_size=n)) for heading in headings})


def cells(table):
    return [list(table.columns), *table.to_numpy().tolist()]


@random
@given(table=printed(), caption=TEXT)
def test_the_same_cells_are_in_every_format(tmp_path_factory, table, caption):
    stem = tmp_path_factory.mktemp("tables") / "deep" / "table1"
    write_printed(table, stem, caption)
    written = sorted(path.name for path in stem.parent.iterdir())
    assert written == sorted(f"table1{ending}" for ending in FORMATS)

    with stem.with_suffix(".csv").open(newline="") as file:
        assert list(csv.reader(file)) == cells(table)

    heading, blank, *lines = stem.with_suffix(".md").read_text().split("\n")
    assert (html.unescape(heading), blank, caption_of(stem)) == (caption, "", caption)
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line]
    assert re.fullmatch(r"[|:-]+", lines[1])
    found = [[html.unescape(cell.strip().replace(r"\|", "|")) for cell in row] for row in rows[:1] + rows[2:]]
    assert found == cells(table) and not re.search("<[a-z/!]", "".join([heading, *lines]))

    text = stem.with_suffix(".tex").read_text()
    body = re.search(r"\\toprule\n(.*) \\\\\n\\midrule\n(.*) \\\\\n\\bottomrule\n", text, re.DOTALL)
    rows = [body.group(1), *body.group(2).split(" \\\\\n")]
    assert [[unescape(cell) for cell in row.split(" & ")] for row in rows] == cells(table)
    assert unescape(re.search(r"\\caption\{(.*)\}\n", text).group(1)) == caption
    pd.testing.assert_frame_equal(read_table(stem.with_suffix(".parquet")), table)

    rows = re.findall(r"<tr>(.*?)</tr>", stem.with_suffix(".html").read_text(), re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert [[html.unescape(cell) for cell in row] for row in found] == cells(table)


def unescape(text):
    """What LaTeX would print; fails on a special character that is not escaped."""
    spelled = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "space": " "}
    pattern = r"\\(text\w+|space)(?:\{\}| ?)|\\([&%$#_{}])|([^&%$#_{}~^\\])|(?P<bare>.)"
    printed = ""
    for found in re.finditer(pattern, text):
        assert not found["bare"], text
        printed += spelled[found[1]] if found[1] else found[2] or found[3]
    return printed.strip()


def test_programs_read_numbers_and_a_paper_has_some_of_the_rows(tmp_path):
    table = pd.DataFrame({"method": ["a", "b"], "score": ["0.33 [0.1, 0.5]", "0.5 [n/a]"]})
    tidy = pd.DataFrame({"method": ["a", "b"], "value": [1 / 3, 0.5], "low": [0.1, np.nan]}, index=[4, 7])
    write_printed(table, tmp_path / "t", "caption", tidy=tidy, short=[False, True])
    assert (tmp_path / "t.csv").read_text() == "method,value,low\na,0.333333,0.1\nb,0.5,\n"
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), tidy.reset_index(drop=True))
    found = {ending: (tmp_path / f"t{ending}").read_text() for ending in FORMATS if ending != ".parquet"}
    for ending in (".md", ".html", "-long.tex"):
        assert "0.33" in found[ending] and "0.5" in found[ending].replace("<br>", " ")
    assert "shortstack{" not in found["-long.tex"] and found["-long.tex"].count("shortstack") == 2
    assert r"\shortstack[r]{0.33\\{}[0.1, 0.5]}" in found["-long.tex"]  # below each other, since there are many columns
    assert "0.33" not in found[".tex"] and "0.5" in found[".tex"]
    starts = {cell: start for start, cell in re.findall("(<tr[^>]*>)<td>(.)</td>", found[".html"])}
    assert starts == {"a": MORE, "b": "<tr>"}


def test_a_paper_that_would_have_no_row_has_all(tmp_path):
    write_printed(pd.DataFrame({"a": ["x", "y"]}), tmp_path / "t", "caption", short=[False, False])
    assert MORE not in (tmp_path / "t.html").read_text()
    assert all(f"{cell} \\\\" in (tmp_path / "t.tex").read_text() for cell in "xy")


PAPER = r"""\documentclass{article}
\usepackage[T1]{fontenc}\usepackage{booktabs,graphicx,longtable,pdflscape}
\begin{document}
\input{t.tex}\input{t-long.tex}
\end{document}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex (Debian: texlive-latex-recommended)")
def test_latex_compiles(tmp_path):
    n = 150
    table = pd.DataFrame(
        {
            name: ["Δ τ 3 × 4 & $x_1$ # 5% ~ ^ \\", "+0.5 [-0.1, +0.7]"] * (n // 2)
            for name in ("Δ BoxAcc", "a_b", "τ", "n²")
        }
    )
    write_printed(
        table,
        tmp_path / "t",
        "Of τ & 100% of n [bootstrap interval]",
        bold=table.eq(""),
        short=[True] * 5 + [False] * (n - 5),
    )
    (tmp_path / "paper.tex").write_text(PAPER)
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"], cwd=tmp_path,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout and len(table) > 100


def test_an_interval_stands_in_small_print_below_its_number(tmp_path):
    table = pd.DataFrame({"method": ["a [b] c"], "score": ["0.500 [0.250, 0.750]"]})
    write_printed(table, tmp_path / "table", "caption")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", (tmp_path / "table.html").read_text())
    assert cells[1] == "0.500<br><small>[0.250, 0.750]</small>"


def test_marked_cells_are_bold_in_all_formats_but_the_first(tmp_path):
    table = pd.DataFrame({"method": ["nas", "slic"], "score": ["0.5 [0.2, 0.7]", "0.1 & more"]})
    bold = pd.DataFrame({"method": [False, False], "score": [True, False]})
    write_printed(table, tmp_path / "table", "caption", bold)
    found = {kind: (tmp_path / f"table.{kind}").read_text() for kind in ("csv", "md", "tex", "html")}
    assert "0.5 [0.2, 0.7]" in found["csv"] and "*" not in found["csv"]
    assert re.findall(r"\*\*(.*?)\*\*", found["md"]) == ["0.5 [0.2, 0.7]"]
    assert re.findall(r"\\textbf\{(.*?)\}", found["tex"]) == ["0.5 [0.2, 0.7]"]
    assert re.findall(r"<strong>(.*?)</strong>", found["html"]) == ["0.5<br><small>[0.2, 0.7]</small>"]
    write_printed(table, tmp_path / "plain", "caption", bold & False)
    unmarked = {kind: (tmp_path / f"plain.{kind}").read_text() for kind in found}
    assert "**" not in unmarked["md"] and "textbf" not in unmarked["tex"] and "<strong>" not in unmarked["html"]
