"""Execute a notebook and render it: reports/site/NOTEBOOK.html, and the figures and tables that it writes."""

import sys
from pathlib import Path

from nas.report import render
from stages.params import SCRATCH, Parameters, run


def main(parameters: Parameters, name: str) -> None:
    render(name, Path(), Path("reports"), SCRATCH / "render" / name)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
