"""A table as it is read by programs (CSV, parquet) and as it is printed (Markdown, LaTeX, HTML)."""

import re
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nas.store import one_line, write_bytes, write_table

# endings of the files of a table: what is read by programs, then what is printed
FORMATS = (".csv", ".parquet", ".md", ".html", ".tex", "-long.tex")
MORE = '<tr class="more">'  # of a row that a paper leaves out
NEEDS_LONG = "% \\usepackage[margin=1cm]{geometry}\\usepackage{booktabs,longtable,pdflscape}\n"
# letters that a plain LaTeX has as commands alone
MATHS = {"Δ": r"\Delta", "τ": r"\tau", "×": r"\times", "²": "^2", "±": r"\pm", "≥": r"\ge", "≤": r"\le"}
LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def write_printed(
    table: pd.DataFrame,
    stem: Path,
    caption: str,
    bold: pd.DataFrame | None = None,
    tidy: pd.DataFrame | None = None,
    short: Sequence[bool] | None = None,
) -> None:
    """Write a table in every format of `FORMATS`.

    `stem`.csv and .parquet have the rows of `tidy`, a number in a cell, six significant digits in the first; or those
    of the table. The others have the cells of the table, each in one line: .md with the caption above, .html, and
    -long.tex over pages; .tex, which fits a page, has the rows that `short` marks, and .html marks the others (`MORE`).

    Parameters
    ----------
    bold : of the shape of the table, the cells to print in bold
    tidy : the same numbers, a column for each quantity: value, low, high, n
    short : of each row, whether it is in a paper; all are by default, and where it would have none
    """
    data = table if tidy is None else tidy.reset_index(drop=True)
    write_bytes(stem.with_suffix(".csv"), data.to_csv(index=False, float_format="%.6g").encode())
    write_table(data, stem.with_suffix(".parquet"))
    table, caption = in_lines(table), one_line(caption)
    printed = table.rename(columns=_markdown).map(_markdown)
    if bold is not None:
        printed = printed.where(~bold.to_numpy(), "**" + printed.astype(str) + "**")
    markdown = f"{escape(caption, quote=False)}\n\n{printed.to_markdown(index=False, disable_numparse=True)}\n"
    write_bytes(stem.with_suffix(".md"), markdown.encode())
    kept = np.asarray(short, bool) if short is not None and any(short) else np.ones(len(table), bool)
    for name, content in {
        f"{stem.name}.html": html(table, bold, kept.tolist()),
        f"{stem.name}.tex": latex(table[kept], caption, None if bold is None else bold[kept]),
        f"{stem.name}-long.tex": latex(table, caption, bold, long=True),
    }.items():
        write_bytes(stem.with_name(name), content.encode())


def latex(table: pd.DataFrame, caption: str, bold: pd.DataFrame | None = None, long: bool = False) -> str:
    """A table with booktabs rules, as wide as the text (graphicx), or `long` over pages on their side (longtable,
    pdflscape); special characters are escaped.
    """
    styled = table.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    if bold is not None:
        styled = styled.apply(lambda _: bold.replace({True: "textbf:--rwrap;", False: ""}), axis=None)
    environment = "longtable" if long else None
    made = str(styled.to_latex(hrules=True, caption=caption.translate(LATEX), environment=environment,
                               position=None if long else "t"))  # fmt: skip
    for letter, command in MATHS.items():
        made = made.replace(letter, f"\\ensuremath{{{command}}}")
    if long:
        made = re.sub(r"([+-]?\d[\d.]*) (\[[^\]\n]*\])(?= [&\\}]|\})", r"\\shortstack[r]{\1\\\\{}\2}", made)
        size = r"\tiny" if table.shape[1] <= 10 else r"\fontsize{4}{4.8}\selectfont"
        made = f"{size}\\setlength{{\\tabcolsep}}{{2pt}}\n{made}"
        return f"{NEEDS_LONG}\\begin{{landscape}}\n{made}\\end{{landscape}}\n"
    made = made.replace("\\begin{tabular}", "\\resizebox{\\textwidth}{!}{%\n\\begin{tabular}", 1)
    return made.replace("\\end{tabular}", "\\end{tabular}}", 1)


def caption_of(stem: Path) -> str:
    """The caption of a table that was written."""
    return unescape(stem.with_suffix(".md").read_text(encoding="utf-8").partition("\n")[0])


def in_lines(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every text in one line that can be printed."""
    return table.map(lambda cell: one_line(cell) if isinstance(cell, str) else cell)


def _markdown(cell: Any) -> Any:
    """A cell in which nothing is markup or ends the cell: it may be a name of the user's."""
    return escape(cell, quote=False).replace("|", "\\|") if isinstance(cell, str) else cell


def html(table: pd.DataFrame, bold: pd.DataFrame | None = None, kept: Sequence[bool] | None = None) -> str:
    """A table element; special characters are escaped, and intervals stand in small print below their number.

    Cells of columns of numbers have the class n. Parameters: `kept`, of each row, whether a paper has it; see `MORE`.
    """
    numbers = {column for column in table if all(_is_number(cell) for cell in table[column])} if len(table) else set()
    kinds = [' class="n"' if column in numbers else "" for column in table]
    heads = [
        f'<th scope="col"{kind}>{escape(str(column))}</th>' if str(column) else "<td></td>"
        for column, kind in zip(table, kinds, strict=True)
    ]
    marks = np.zeros(table.shape, bool) if bold is None else bold.to_numpy(bool)
    rows = [
        "".join(f"<td{kind}>{_cell(cell, mark)}</td>" for kind, cell, mark in zip(kinds, cells, marked, strict=True))
        for cells, marked in zip(table.to_numpy(object), marks, strict=True)
    ]
    lines = ['<table class="data">', f"<thead><tr>{''.join(heads)}</tr></thead>", "<tbody>"]
    starts = ["<tr>" if keep else MORE for keep in ([True] * len(rows) if kept is None else kept)]
    ended = [f"{start}{row}</tr>" for start, row in zip(starts, rows, strict=True)]
    return "\n".join([*lines, *ended, "</tbody>", "</table>\n"])


def _cell(cell: Any, bold: bool) -> str:
    text = re.sub(r" (\[[^\]]*\])", r"<br><small>\1</small>", escape(str(cell)))
    return f"<strong>{text}</strong>" if bold else text


def _is_number(cell: Any) -> bool:
    """Whether a cell begins with a number and has words at most behind it, or has none to show."""
    return str(cell) in ("", "n/a") or re.match(r"[+-]?\d", str(cell)) is not None
