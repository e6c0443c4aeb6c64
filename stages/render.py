"""Execute a notebook and render it: reports/sections/NOTEBOOK.html, and the figures and tables that it writes."""

import os
import sys
from pathlib import Path

import yaml

from nas.report import render
from nas.store import write_json
from stages.params import SCRATCH, Parameters

KERNEL = [sys.executable, "-X", "utf8", "-m", "stages.warm", "ipykernel_launcher", "-f", "{connection_file}"]


def main(parameters: Parameters, name: str) -> None:
    if jupyter := os.environ.get("JUPYTER_DATA_DIR"):  # a folder of this project
        specification = {"argv": KERNEL, "display_name": "Python 3", "language": "python"}
        write_json(Path(jupyter, "kernels", "python3", "kernel.json"), specification)
    render(name, Path(), Path("reports"), SCRATCH / "render" / name, expected(name))


def expected(name: str) -> list[Path]:
    """Figures and tables that dvc.yaml says a notebook makes, as paths inside reports."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    outs = stages.get(f"render_{name}", {}).get("outs", [])
    found = [Path(out if isinstance(out, str) else next(iter(out))).relative_to("reports") for out in outs]
    return [path for path in found if path.parent != Path("sections")]
