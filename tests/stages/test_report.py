"""The whole stage on figures, tables and summaries of two data sets and networks, against a plain reading of them."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from nas.data.records import Record, write_records
from nas.report.pages import PLACE
from nas.report.sections import SECTIONS
from nas.report.writing import write_printed
from nas.store.tables import write_table
from nas.superpixels.variants import Variant, write_variants
from stages import params, report

DATASETS, NETWORKS, LEVEL, SEED = ["folder", "sample"], ["resnet50", "mobilenet_v2"], 0.8, 5
MEASURES, METHODS = ("n_regions", "boundary_recall"), ("slic", "nas_clusters")
VARIANTS = {"32": Variant(4, (1, 3), "none", 32), "image": Variant(4, (1, 3), "none", "image")}


@pytest.fixture
def project(tmp_path, root, monkeypatch):
    """A folder with all that the stage reads, of numbers drawn at random; summaries as CSV lie beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/report.py"])
    content = yaml.safe_load((root / "params.yaml").read_text())
    content |= {"datasets": DATASETS, "classifiers": NETWORKS, "seed": SEED}
    content["superpixels"]["sizes"], content["statistics"]["level"] = [32, "image"], LEVEL
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
    generator = np.random.default_rng(0)
    for number, dataset in enumerate(DATASETS, start=3):
        records = [Record(f"p{photo}", tmp_path / "x.png", "0" * 64) for photo in range(number)]
        write_records(records, tmp_path / "data/raw" / dataset)
        for network in NETWORKS:
            write_variants(tmp_path / "data/superpixels" / dataset / network, VARIANTS)
            values = [(v, m, x, generator.random()) for v in VARIANTS for m in METHODS for x in MEASURES]
            store("superpixels", dataset, network, ["variant", "method", "measure", "value"], values, tmp_path)
            views = [(one, view, generator.random()) for one in ("all", "ours") for view in ("squashed", "center crop")]
            store("activations", dataset, network, ["labels", "view", "value"], views, tmp_path)
            maps = [
                ("lrp", "raw", "MaxBoxAccV2", generator.random(), 0),
                ("mean", "slic.32", "MaxBoxAccV2", np.nan, 0.25),
            ]
            columns = ["method", "regions", "measure", "value", "gain"]
            store("localization", dataset, network, columns, maps, tmp_path)
    for folder in ("sections", "figures", "tables"):
        (tmp_path / "reports" / folder).mkdir(parents=True)
    for name in ("notebooks", "requirements.lock"):
        (tmp_path / name).symlink_to(root / name)
    for section in SECTIONS:
        places = "".join(PLACE.format(name) for name in (*section.figures, *section.tables))
        (tmp_path / f"reports/sections/{section.name}.html").write_text(f"<h1>{section.title}</h1>{places}")
        for name in section.figures:
            picture = tmp_path / f"reports/figures/{name}.png"
            Image.fromarray(generator.integers(0, 256, (4, 6, 3), np.uint8)).save(picture)
            picture.with_suffix(".txt").write_text(f"What {name} shows.")
        for name in section.tables:
            cells = pd.DataFrame({"score": [f"{generator.random():.6f}"]})
            write_printed(cells, tmp_path / f"reports/tables/{name}", f"What {name} lists.")
    cell = {"dataset": "sample", "network": "resnet50", "value": 0.11, "low": 0.04, "high": 0.2, "n": 4, "missing": ""}
    claim = {
        "name": "one",
        "short": "Held",
        "text": "It holds.",
        "unit": "ASA",
        "statistic": "a difference",
        "figure": "table2",
        "kind": "",
        "over": "",
        "over_text": "",
        "threshold": "",
        "verdict": "supported",
        "p": 0.002,
        "detectable": None,
        "null": 0.0,
        "value": 0.1234,
        "low": 0.05,
        "high": 0.21,
        "n": 4,
        "p_corrected": 0.0023,
        "least": 0.11,
        "greatest": 0.13,
        "i2": None,
        "sentence": "It is so.",
        "cells": [cell, cell | {"network": "mobilenet_v2", "value": 0.13}],
    }
    across = {
        "name": "everywhere",
        "text": "Everywhere.",
        "kind": "slic",
        "needs": "more",
        "figure": "table1",
        "cells": 2,
        "agreeing": 1,
        "verdict": "undecided",
        "datasets": 2,
        "networks": 2,
        "p_corrected": 0.4,
        "missing": "",
    }
    ledger = {"about": [{"rule": "The rule."}], "claims": [claim], "across": [across]}
    (tmp_path / "reports/claims.json").write_text(json.dumps(ledger))
    return tmp_path


def store(subject, dataset, network, columns, rows, folder):
    table = pd.DataFrame(rows, columns=columns)
    write_table(table, folder / "data/statistics" / subject / dataset / network / "summary.parquet")
    table.to_csv(folder / f"{subject} {dataset} {network}.csv", index=False)


def rows_of(folder, *names):
    with open(folder / f"{' '.join(names)}.csv") as file:
        return list(csv.DictReader(file))


def test_metrics_are_those_of_the_summaries(project):
    params.run(report.main)
    expected = {}
    for dataset in DATASETS:
        for network in NETWORKS:
            [top1] = [
                row["value"]
                for row in rows_of(project, "activations", dataset, network)
                if (row["labels"], row["view"]) == ("all", "center crop")
            ]
            numbers = {"top1": round(float(top1), 4)}
            for row in rows_of(project, "superpixels", dataset, network):
                if row["variant"] == "32":
                    numbers.setdefault(row["method"], {})[row["measure"]] = round(float(row["value"]), 4)
            [raw] = [
                row["value"] for row in rows_of(project, "localization", dataset, network) if row["method"] == "lrp"
            ]
            numbers["MaxBoxAccV2"] = {"lrp": round(float(raw), 4)}
            numbers["mean gain in MaxBoxAccV2"] = {"slic.32": 0.25}
            expected.setdefault(dataset, {})[network] = numbers
    found = json.loads((project / "reports/metrics.json").read_text())
    assert found.pop("claims") == {"one": {"verdict": "supported", "value": 0.1234}}
    assert found == expected
    assert list(found) == DATASETS and all(list(each) == NETWORKS for each in found.values())


def test_the_first_page_has_every_picture_table_and_finding_and_says_of_what(project):
    params.run(report.main)
    page = (project / "reports/site/index.html").read_text()
    text = " ".join(re.sub(r"<br>|</t[dh]>|</dt>", " ", page).split())
    text = " ".join(re.sub(r"<[^>]+>", "", text).split())
    for section in SECTIONS:
        own = (project / f"reports/site/{section.name}.html").read_text()
        for name in section.figures:
            assert page.count(f'src="../figures/{name}.png"') == 1 and text.count(f"What {name} shows.") == 1
        for name in section.tables:
            [score] = re.findall(r"0\.\d{6}", (project / f"reports/tables/{name}.csv").read_text())
            assert page.count(score) == own.count(score) == 1 and text.count(f"What {name} lists.") == 1
    assert "folder (3), sample (4); networks: ResNet-50, MobileNetV2; seed 5." in text
    assert "Square brackets are 80% intervals over photos" in text
    assert "Few photos: folder has 3 photos, sample has 4 photos: enough to check" in text
    assert "Held Supported: ASA +0.123 [+0.050, +0.210] is above 0." in text
    assert "The rule." in text and "It holds." in text and "supported It is so. Cells: +0.110 to +0.130." in text
    assert "Above 0 in 1 of 2 cells, on 2 data sets under 2 networks" in text


def test_notebooks_and_what_made_the_parts_lie_beside_the_pages(project, root):
    (project / "reports/site").mkdir()
    (project / "reports/site/of-a-former-run.html").touch()
    params.run(report.main)
    made = json.loads((project / "reports/provenance.json").read_text())
    assert [row["name"] for row in made["parts"]][-1] == "one" and made["parameters"]["seed"] == SEED
    for section in SECTIONS:
        path = f"notebooks/{section.name}.ipynb"
        assert (project / "reports/site" / path).read_bytes() == (root / path).read_bytes()
    assert len([*(project / "reports/site/notebooks").iterdir()]) == len(SECTIONS)  # of nobody's own
    assert {path.name for path in (project / "reports/site").iterdir()} == {
        "index.html", "style.css", "tables.js", "looker.js", "notebooks",
        *(f"{section.name}.html" for section in SECTIONS)
    }  # fmt: skip


def test_without_the_ledger_the_stage_that_makes_it_is_missed_in_one_line(project):
    (project / "reports/claims.json").unlink()
    with pytest.raises(SystemExit, match=r"^error: .*reports/claims\.json"):
        params.run(report.main)
    assert not (project / "reports/site").exists()
