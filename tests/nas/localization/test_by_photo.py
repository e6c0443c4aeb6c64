"""What photos add to the scores, against the scores and against hits counted threshold by threshold."""

import numpy as np
import pytest
from plain import store

from nas.localization import by_photo
from nas.localization.box_accuracy import hits_of
from nas.localization.boxes import LEVELS, THRESHOLDS
from nas.localization.by_photo import photo_values
from nas.store.shards import Shards

KEY, N = "lrp/raw", 11


@pytest.fixture
def best():
    return (np.random.default_rng(0).random((N, len(LEVELS))) ** 0.7).astype(np.float32)


@pytest.fixture
def stored(tmp_path, best):
    photos = {f"p{number:02}": {f"multi/{KEY}": row, "multi/cam/raw": row[::-1]} for number, row in enumerate(best)}
    return Shards(store(tmp_path / "localization", photos))


def test_their_mean_is_the_score_at_the_best_threshold(stored, best):
    found = photo_values(stored, [KEY, "cam/raw"], [0.3, 0.7])[KEY]
    for iou in (0.3, 0.7):
        hits = hits_of(best, iou)
        assert found[f"BoxAcc@{iou}"].mean() == pytest.approx(hits.mean(axis=0).max())
        at_best = np.flatnonzero(hits.mean(axis=0) == hits.mean(axis=0).max())
        np.testing.assert_allclose(found[f"BoxAcc@{iou}"], hits[:, at_best].mean(axis=1))


def test_high_thresholds_of_the_map_are_those_from_half_of_it_up(stored, best):
    found = photo_values(stored, [KEY], [])[KEY]
    level_of = [np.flatnonzero(index >= LEVELS)[-1] for index in range(len(THRESHOLDS))]
    every = best[:, level_of]
    high = every[:, THRESHOLDS >= 0.5]
    assert high.shape == (N, 500)
    expected = [np.mean([(row >= np.float32(iou)).mean() for iou in (0.5, 0.7)]) for row in high]
    np.testing.assert_allclose(found["BoxAcc@high"], expected)
    np.testing.assert_allclose(found["thresholds"], every.astype(float).mean(axis=1))


def test_photos_that_are_read_a_few_at_a_time_are_the_same(stored, monkeypatch):
    whole = photo_values(stored, [KEY], [0.5])[KEY]
    monkeypatch.setattr(by_photo, "PHOTOS", 3)
    for name, values in photo_values(stored, [KEY], [0.5])[KEY].items():
        np.testing.assert_array_equal(values, whole[name])
