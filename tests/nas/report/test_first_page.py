"""The first page and the numbers to compare, of results made up here."""

import numpy as np
import pandas as pd
import pytest

from nas.data.records import Record, write_records
from nas.report import first_page
from nas.report.first_page import SECTIONS, make_first_page, metrics, rounded
from nas.report.writing import write_printed
from nas.store.files import write_bytes
from nas.store.tables import write_table
from nas.superpixels.variants import Variant, write_variants

LEDGER = {
    "rule": "a rule",
    "claims": [
        {
            "name": "helps",
            "text": "Averaging <helps>.",
            "statistic": "gain in BoxAcc@0.7",
            "figure": "table1",
            "regions": "nas_clusters.image",
            "verdict": "not supported",
            "findings": [
                {"dataset": "made", "network": "mobilenet_v2", "verdict": "not supported", "value": -0.0123,
                 "low": -0.1, "high": 0.05, "null": 0.0, "p_corrected": 0.00004, "n": 7},
                {"dataset": "bare", "network": "own", "verdict": "undecided", "value": None,
                 "missing": "no photo has a <mask>"},
            ],
        }
    ],
    "across": {"text": "Across.", "regions": "slic.first", "needs": "2 data sets", "figure": "table1", "tests": 2,
               "verdict": "undecided", "supported": 0, "datasets": 1, "networks": 2},
}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    """A project with every figure and table, and two data sets of 2 and 3 photos."""
    for section in SECTIONS:
        for name in section.figures:
            write_bytes(tmp_path / f"reports/figures/{name}.png", name.encode())
            write_bytes(tmp_path / f"reports/figures/{name}.txt", f"Caption of {name}\n".encode())
        for name in section.tables:
            write_printed(pd.DataFrame({"score": ["0.5"]}), tmp_path / f"reports/tables/{name}", f"Caption of {name}")
    for dataset, n in (("made", 2), ("bare", 3)):
        write_records(
            [Record(f"p{i}", tmp_path / "x.png", "0" * 64) for i in range(n)], tmp_path / "data/raw" / dataset
        )
    return tmp_path


def page(root, **given):
    known = {"datasets": ["made", "bare"], "networks": ["mobilenet_v2", "own"], "level": 0.9, "seed": 7}
    return make_first_page(root, LEDGER, **(known | given))


def test_every_figure_and_table_is_on_the_page_once_in_its_section(root):
    text = page(root)
    places = []
    for section in SECTIONS:
        places.append(text.index(f'<h2 id="{section.name}">'))
        for name in (*section.figures, *section.tables):
            assert text.count(f'<figure id="{name}"') == 1 and f"</strong> Caption of {name}</figcaption>" in text
            places.append(text.index(f'<figure id="{name}"'))
        assert f'<a href="{section.name}.html">' in text
    assert places == sorted(places)


def test_the_page_says_of_what_it_is(root):
    text = " ".join(page(root).split())
    assert "<strong>made</strong> (2 photos)" in text and "<strong>bare</strong> (3 photos)" in text
    assert "MobileNetV2, own, seed 7." in text and "Square brackets are 90% bootstrap intervals" in text


def test_findings_are_the_numbers_of_the_ledger(root):
    text = page(root)
    assert "Averaging &lt;helps&gt;. <em>Inside NAS clusters (image grid).</em>" in text
    assert "<td>-0.012<br><small>[-0.100, +0.050]</small></td>" in text
    assert "<td>0</td><td>&lt; 0.0001</td><td>7</td>" in text
    assert (
        '<td colspan="4">not measured: no photo has a &lt;mask&gt;</td>' in text
        and '<a href="#table1">Table 1</a>' in text
    )
    assert "0 of 2 tests support it, on 1 data set and 2 networks" in text


def test_small_data_sets_are_called_small(root, monkeypatch):
    assert "made has 2 photos, bare has 3 photos: enough to check" in page(root)
    monkeypatch.setattr(first_page, "FEW", 3)
    assert "made has 2 photos: enough to check" in page(root)
    monkeypatch.setattr(first_page, "FEW", 2)
    assert "enough to check" not in page(root)


def test_metrics_are_of_the_first_variant_and_of_all_labels(tmp_path):
    variants = {name: Variant(5, (2, 3), "channels", "first") for name in ("main", "image")}
    for place, dataset in enumerate(("made", "other")):
        folder = tmp_path / "data/superpixels" / dataset / "net"
        write_variants(folder, variants)
        rows = [
            {"variant": variant, "method": method, "measure": measure, "value": number + place + 0.123456}
            for number, (variant, method, measure) in enumerate(
                (v, m, x)
                for v in ("image", "main")
                for m in ("slic", "nas_components")
                for x in ("n_regions", "recall")
            )
        ]
        rows[-1]["value"] = np.nan
        write_table(pd.DataFrame(rows), tmp_path / "data/statistics/superpixels" / dataset / "net/summary.parquet")
        accuracy = [
            {"labels": labels, "view": view, "value": number / 10 + place}
            for number, (labels, view) in enumerate(
                (one, view) for one in ("ours", "all") for view in ("squashed", "center crop")
            )
        ]
        write_table(pd.DataFrame(accuracy), tmp_path / "data/statistics/activations" / dataset / "net/summary.parquet")
    claims = LEDGER["claims"] + [
        {"name": "no", "verdict": "undecided", "findings": [{"value": None}]},
        {"name": "two", "verdict": "supported", "findings": [{"value": 1.0}, {"value": 0.5}]},
    ]
    found = metrics(tmp_path, {"claims": claims}, ["made", "other"], ["net"])
    assert found.pop("claims") == {
        "helps": {"verdict": "not supported", "mean": -0.0123},
        "no": {"verdict": "undecided", "mean": None},
        "two": {"verdict": "supported", "mean": 0.75},
    }
    expected = {"top1": 0.3, "slic": {"n_regions": 4.1235, "recall": 5.1235},
                "nas_components": {"n_regions": 6.1235, "recall": None}}  # fmt: skip
    assert found["made"]["net"] == expected and found["other"]["net"]["slic"]["recall"] == 6.1235


def test_a_number_that_is_not_defined_is_null():
    assert rounded(np.nan) is None and rounded(np.float64(0.123456)) == 0.1235 and rounded(1) == 1.0
