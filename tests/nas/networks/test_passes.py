"""What a pass says of a photo: its prediction, and where the label stands."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nas.data.records import Record
from nas.networks.accuracy import accuracy
from nas.networks.descriptions import CATEGORIES
from nas.networks.heads import Head
from nas.networks.passes import _describe, _label, _names
from nas.statistics.resampling import Resampling


@pytest.mark.parametrize("n_classes", [2, 200, 21841])
def test_a_classifier_of_other_classes_has_no_rank_of_the_imagenet_label(n_classes):
    record = Record("a", Path("a.png"), "0" * 64, imagenet_index=150, label_source="file")
    logits = np.arange(n_classes, dtype=np.float32)
    label, names = _label(record, None, n_classes), _names(None, n_classes)
    row = _describe(record, logits, -logits, label, names)
    assert (row["prediction"], row["prediction_cropped"]) == (n_classes - 1, 0)
    assert (row["rank"], row["rank_cropped"], row["prediction_name"]) == (None, None, "")
    summary = accuracy(pd.DataFrame([row, {**row, "id": "b"}]), Resampling(0.95, 100, 0))
    assert summary["n"].tolist() == [0] * 4 and summary["value"].isna().all()


def test_ranks_are_of_the_imagenet_label():
    record = Record("a", Path("a.png"), "0" * 64, imagenet_index=997, label_source="file")
    logits = np.arange(1000, dtype=np.float32)
    row = _describe(record, logits, -logits, _label(record, None, 1000), CATEGORIES)
    assert (row["rank"], row["rank_cropped"]) == (2, 997)
    assert (row["prediction_name"], row["prediction_name_cropped"]) == (CATEGORIES[-1], CATEGORIES[0])


def test_a_head_has_the_labels_and_names_of_the_data_set():
    head = Head(np.zeros((2, 3)), np.zeros(2), np.array([4, 7]), 1.0, 1.0, ("owl", "wren"))
    labels = [_label(Record("a", Path(), "", class_index=i), head, 2) for i in (4, 7, 5, None)]
    assert labels == [0, 1, None, None]
    row = _describe(Record("a", Path(), ""), np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0, head.names)
    assert (row["prediction_name"], row["prediction_name_cropped"], row["rank"]) == ("wren", "owl", 1)
