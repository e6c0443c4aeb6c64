"""The stage with what it hands over; notebooks are run where the report is tested."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nas.parameters.environment import of_own_making
from stages import params, render

FOUND = """
import sys
from stages import render
from jupyter_client.kernelspec import KernelSpecManager
render.render = lambda *given: None
render.main(None, "method")
assert KernelSpecManager().get_kernel_spec("python3").argv == render.KERNEL
"""
LEAN = """
import sys
from nas.report import NotebookPage
assert not {"nbformat", "nbconvert", "papermill"} & set(sys.modules)
"""


def test_the_notebook_that_is_named_is_rendered_in_a_place_of_its_own(root, monkeypatch):
    asked = []
    monkeypatch.setattr(render, "render", lambda *given: asked.append(given))
    monkeypatch.chdir(root)
    render.main(None, "method")
    declared = [Path("figures", f"figure2.{kind}") for kind in ("png", "svg", "txt", "pdf")]
    assert asked == [("method", Path(), Path("reports"), params.SCRATCH / "render/method", declared)]
    assert render.expected("relevance")[-1] == Path("tables/table4.parquet") and render.expected("unheard-of") == []


def test_an_unknown_notebook_is_one_line(root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["stages/render.py"])
    with pytest.raises(SystemExit, match=r"^error: notebook 'figure4' is unknown: allowed are ablation, annotations"):
        params.run(render.main, "figure4")


@pytest.mark.parametrize("program", [FOUND, LEAN])
def test_a_notebook_is_run_by_a_kernel_of_the_project_that_loads_what_it_needs(root, tmp_path, program):
    """Jupyter would prefer the kernel of .venv, which starts anew for each page."""
    environment = {**of_own_making(os.environ, tmp_path), "PYTHONPATH": str(root)}
    assert subprocess.run([sys.executable, "-c", program], cwd=root, env=environment, check=False).returncode == 0
