"""Pages of the report: one per executed notebook, and the index that shows everything."""

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader, select_autoescape
from nbconvert import HTMLExporter

from nas.report.writing import caption_of
from nas.store import write_bytes

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    trim_blocks=True,
)


def page(notebook: nbformat.NotebookNode, name: str) -> str:
    """An executed notebook as a page, without code, prompts or timings: the same results give the same bytes."""
    notebook = nbformat.from_dict({**notebook, "metadata": {"kernelspec": notebook.metadata.get("kernelspec", {})}})
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {"tags": cell.metadata.get("tags", [])}
        if cell.cell_type == "code":
            cell["execution_count"] = None
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True)
    exporter.anchor_link_text = ""
    body = exporter.from_notebook_node(notebook)[0]
    title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
    return TEMPLATES.get_template("page.html").render(
        title=title.group(1) if title else name, body=body, source=f"notebooks/{name}.ipynb"
    )


def write_page(content: str, path: Path) -> None:
    """Write a page atomically, with trailing blanks removed."""
    lines = [line.rstrip() for line in content.splitlines()]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def label(name: str) -> str:
    """What a figure or table is called: figure1 is Figure 1."""
    return re.sub(r"(\d+)$", r" \1", name).capitalize()


def figure_tag(figures: Path, name: str) -> str:
    """A figure of the report with its caption, the picture inside the page."""
    picture = base64.b64encode((figures / f"{name}.png").read_bytes()).decode()
    caption = (figures / f"{name}.txt").read_text(encoding="utf-8").strip()
    return (
        f'<figure id="{name}"><img alt="{html.escape(label(name))}" src="data:image/png;base64,{picture}">'
        f"<figcaption><strong>{html.escape(label(name))}.</strong> {html.escape(caption)}</figcaption></figure>"
    )


def table_tag(tables: Path, name: str) -> str:
    """A table of the report with its caption."""
    caption = caption_of(tables / name)
    rows = (tables / f"{name}.html").read_text(encoding="utf-8")
    return (
        f'<figure id="{name}" class="table"><figcaption><strong>{html.escape(label(name))}.</strong> '
        f'{html.escape(caption)}</figcaption><div class="scroll">{rows}</div></figure>'
    )


def index(sections: Sequence[dict[str, Any]], **context: Any) -> str:
    """The first page. A section holds a title, the name of its page, and ready tags of figures and tables."""
    return TEMPLATES.get_template("index.html").render(sections=sections, **context)
