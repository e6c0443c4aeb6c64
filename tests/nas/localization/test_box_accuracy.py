"""The scores of `nas.localization` against the protocol written plainly, one contour search per threshold."""

import re

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.boxes import resize_boxes
from nas.localization.box_accuracy import BoxAccuracy
from nas.localization.boxes import best_ious, boxes_at_thresholds
from nas.localization.pixel_precision import PixelAveragePrecision, PooledHistograms
from nas.localization.resamples import ResampledHits, difference_interval, mean_score, resampled_score
from nas.saliency.maps import center_gaussian, normalize, resize_map
from nas.statistics.bootstrap import resample_parts

examples = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def plain_boxes(saliency, thresholds, multi_contour):
    """Choe et al. 2020: quantize, then for each threshold binarize, find contours, take bounding boxes."""
    height, width = saliency.shape
    image = np.floor(saliency * 255).astype(np.uint8)
    boxes_at = []
    for threshold in thresholds:
        cut = int(threshold * image.max())
        binary = np.where(image > cut, 255, 0).astype(np.uint8)
        contours = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[-2]
        if not multi_contour and contours:
            contours = [max(contours, key=cv2.contourArea)]
        boxes = []
        for contour in contours:
            x, y, w, h = cv2.boundingRect(contour)
            boxes.append([x, y, min(x + w, width - 1), min(y + h, height - 1)])
        boxes_at.append(boxes or [[0, 0, 0, 0]])
    return boxes_at


def plain_iou(a, b):
    """By drawing both boxes, corners included."""
    pixels = [{(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)} for x0, y0, x1, y1 in (a, b)]
    return len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])


def plain_best_ious(saliency, true, thresholds, multi_contour):
    predicted = plain_boxes(saliency, thresholds, multi_contour)
    return [max(plain_iou(a, b) for a in boxes for b in true) for boxes in predicted]


def random_map(seed):
    """A map in [0, 1] of a random kind and size: noise, blocks, blurred, few levels, binary, constant, a line."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 24, 2)
    noise = rng.random((height, width))
    small = rng.random((height // 4 + 1, width // 4 + 1))
    kind = rng.integers(8)
    if kind == 0:
        return noise
    if kind == 1:
        return np.kron(small, np.ones((4, 4)))[:height, :width]
    if kind == 2:
        return normalize(cv2.GaussianBlur(noise, (0, 0), 1.5))
    if kind == 3:
        return np.floor(noise * rng.integers(2, 6)) / 5
    if kind == 4:
        return (noise < rng.uniform(0.2, 0.8)).astype(np.float64)
    if kind == 5:
        return np.full((height, width), rng.choice([0.0, 0.003, 0.5, 1.0]))
    if kind == 6:
        return noise[:1] * 0.7
    return normalize(resize_map(small, (height, width)))


def random_boxes(rng, height, width, n):
    x, y = (np.sort(rng.integers(0, side, (n, 2)), axis=1) for side in (width, height))
    return [[x0, y0, x1, y1] for (x0, x1), (y0, y1) in zip(x.tolist(), y.tolist(), strict=True)]


@given(seeds, st.booleans())
@settings(examples, max_examples=120)
def test_boxes_are_those_of_one_contour_search_per_threshold(seed, multi_contour):
    saliency = random_map(seed)
    thresholds = np.append(np.random.default_rng(seed).random(40), [0.0, 1.0])
    found = boxes_at_thresholds(saliency, thresholds, multi_contour)
    expected = plain_boxes(saliency, thresholds, multi_contour)
    assert [sorted(boxes.tolist()) for boxes in found] == [sorted(boxes) for boxes in expected]


@pytest.mark.parametrize("multi_contour", [True, False])
def test_boxes_of_every_small_binary_image(multi_contour):
    """All 512 images of 3 x 3 pixels: the ways in which few pixels touch, enclose a hole and tie."""
    for code in range(2**9):
        saliency = (code >> np.arange(9) & 1).reshape(3, 3).astype(np.float64)
        found = boxes_at_thresholds(saliency, [0.5], multi_contour)[0]
        assert sorted(found.tolist()) == sorted(plain_boxes(saliency, np.array([0.5]), multi_contour)[0])


@pytest.mark.parametrize("multi_contour", [True, False])
def test_nested_rings_give_outer_contours_and_holes(multi_contour):
    saliency = np.zeros((13, 15))
    for margin, value in ((1, 0.8), (3, 0.1), (5, 1.0), (6, 0.4)):
        saliency[margin : 13 - margin, margin : 15 - margin] = value
    found = boxes_at_thresholds(saliency, [0.5], multi_contour)[0]
    outer, hole, inner, pit = [1, 1, 14, 12], [2, 2, 13, 11], [5, 5, 10, 8], [5, 5, 10, 8]
    assert sorted(found.tolist()) == (sorted([outer, hole, inner, pit]) if multi_contour else [outer])


@given(seeds, st.booleans())
@examples
def test_best_ious_are_those_of_the_plain_protocol(seed, multi_contour):
    saliency = random_map(seed)
    rng = np.random.default_rng(seed)
    true = random_boxes(rng, *saliency.shape, n=int(rng.integers(1, 4)))
    thresholds = np.arange(0, 1, 0.05)
    found = best_ious(saliency, true, thresholds, multi_contour)
    assert found.tolist() == plain_best_ious(saliency, true, thresholds, multi_contour)


@given(seeds)
@examples
def test_normalize_and_resize(seed):
    rng = np.random.default_rng(seed)
    saliency = rng.normal(size=(6, 5)).astype(np.float32) * 10.0 ** rng.integers(-5, 5)
    resized = resize_map(saliency, (20, 30))
    cubic = torch.nn.functional.interpolate(torch.tensor(saliency)[None, None], (20, 30), mode="bicubic")[0, 0]
    np.testing.assert_allclose(resized, cubic.double(), atol=1e-5 * np.abs(saliency).max())
    assert resized.dtype == np.float64
    stretched = normalize(resized)
    shifted = resized - resized.min()
    np.testing.assert_array_equal(stretched, shifted / shifted.max())
    assert (stretched.min(), stretched.max()) == (0, 1)
    # the quantization of the protocol is that of float64
    assert normalize(saliency).dtype == np.float64


def test_maps_without_contrast_become_zeros():
    holed = np.arange(12.0).reshape(3, 4)
    holed[1, 1] = np.nan
    for saliency in (holed, np.full((3, 4), 7.5), resize_map(np.full((2, 2), np.nan), (3, 4))):
        np.testing.assert_array_equal(normalize(saliency), np.zeros((3, 4)))
    boxes = boxes_at_thresholds(np.zeros((3, 4)), [0.0, 0.7])
    assert [at.tolist() for at in boxes] == [[[0, 0, 0, 0]]] * 2


@given(seeds)
@examples
def test_resized_boxes_lose_fractions(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 600, 2).tolist()
    boxes = random_boxes(rng, height + 1, width + 1, n=5)
    expected = [
        [int(x0 * 224 / width), int(y0 * 112 / height), int(x1 * 224 / width), int(y1 * 112 / height)]
        for x0, y0, x1, y1 in boxes
    ]
    assert resize_boxes(boxes, (height, width), (112, 224)).tolist() == expected


@pytest.fixture(scope="module", params=[True, False])
def scored(request):
    """30 blurred maps scored by the class, and their best IoUs by the plain protocol."""
    rng = np.random.default_rng(5)
    thresholds = np.arange(0, 1, 0.02)
    accuracy = BoxAccuracy(thresholds, multi_contour=request.param, size=(16, 20))
    rows = []
    for i in range(30):
        saliency = normalize(cv2.GaussianBlur(rng.random((16, 20)), (0, 0), 3))
        true = random_boxes(rng, 16, 20, n=2)
        accuracy.update(saliency, true, f"photo {i}")
        rows.append(plain_best_ious(saliency, true, thresholds, request.param))
    return accuracy, np.array(rows)


def test_scores_at_the_best_common_threshold(scored):
    accuracy, ious = scored
    correct = np.arange(30) % 3 > 0
    for d in (0.3, 0.5, 0.7, 0.9):
        percent = (ious >= d).sum(0) * 100.0 / 30
        np.testing.assert_allclose(accuracy.curve(d) * 100, percent, rtol=1e-15)
        assert accuracy.score(d) == (ious >= d).sum(0).max() / 30
        best = accuracy.best_threshold(d)
        assert best == accuracy.thresholds[percent == percent.max()].min()
        top1 = [sum(hit for hit, right in zip(column, correct, strict=True) if right) / 30 for column in (ious >= d).T]
        assert accuracy.score(d, correct) == max(top1)
    assert accuracy.scores() == {d: accuracy.score(d) for d in (0.3, 0.5, 0.7, 0.9)}
    assert accuracy.image_ids_[3] == "photo 3"
    np.testing.assert_array_equal(accuracy.best_ious_, ious.astype(np.float32))


def test_named_measures(scored):
    accuracy, ious = scored
    best = {d: (ious >= d).mean(0).max() for d in (0.3, 0.5, 0.7)}
    if accuracy.multi_contour:
        assert accuracy.max_box_accuracy_v2() == pytest.approx(sum(best.values()) / 3, rel=1e-15)
        with pytest.raises(ValueError, match=r"MaxBoxAcc needs BoxAccuracy\(multi_contour=False\)"):
            accuracy.max_box_accuracy()
    else:
        assert accuracy.max_box_accuracy() == best[0.5]
        with pytest.raises(ValueError, match=r"MaxBoxAccV2 needs BoxAccuracy\(multi_contour=True\)"):
            accuracy.max_box_accuracy_v2()


@pytest.mark.parametrize("tenths", [3, 5, 7, 9])
def test_an_iou_just_at_the_limit_is_a_hit(tenths):
    """Kept in float32, an IoU of 3/10 must neither fall below 0.3 nor reach anything above."""
    saliency = np.zeros((10, 12))
    saliency[0, : tenths - 1] = 1
    accuracy = BoxAccuracy([0.5], size=(10, 12))
    accuracy.update(saliency, [[0, 0, 9, 1]])
    assert accuracy.score(tenths / 10) == 1
    assert accuracy.score(tenths / 10 + 1e-6) == 0


@given(seeds)
@settings(examples, max_examples=20)
def test_difference_interval_is_a_loop_over_resamples(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    a, b = rng.random((n, 12)), np.repeat(rng.random((n, 4)), 3, axis=1)
    found = difference_interval(a, b, (0.3, 0.6), n_resamples=50, level=0.8, seed=seed)

    def score(ious):
        return float(np.mean([(ious >= d).mean(0).max() for d in (0.3, 0.6)]))

    draws = np.random.default_rng(seed).integers(n, size=(50, n))
    differences = [score(a[drawn]) - score(b[drawn]) for drawn in draws]
    assert found.value == pytest.approx(score(a) - score(b), abs=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(differences, [0.1, 0.9])), abs=1e-12)
    assert found.n == n


def test_difference_interval_does_not_depend_on_the_batch(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.random((40, 10)), rng.random((40, 10))
    whole = difference_interval(a, b, 0.5, n_resamples=90)
    monkeypatch.setattr(statistics, "BATCH_VALUES", 7 * 40)
    assert difference_interval(a, b, 0.5, n_resamples=90) == whole


def test_difference_interval_of_a_method_with_itself_is_zero():
    ious = np.random.default_rng(0).random((50, 10))
    assert difference_interval(ious, ious, 0.5)[:3] == (0, 0, 0)
    assert np.isnan(difference_interval(ious[:1], ious[:1], 0.5).low)


@given(seeds)
@examples
def test_pixel_average_precision_sums_over_all_pixels(seed):
    rng = np.random.default_rng(seed)
    thresholds = np.arange(0, 1, 0.1)
    precision = PixelAveragePrecision(thresholds, size=(8, 10))
    scores, truths = [], []
    for i in range(3):
        saliency = np.round(rng.random((8, 10)), 1) if i else np.round(rng.random((8, 10)), 3)
        masks = rng.random((2, 17, 33)) < 0.2
        ignore = rng.random((17, 33)) < 0.3
        nearest = np.ix_(np.arange(8) * 17 // 8, np.arange(10) * 33 // 10)
        precision.update(saliency, masks, ignore if i else None)
        shown = (masks[0] | masks[1])[nearest]
        kept = shown | ~ignore[nearest] if i else np.ones_like(shown)
        scores += saliency[kept].tolist()
        truths += shown[kept].tolist()
    area, last = 0.0, 0.0
    for threshold in [1.0, *thresholds[::-1]]:
        predicted = [truth for score, truth in zip(scores, truths, strict=True) if score >= threshold]
        recall = sum(predicted) / sum(truths)
        if predicted:
            area += sum(predicted) / len(predicted) * (recall - last)
        last = recall
    assert precision.score() == pytest.approx(area, rel=1e-12)


def test_resampled_pixel_precision_is_that_of_the_images_drawn():
    rng = np.random.default_rng(3)
    single = []
    for _ in range(5):
        precision = PixelAveragePrecision(size=(6, 6))
        precision.update(np.round(rng.random((6, 6)), 2), rng.random((6, 6)) < 0.3)
        single.append(precision.histograms_)
    found = PixelAveragePrecision.resampled(np.stack(single), n_resamples=20, seed=4)
    draws = [np.arange(5), *np.random.default_rng(4).integers(5, size=(20, 5))]
    expected = [PixelAveragePrecision.from_histograms(sum(single[i] for i in drawn)).score() for drawn in draws]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert np.isnan(PixelAveragePrecision.resampled(np.stack(single) * [[[0], [1]]], 3)).all()


def test_resampled_scores_are_paired():
    ious = np.random.default_rng(1).random((30, 12))
    a, b = (resampled_score(ious, d, n_resamples=40, seed=2) for d in (0.3, 0.6))
    assert (a >= b).all()  # on the same images a laxer IoU is never missed more often
    np.testing.assert_array_equal(mean_score([a, b]), (a + b) / 2)
    assert a[0] == (ious >= 0.3).mean(axis=0).max()


@given(seeds)
@settings(examples, max_examples=20)
def test_hits_and_histograms_of_parts_add_up_to_those_of_all_images(seed):
    rng = np.random.default_rng(seed)
    n, step = int(rng.integers(2, 30)), int(rng.integers(1, 9))
    ious, histograms = rng.random((n, 7)).astype(np.float32), rng.integers(0, 50, (n, 2, 5))
    hits, pixels = ResampledHits([0.2, 0.6], 25), PooledHistograms(25)
    for part, counts in resample_parts(n, 25, seed, step):
        hits.update(ious[part], counts)
        pixels.update(histograms[part], counts)
    draws = [np.arange(n), *np.random.default_rng(seed).integers(n, size=(25, n))]
    for iou, scores in hits.scores().items():
        hit = ious >= np.float32(iou)
        np.testing.assert_array_equal(scores, [hit[drawn].mean(axis=0).max() for drawn in draws])
        np.testing.assert_array_equal(hits.curve(iou), hit.mean(axis=0))
    np.testing.assert_array_equal(pixels.scores(), PixelAveragePrecision.resampled(histograms, 25, seed))


def test_pixel_precision_of_perfect_and_constant_maps():
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 3:8] = 255
    for saliency, expected in ((mask / 255, 1.0), (np.zeros((8, 8)), 15 / 64), (np.ones((8, 8)), 15 / 64)):
        precision = PixelAveragePrecision(size=(8, 8))
        precision.update(saliency, mask)
        assert precision.score() == pytest.approx(expected, rel=1e-12)


@given(st.integers(3, 40), st.integers(3, 40), st.floats(0.3, 3))
@examples
def test_center_gaussian_falls_with_the_distance_from_the_middle(height, width, sigma):
    gaussian = center_gaussian((height, width), sigma)
    assert (gaussian.min(), gaussian.max()) == (0, 1)
    np.testing.assert_array_equal(gaussian, gaussian[::-1, ::-1])
    y, x = np.mgrid[:height, :width]
    distance = (2 * y - height + 1) ** 2 + (2 * x - width + 1) ** 2
    order = np.argsort(distance.ravel())
    assert (np.diff(gaussian.ravel()[order]) <= 0).all()
    # e^(-1/2) of the way down at one deviation, that is sigma half sides
    wide = center_gaussian((201, 201), 0.5)
    assert wide[100, 150] == pytest.approx((np.exp(-0.5) - np.exp(-4)) / (1 - np.exp(-4)), abs=2e-2)


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


def test_other_refusals():
    accuracy = BoxAccuracy(size=(8, 8))
    accuracy.update(UNIT, BOX, "a")
    ious = accuracy.best_ious_
    precision = PixelAveragePrecision(size=(8, 8))
    precision.update(UNIT, UNIT < 0)
    refusals = {
        "image_id is 'a'": lambda: accuracy.update(UNIT, BOX, "a"),
        "correct has shape (2,)": lambda: accuracy.score(0.5, [True, False]),
        "thresholds has 1.2": lambda: BoxAccuracy([0, 1.2]),
        "saliency goes from 0.0 to inf": lambda: normalize([[0, np.inf]]),
        "sigma is 0": lambda: center_gaussian((8, 8), 0),
        "ious_a and ious_b have shapes ((1, 1000), (2, 1000))": lambda: difference_interval(ious, [ious[0]] * 2, 0.5),
        "level is 95": lambda: difference_interval(ious, ious, 0.5, level=95),
        "n_resamples is 0": lambda: difference_interval(ious, ious, 0.5, n_resamples=0),
        "masks had no object pixel": precision.score,
        "masks has shape (8,)": lambda: precision.update(UNIT, UNIT[0]),
        "thresholds starts at 0.5 and has a least step of -0.4": lambda: PixelAveragePrecision([0.5, 0.1]),
    }
    for message, refused in refusals.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            refused()
