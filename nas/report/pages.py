"""Parts of a page: figures and tables with their captions and downloads, in the places that a notebook left."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from nas.report.writing import FORMATS, MORE, caption_of
from nas.store import write_bytes

MARK = "nas"  # in the metadata of what a notebook shows: the part of the report that takes its place
PLACE = '<div data-part="{}"></div>'
KINDS = {"png": "PNG", "svg": "SVG", "pdf": "PDF", "csv": "numbers (CSV)"}  # of files of a figure
TABLE_KINDS = {".csv": "CSV", ".parquet": "parquet", ".md": "Markdown", ".tex": "LaTeX, a page", "-long.tex": "LaTeX"}


def filled(content: str, parts: dict[str, str]) -> str:
    """The content of a page with a figure or table in each place that is left for it (`rendering.body`)."""
    placed = set(re.findall(PLACE.format(r"(\w+)"), content))
    if missing := set(parts) - placed:
        raise ValueError(f"a page has no place for {', '.join(sorted(missing))}, of its section in nas.report.sections")

    def part(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in parts:
            raise ValueError(
                f"a page has a place for {name!r}, which is no figure or table of its section: allowed are "
                f"{', '.join(parts) or 'none'}; see nas.report.sections"
            )
        return parts[name]

    return re.sub(PLACE.format(r"(\w+)"), part, content)


def write_page(content: str, path: Path) -> None:
    """Write a page atomically, with trailing blanks removed."""
    lines = [line.rstrip() for line in content.splitlines()]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def label(name: str) -> str:
    """What a figure or table is called: figure1 is Figure 1."""
    return re.sub(r"(\d+)$", r" \1", name).capitalize()


def figure_tag(figures: Path, name: str, results: Sequence[str] = (), source: str = "") -> str:
    """A figure of the report: its picture, with what it shows in words, its caption, and its files.

    Parameters: `results`, sentences on what is to be seen; `source`, the address of its notebook.
    """
    caption = (figures / f"{name}.txt").read_text(encoding="utf-8").strip()
    with Image.open(figures / f"{name}.png") as picture:
        width, height = 960, round(960 * picture.height / picture.width)
    files = [(f"{name}.{kind}", word) for kind, word in KINDS.items() if (figures / f"{name}.{kind}").is_file()]
    said = html.escape(" ".join([f"{label(name)}.", _first_sentence(caption), *results]))
    return (
        f'<figure id="{name}"><a href="../figures/{name}.png"><img src="../figures/{name}.png" width="{width}" '
        f'height="{height}" loading="lazy" alt="{said}"></a><figcaption><strong>{html.escape(label(name))}.</strong> '
        f"{html.escape(caption)} {_downloads('figures', files, source)}</figcaption></figure>"
    )


def table_tag(tables: Path, name: str, short: bool = False, whole: str = "", source: str = "") -> str:
    """A table of the report with its caption and its files.

    Parameters: `short`, of those rows alone that a paper would have; `whole`, then the address of all of them.
    """
    content = (tables / f"{name}.html").read_text(encoding="utf-8")
    files = [
        (f"{name}{ending}", TABLE_KINDS[ending])
        for ending in FORMATS
        if ending in TABLE_KINDS and (tables / f"{name}{ending}").is_file()
    ]
    more = ""
    if short and (n_more := content.count(MORE)):
        content = "\n".join(line for line in content.split("\n") if not line.startswith(MORE))
        n_rows = content.count("\n<tr>")
        more = f' <a href="{whole}">All {n_rows + n_more} rows</a>, of which these are {n_rows}.'
    return (
        f'<figure id="{name}" class="table"><figcaption><strong>{html.escape(label(name))}.</strong> '
        f"{html.escape(caption_of(tables / name))}{more} {_downloads('tables', files, source)}</figcaption>"
        f"{scrolled(content, label(name))}</figure>"
    )


def scrolled(table: str, title: str) -> str:
    """A table that can be scrolled, by keys too."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(title)}">{table}</div>'


def _downloads(folder: str, files: Sequence[tuple[str, str]], source: str) -> str:
    links = [f'<a href="../{folder}/{file}">{word}</a>' for file, word in files]
    links += [f'<a href="{source}">notebook</a>'] if source else []
    return f'<span class="downloads">{" ".join(links)}</span>'


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[a-z)\]])\. ", text, maxsplit=1)[0].rstrip(".") + "."
