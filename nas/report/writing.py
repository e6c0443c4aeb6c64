"""A table as CSV, Markdown, LaTeX and HTML, with the same cells."""

import re
from html import escape, unescape
from pathlib import Path
from typing import Any

import pandas as pd

from nas.store import one_line, write_bytes

BOLD = "\x02"  # before a cell that is to be bold
LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def write_printed(table: pd.DataFrame, stem: Path, caption: str, bold: pd.DataFrame | None = None) -> None:
    """Write `stem`.csv, .md, .tex (booktabs) and .html with the same cells; the caption goes above .md and .tex.

    In all but the first a cell is one line; `bold`, of the shape of the table, marks the cells to print in bold there.
    """
    write_bytes(stem.with_suffix(".csv"), table.to_csv(index=False).encode())
    table, caption = in_lines(table), one_line(caption)
    printed = table.rename(columns=_markdown).map(_markdown)
    if bold is not None:
        printed = printed.where(~bold.to_numpy(), "**" + printed.astype(str) + "**")
    markdown = f"{escape(caption, quote=False)}\n\n{printed.to_markdown(index=False, disable_numparse=True)}\n"
    write_bytes(stem.with_suffix(".md"), markdown.encode())
    write_bytes(stem.with_suffix(".tex"), latex(table, caption, bold).encode())
    write_bytes(stem.with_suffix(".html"), html(table, bold).encode())


def latex(table: pd.DataFrame, caption: str, bold: pd.DataFrame | None = None) -> str:
    """A table environment with booktabs rules; special characters are escaped."""
    styled = table.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    if bold is not None:
        styled = styled.apply(lambda _: bold.replace({True: "textbf:--rwrap;", False: ""}), axis=None)
    return str(styled.to_latex(hrules=True, caption=caption.translate(LATEX), position="t"))


def caption_of(stem: Path) -> str:
    """The caption of a table that was written."""
    return unescape(stem.with_suffix(".md").read_text(encoding="utf-8").partition("\n")[0])


def in_lines(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every text in one line that can be printed."""
    return table.map(lambda cell: one_line(cell) if isinstance(cell, str) else cell)


def _markdown(cell: Any) -> Any:
    """A cell in which nothing is markup or ends the cell: it may be a name of the user's."""
    return escape(cell, quote=False).replace("|", "\\|") if isinstance(cell, str) else cell


def html(table: pd.DataFrame, bold: pd.DataFrame | None = None) -> str:
    """A table element; special characters are escaped, and intervals stand in small print below their number."""
    marked = table if bold is None else table.where(~bold.to_numpy(), BOLD + table.astype(str))
    styled = (
        marked.style.hide(axis="index").format(_html_cell, escape="html").format_index(escape="html", axis="columns")
    )
    return str(styled.to_html(exclude_styles=True))


def _html_cell(cell: Any) -> str:
    text = re.sub(r" (\[[^\]]*\])", r"<br><small>\1</small>", str(cell))
    return f"<strong>{text.removeprefix(BOLD)}</strong>" if text.startswith(BOLD) else text
