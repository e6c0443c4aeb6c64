"""Table 5, of two networks made up here, one with a head."""

import pandas as pd
import pytest

from nas.report.tables.table5_networks import accuracy_of, classes, predictions, table
from nas.store.files import write_json
from nas.store.tables import write_table
from nas.superpixels.variants import Variant, write_variants

HEADS = {
    "mobilenet_v2": {"reason": "its classes are ImageNet's", "n_photos": 0, "n_classes": 0,
                     "C": None, "cv_accuracy": None},
    "own": {"reason": "", "n_photos": 60, "n_classes": 12, "C": 0.01, "cv_accuracy": 0.816},
}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    for number, (network, head) in enumerate(HEADS.items(), start=1):
        of = {stage: tmp_path / "data" / stage / "made" / network for stage in ("activations", "heads", "superpixels")}
        write_json(of["heads"] / "head.json", head)
        shapes = [{"depth": depth, "node": "x", "channels": 8 * number, "height": 64 >> depth, "width": 32 >> depth}
                  for depth in (2, 3)]  # fmt: skip
        write_json(of["activations"] / "network.json", shapes)
        variants = {"first": Variant(4 + number, (3,), "channels", "first"), "image": Variant(5, (2,), "none", "image")}
        write_variants(of["superpixels"], variants)
        regions = [
            {"variant": variant, "method": method, "measure": measure, "value": value * number, "low": 3.0, "high": 9.0,
             "clusters": str(4 + number)}
            for variant, value in (("first", 20.4), ("image", 30.6)) for method in ("nas_components", "slic")
            for measure in ("n_regions", "boundary_recall")
        ]  # fmt: skip
        accuracy = [
            {"labels": labels, "view": "squashed", "value": value / number, "low": 0.1, "high": 0.9, "n": n}
            for labels, value, n in (("ImageNet", 0.5, 4), ("ours", 0.25, 3), ("all", 0.75, 7))
        ]
        for subject, rows in (("superpixels", regions), ("activations", accuracy)):
            write_table(
                pd.DataFrame(rows), tmp_path / "data/statistics" / subject / "made" / network / "summary.parquet"
            )
    return tmp_path


def test_a_network_is_a_column_with_its_depths_regions_and_accuracy(root):
    frame, caption = table(root, ["made"], list(HEADS))
    assert list(frame) == ["", "MobileNetV2, made", "own, made"] and "top-1 accuracy [bootstrap interval]" in caption
    found = frame.set_index("").T
    assert found["depth 2"].tolist() == ["8 × 16 × 8", "16 × 16 × 8"]
    assert found["depth 3"].tolist() == ["8 × 8 × 4*", "16 × 8 × 4*"]  # the one that is used
    assert found["k"].tolist() == ["5", "6"]
    assert found["regions, recipe's grid"].tolist() == ["20 [3, 9]", "41 [3, 9]"]
    assert found["regions, image grid"].tolist() == ["31 [3, 9]", "61 [3, 9]"]
    assert found["top-1, ImageNet labels, squashed"].tolist() == [f"{v} [0.10, 0.90], n = 4" for v in ("0.50", "0.25")]
    assert found["top-1, all photos, squashed"].iloc[0] == "0.75 [0.10, 0.90], n = 7"
    assert not any("ours" in name for name in found)
    assert found["classes"].tolist() == [classes(head) for head in HEADS.values()]
    assert found["head, cross-validated accuracy"].tolist() == [
        "",
        "0.82, the best of six C, n = 60 train photos, C = 0.01",
    ]


def test_a_head_or_its_absence_is_explained():
    assert classes(HEADS["mobilenet_v2"]) == "the network's own (its classes are ImageNet's)"
    assert classes(HEADS["own"]) == "12 of the data set, by a linear head"
    assert accuracy_of(HEADS["mobilenet_v2"]) == ""


def test_predictions_are_beside_the_label_with_its_rank_where_it_is_not_first(tmp_path):
    for network, ranks in (("mobilenet_v2", [0.0, 4.0, None]), ("own", [1.0, 0.0, None])):
        rows = {"dataset": "made", "network": network, "id": ["a", "b", "c"], "class_name": ["owl", "cat", ""],
                "prediction_name": [f"{network} {photo}" for photo in "abc"], "rank": ranks}  # fmt: skip
        write_table(pd.DataFrame(rows), tmp_path / "data/activations/made" / network / "table.parquet")
    found = predictions(tmp_path, ["made"], ["mobilenet_v2", "own"])
    expected = {
        "data set": ["made"] * 3,
        "photo": ["a", "b", "c"],
        "label": ["owl", "cat", ""],
        "MobileNetV2": ["mobilenet_v2 a", "mobilenet_v2 b (label at rank 5)", "mobilenet_v2 c"],
        "own": ["own a (label at rank 2)", "own b", "own c"],
    }
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected))
