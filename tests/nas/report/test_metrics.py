"""The numbers to compare between runs, of results made up here."""

import numpy as np
import pandas as pd
from ledgers import CLAIM, OTHER

from nas.report.metrics import metrics, rounded
from nas.store.tables import write_table
from nas.superpixels.variants import Variant, write_variants


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
