"""AUROC raw and averaged."""

import numpy as np
import pandas as pd

from nas.report.figures.figure5_saliency import GAINS
from nas.report.tables import saliency

ROW = {"dataset": "made", "network": "mobilenet_v2", "method": "lrp", "regions": "slic.first", "raw": 0.5}
ROW |= {"averaged": 0.6, "value": 0.1, "low": -0.0204, "high": 0.2, "n": 4, "seed": 0}


def test_a_row_is_a_method_with_its_paired_difference():
    other = ROW | {"regions": "nas_clusters.image", "averaged": 0.25, "value": -0.25}
    [row, following] = saliency.table(pd.DataFrame([ROW, other])).to_dict("records")
    assert row == {"data set": "made", "network": "MobileNetV2", "method": "LRP", "regions": "SLIC", "raw": "0.500",
                   "averaged": "0.600", "averaged − raw": "+0.100 [-0.020, +0.200]", "n": "4"}  # fmt: skip
    assert following["regions"] == "NAS clusters (image grid)"
    assert following["averaged − raw"] == "-0.250 [-0.020, +0.200]"


def test_a_single_photo_has_means_without_intervals():
    gains = pd.DataFrame([ROW | {"low": np.nan, "high": np.nan, "n": 1}])
    assert saliency.table(gains)["averaged"].tolist() == ["0.600"]


def test_the_gains_of_no_photo_are_an_empty_table():
    assert saliency.table(pd.DataFrame(columns=GAINS)).empty
