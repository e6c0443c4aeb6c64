"""The stage with what it hands over; pages are drawn where the report is tested."""

import json

import pytest
import yaml

from stages import params, report


def test_the_first_page_and_the_metrics_are_written(tmp_path, root, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/report.py"])
    content = yaml.safe_load((root / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/claims.json").write_text(json.dumps({"claims": []}))
    asked = []
    monkeypatch.setattr(report, "make_first_page", lambda *given: asked.append(given) or "<html>page</html>")
    monkeypatch.setattr(report, "metrics", lambda *given: {"sample": 1.0})
    params.run(report.main)
    [(root_of_page, ledger, datasets, networks, level, seed)] = asked
    assert ledger == {"claims": []} and (datasets, networks) == (content["datasets"], content["classifiers"])
    assert (level, seed) == (content["statistics"]["level"], content["seed"]) and root_of_page.resolve() == tmp_path
    assert json.loads((tmp_path / "reports/metrics.json").read_text()) == {"sample": 1.0}
    assert "page" in (tmp_path / "reports/site/index.html").read_text()


def test_without_the_ledger_the_stage_that_makes_it_is_missed_in_one_line(tmp_path, root, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/report.py"])
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    with pytest.raises(SystemExit, match=r"^error: .*reports/claims\.json"):
        params.run(report.main)
    assert not (tmp_path / "reports/site").exists()
