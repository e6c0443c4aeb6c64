"""Execute a notebook and render it: reports/site/NOTEBOOK.html, and the figures and tables that it writes."""

from pathlib import Path

from nas.report import render
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, name: str) -> None:
    render(name, Path(), Path("reports"), SCRATCH / "render" / name)
