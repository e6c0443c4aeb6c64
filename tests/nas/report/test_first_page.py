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

CLAIM = {
    "name": "helps.nas_clusters",
    "text": "Averaging <helps>.",
    "statistic": "gain in BoxAcc@0.7",
    "figure": "table1",
    "kind": "nas_clusters",
    "over_text": "SLIC with as <many>",
    "threshold": "",
    "null": 0.0,
    "verdict": "contradicted",
    "value": -0.0123,
    "low": -0.1,
    "high": 0.05,
    "n": 7,
    "p_corrected": 0.00004,
    "least": -0.02,
    "greatest": 0.01,
    "i2": 0.25,
    "sentence": "It is <below> 0.",
    "cells": [
        {
            "dataset": "made",
            "network": "mobilenet_v2",
            "value": -0.0123,
            "low": -0.1,
            "high": 0.05,
            "n": 7,
            "missing": "",
        },
        {
            "dataset": "bare",
            "network": "own",
            "value": None,
            "low": None,
            "high": None,
            "n": 0,
            "missing": "no photo has a <mask>",
        },
    ],
}
OTHER = CLAIM | {
    "name": "helps.nas_components",
    "kind": "nas_components",
    "over_text": "",
    "verdict": "not measured",
    "value": None,
    "low": None,
    "high": None,
    "p_corrected": None,
    "least": None,
    "greatest": None,
    "i2": None,
    "n": 0,
    "sentence": "Not measured: nothing.",
    "cells": [],
}
ALONE = CLAIM | {
    "name": "alone",
    "text": "Alone.",
    "kind": "",
    "over_text": "",
    "threshold": "consistent_tau",
    "null": 0.8,
    "verdict": "supported",
    "cells": [],
}
LEDGER = {
    "about": [{"rule": "a rule"}],
    "claims": [CLAIM, OTHER, ALONE],
    "across": [
        {
            "text": "Across.",
            "kind": "nas_clusters",
            "needs": "2 data sets",
            "figure": "table1",
            "cells": 3,
            "verdict": "undecided",
            "agreeing": 2,
            "datasets": 1,
            "networks": 2,
            "p_corrected": 0.3,
            "missing": "",
        }
    ],
}


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
    assert "MobileNetV2, own, seed 7." in text and "Square brackets are 90% intervals over photos" in text


def test_claims_are_the_numbers_of_the_ledger(root):
    text = page(root)
    assert text.count("Averaging &lt;helps&gt;.") == 1
    assert '<td class="wrap">NAS clusters over SLIC with as &lt;many&gt;</td>' in text
    assert '<td class="wrap">0.8, a threshold of ours</td>' in text
    assert "It is &lt;below&gt; 0." in text and "-0.020 to +0.010<br>25%" in text and "Not measured: nothing." in text
    for verdict in ("contradicted", "not measured", "supported"):
        assert f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>' in text
    assert '<a href="#table1">Table 1</a>' in text
    assert "Above 0 in 2 of 3 cells, on 1 data set under 2 networks (p = 0.3000 that" in text


def test_cells_have_intervals_and_no_verdicts(root):
    text = page(root)
    cells = text[text.index("<details>") : text.index("</details>")]
    assert "<td>-0.012 <small>[-0.100, +0.050]</small></td><td>7</td>" in cells
    assert "not measured: no photo has a &lt;mask&gt;" in cells and "verdict " not in cells


def test_what_holds_everywhere_says_why_it_is_not_measured(root, monkeypatch):
    monkeypatch.setitem(LEDGER["across"][0], "missing", "1 data set")
    assert "Not measured: 1 data set." in page(root)


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
        maps = [("lrp", "raw", 0.5, 0.0), ("sobel", "raw", 0.61236, 0.0), ("lrp", "slic.first", 0.7, 0.2)]
        maps.append(("mean", "slic.first", np.nan, 0.2))
        scores = [(*each, measure) for each in maps for measure in ("MaxBoxAccV2", "PxAP") if dataset == "made"]
        scores = pd.DataFrame(scores, columns=["method", "regions", "value", "gain", "measure"])
        write_table(scores, tmp_path / "data/statistics/localization" / dataset / "net/summary.parquet")
    found = metrics(tmp_path, {"claims": [CLAIM, OTHER]}, ["made", "other"], ["net"])
    assert found.pop("claims") == {
        "helps.nas_clusters": {"verdict": "contradicted", "value": -0.0123},
        "helps.nas_components": {"verdict": "not measured", "value": None},
    }
    expected = {
        "top1": 0.3,
        "slic": {"n_regions": 4.1235, "recall": 5.1235},
        "nas_components": {"n_regions": 6.1235, "recall": None},
        "MaxBoxAccV2": {"lrp": 0.5, "sobel": 0.6124},
        "mean gain in MaxBoxAccV2": {"slic.first": 0.2},
    }
    assert found["made"]["net"] == expected and found["other"]["net"]["slic"]["recall"] == 6.1235


def test_a_number_that_is_not_defined_is_null():
    assert rounded(np.nan) is None and rounded(np.float64(0.123456)) == 0.1235 and rounded(1) == 1.0
