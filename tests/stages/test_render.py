"""The stage with what it hands over; notebooks are run where the report is tested."""

from pathlib import Path

import pytest

from stages import params, render


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
