"""What made a figure, of a pipeline made up here, and in the repository itself."""

import pytest
import yaml

from nas.report.provenance import NAMED, footer, leading_to, provenance, versions
from nas.report.sections import SECTIONS


def stage(deps, outs, **params):
    return {
        "deps": [{"path": path, "md5": f"in {path}"} for path in deps],
        "params": {"params.yaml": params},
        "outs": [{"path": path, "md5": f"{path[-3:]}0123456789"} for path in outs],
    }


STAGES = {
    "download@a": stage(["nas/data"], ["data/raw/a"], **{"download.limit": 3}),
    "weights@net": stage(["nas/data"], ["data/weights/net"]),
    "maps@a-net": stage(["data/raw/a", "data/weights/net"], ["data/maps/a/net"], seed=1),
    "download@former": stage(["nas/data"], ["data/raw/former"]),
    "maps@former-net": stage(["data/raw/former"], ["data/maps/former/net"]),
    "elsewhere": stage(["nas/data"], ["data/other"], **{"other.key": 1}),
    "render_method": stage(["data/maps"], ["reports/figures/figure2.png"], **{"method.figure": {}}),
    "claims": stage(["data/maps"], ["reports/claims.json"], **{"claims": {}}),
}


PARAMETERS = {"seed": 1, "datasets": ["a"], "classifiers": ["net"], "paper": {"datasets": []}}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": STAGES}))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    (tmp_path / "requirements.lock").write_text("torch==2.1 \\\n    --hash=sha256:0\nscipy==1.15.0; marker\nelse==1\n")
    return tmp_path


def test_a_figure_leads_to_all_stages_and_parameters_behind_it_and_to_no_others(project):
    made = provenance(project, ["one claim"])
    rows = {row["name"]: row for row in made["parts"]}
    assert rows["figure2"] == {
        "name": "figure2",
        "kind": "figure",
        "notebook": "notebooks/method.ipynb",
        "stage": "render_method",
        "stages": ["download@a", "maps@a-net", "render_method", "weights@net"],
        "parameters": ["download.limit", "method.figure", "seed"],
    }
    assert rows["one claim"]["stages"] == ["claims", "download@a", "maps@a-net", "weights@net"]
    assert rows["one claim"]["kind"] == "claim" and rows["table1"]["stages"] == []
    assert made["data"] == {"data/raw/a": "w/a0123456789", "data/weights/net": "net0123456789"}
    assert made["versions"] == {"torch": "2.1", "scipy": "1.15.0"} and set(made["parameters"]) == set(PARAMETERS) - {
        "paper"
    }
    assert leading_to("unknown", STAGES, {}) == set()


def test_without_a_lock_nothing_is_known_of_the_data(project):
    (project / "dvc.lock").unlink()
    made = provenance(project, [])
    assert made["data"] == {} and not any(row["stages"] for row in made["parts"])
    assert "Photos and weights (md5): not known." in footer(made, "")


def test_a_page_says_in_a_line_what_made_it(project):
    line = footer(provenance(project, []), "notebooks/method.ipynb")
    assert line == (
        "Made from notebooks/method.ipynb. Photos and weights (md5): raw/a w/a0123456; weights/net net0123456. With "
        "torch 2.1, scipy 1.15.0."
    )


def test_every_figure_and_table_that_the_pipeline_makes_has_a_row(root):
    made = provenance(root, [])
    rows = {(row["kind"], row["name"]): row for row in made["parts"]}
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        for out in stage.get("outs", []):
            path = out if isinstance(out, str) else next(iter(out))
            kind = "figure" if path.startswith("reports/figures/") else "table"
            if path.endswith((".png", ".md")):
                row = rows[kind, path.rpartition("/")[2].partition(".")[0]]
                assert row["stage"] == name and (root / row["notebook"]).is_file()
    assert len(rows) == sum(len(section.figures) + len(section.tables) for section in SECTIONS)
    assert set(versions(root / "requirements.lock")) == set(NAMED)
