"""Execute a notebook and render it: reports/site/NOTEBOOK.html, and the figures and tables that it writes."""

from pathlib import Path

import yaml

from nas.report import render
from stages.params import SCRATCH, Parameters


def main(parameters: Parameters, name: str) -> None:
    render(name, Path(), Path("reports"), SCRATCH / "render" / name, expected(name))


def expected(name: str) -> list[Path]:
    """Figures and tables that dvc.yaml says a notebook makes, as paths inside reports."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    outs = stages.get(f"render_{name}", {}).get("outs", [])
    found = [Path(out if isinstance(out, str) else next(iter(out))).relative_to("reports") for out in outs]
    return [path for path in found if path.parent != Path("site")]
