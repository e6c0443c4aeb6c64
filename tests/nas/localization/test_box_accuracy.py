"""Box accuracy over a data set against the protocol written plainly, one contour search per threshold."""

import re

import cv2
import numpy as np
import pytest
from plain import plain_best_ious, random_boxes

from nas.localization.box_accuracy import V2_IOUS, BoxAccuracy, hits_of
from nas.saliency.maps import normalize


@pytest.fixture(scope="module", params=[True, False])
def scored(request):
    """30 blurred maps scored by the class, and their best IoUs by the plain protocol."""
    rng = np.random.default_rng(5)
    accuracy = BoxAccuracy(multi_contour=request.param, size=(16, 20))
    rows = []
    for _ in range(30):
        saliency = normalize(cv2.GaussianBlur(rng.random((16, 20)), (0, 0), 3))
        true = random_boxes(rng, 16, 20, n=2)
        accuracy.update(saliency, true)
        rows.append(plain_best_ious(saliency, true, request.param))
    return accuracy, np.array(rows)


def test_scores_at_the_best_common_threshold(scored):
    accuracy, ious = scored
    for d in (*V2_IOUS, 0.9):
        assert accuracy.score(d) == (ious >= d).sum(0).max() / 30
    np.testing.assert_array_equal(accuracy.best_ious_, ious.astype(np.float32))


@pytest.mark.parametrize("tenths", [3, 5, 7, 9])
def test_an_iou_just_at_the_limit_is_a_hit(tenths):
    """Kept in float32, an IoU of 3/10 must neither fall below 0.3 nor reach anything above."""
    saliency = np.zeros((10, 12))
    saliency[0, : tenths - 1] = 1
    accuracy = BoxAccuracy(size=(10, 12))
    accuracy.update(saliency, [[0, 0, 9, 1]])
    assert accuracy.score(tenths / 10) == 1
    assert accuracy.score(tenths / 10 + 1e-6) == 0


def test_hits_are_compared_as_the_fractions_that_they_were():
    areas = np.arange(1, 400)
    for tenths in range(1, 10):
        ious = (areas[:, None] / areas).astype(np.float32)
        assert np.array_equal(hits_of(ious, tenths / 10), 10 * areas[:, None] >= tenths * areas)


UNIT = np.linspace(0, 1, 64).reshape(8, 8)
BOX = [[1, 1, 5, 6]]


@pytest.mark.parametrize(
    ("saliency", "boxes", "message"),
    [
        (UNIT[:4], BOX, "saliency has shape (4, 8); give the evaluation size (8, 8)"),
        (UNIT[None], BOX, "saliency has shape (1, 8, 8); give one map"),
        (UNIT * 2, BOX, "saliency goes from 0.0 to 2.0; give 0 to 1, by normalize"),
        (UNIT - 1, BOX, "saliency goes from -1.0 to 0.0; give 0 to 1"),
        (UNIT * np.nan, BOX, "saliency goes from nan to nan; give 0 to 1"),
        (UNIT, np.zeros((0, 4)), "boxes has shape (0, 4); give at least one box"),
        (UNIT, [1, 1, 5, 6], "boxes has shape (4,); give at least one box"),
        (UNIT, [[1, 1, 5, 6], [5, 1, 4, 6]], "boxes has [5.0, 1.0, 4.0, 6.0]; give 0 <= x0 <= x1 <= 8"),
        (UNIT, [[1, -1, 5, 6]], "boxes has [1.0, -1.0, 5.0, 6.0]; give"),
        (UNIT, [[1, 1, 9, 6]], "boxes has [1.0, 1.0, 9.0, 6.0]; give"),
        (UNIT, [[1, 1, np.nan, 6]], "boxes has [1.0, 1.0, nan, 6.0]; give"),
    ],
)
def test_update_refuses(saliency, boxes, message):
    accuracy = BoxAccuracy(size=(8, 8))
    with pytest.raises(ValueError, match=re.escape(message)):
        accuracy.update(saliency, boxes)
    with pytest.raises(ValueError, match="no image was scored"):
        accuracy.score(0.5)
