"""What is stored of photos made up here against each measure of each map alone."""

from pathlib import Path

import numpy as np
import pytest
from plain import plain_best_ious, record_of, store
from sklearn.metrics import roc_auc_score

from nas.data.boxes import resize_boxes
from nas.data.label_maps import resize_labels
from nas.data.records import Record
from nas.localization.boxes import LEVELS
from nas.localization.evaluation import LOCALIZATION_COLUMNS, locate_photos, located, to_locate
from nas.localization.pixel_precision import PixelAveragePrecision
from nas.saliency.maps import center_gaussian, normalize, resize_map
from nas.saliency.methods import TARGETS
from nas.store.shards import Stored

SIDE, KINDS = 32, ["nas_clusters.first", "slic.first"]
METHODS = ["lrp", "grad_cam", "center_gaussian"]
BOXES = {
    "a": ((4, 6, 30, 25),),
    "b": ((0, 0, 20, 39), (30, 10, 47, 20)),
    "c": ((10, 10, 40, 38),),
}
RIGHT = {"a": True, "b": False, "c": None}  # whether the network takes them for what they are


def mask_of(boxes):
    """A mask with an object in each box, and a column to ignore."""
    mask = np.zeros((40, 48), np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        mask[y0 : y1 + 1, x0 : x1 + 1] = number
    mask[:, 24] = 255
    return mask


def blocks(generator, n):
    return np.kron(generator.permutation(np.arange(16) % n).reshape(4, 4), np.ones((8, 8))).astype(np.uint16)


def photo_of(photo):
    generator = np.random.default_rng(list(photo.encode()))
    inside = resize_labels(mask_of(BOXES[photo]) % 255 > 0, (SIDE, SIDE))
    saliency = {
        "true/lrp": (generator.normal(size=(SIDE, SIDE)) + inside).astype(np.float32),
        "true/grad_cam": generator.random((4, 4), np.float32),
        "predicted/lrp": np.zeros((SIDE, SIDE), np.float32),
        "target_true": np.array(1),
        "target_predicted": np.array(2 if RIGHT[photo] is False else 1),
        "labelled": np.array(RIGHT[photo] is not None),
    }
    # gaps between the ids of regions mean nothing
    return saliency, {KINDS[0]: blocks(generator, 5), KINDS[1]: 7 * blocks(generator, 9) + 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of the stages, and the photos, all with masks and boxes."""
    folder = tmp_path_factory.mktemp("localization")
    photos = {photo: photo_of(photo) for photo in BOXES}
    saliency = store(folder / "saliency", {photo: maps for photo, (maps, _) in photos.items()})
    superpixels = store(folder / "superpixels", {photo: labels for photo, (_, labels) in photos.items()})
    records = [record_of(folder, photo, mask_of(boxes), boxes=boxes) for photo, boxes in BOXES.items()]
    return (saliency, superpixels), records, photos


def locate(records, pieces, folders):
    """What `locate_photos` says of some pieces."""
    saliency, superpixels = folders
    every = to_locate(saliency, ["lrp", "grad_cam"])
    return locate_photos(records, {name: every[name] for name in pieces}, Stored(superpixels, tuple(KINDS)))


def plain_maps(photo, photos):
    """Method and regions to the normalized map."""
    saliency, labels = photos[photo]
    found = {"center_gaussian/raw": center_gaussian((SIDE, SIDE))}
    for method in ("lrp", "grad_cam"):
        raw = resize_map(saliency[f"true/{method}"], (SIDE, SIDE))
        found[f"{method}/raw"] = normalize(raw)
        for kind in KINDS:
            means = [raw[labels[kind] == label].mean() for label in labels[kind].ravel()]
            found[f"{method}/{kind}"] = normalize(np.reshape(means, raw.shape).round(12))  # the same in a region
    return found


def test_what_is_stored_is_what_the_measures_say_of_each_map(made):
    folders, records, photos = made
    found = locate(records, [TARGETS, *METHODS], folders)
    rows = {
        tuple(row[key] for key in LOCALIZATION_COLUMNS[:3]): row["auroc"]
        for each in METHODS
        for row in found[each].rows
    }
    n_rows = 0
    for number, record in enumerate(records):
        boxes = resize_boxes(record.boxes, (40, 48), (SIDE, SIDE)).tolist()
        truth, mask = record.truth((SIDE, SIDE)), record.truth()
        for name, scores in plain_maps(record.id, photos).items():
            arrays = found[name.partition("/")[0]].arrays
            for contours in ("single", "multi"):
                # means by another order of summation may be on the other side of a grey level
                differs = (
                    arrays[f"{contours}/{name}"][number]
                    != np.float32(plain_best_ious(scores, boxes, contours == "multi"))[LEVELS]
                )
                assert differs.mean() <= (0 if name.endswith("/raw") else 0.02), name
            precision = PixelAveragePrecision(size=(SIDE, SIDE))
            precision.update(scores, (mask > 0) & (mask < 255), mask == 255)
            moved = np.abs(arrays[f"pixels/{name}"][number] - precision.histograms_).sum()
            assert moved <= (0 if name.endswith("/raw") else 0.15 * scores.size), name
            known = truth < 255
            auroc = roc_auc_score(truth[known] > 0, scores[known])
            assert rows[(record.id, *name.split("/"))] == pytest.approx(auroc)
            n_rows += 1
    assert len(rows) == n_rows
    assert found[TARGETS].arrays["correct"].tolist() == pytest.approx([1, 0, np.nan], nan_ok=True)


def test_a_photo_is_the_same_alone_and_a_method_without_the_others(made):
    folders, records, _ = made
    together = locate(records, METHODS, folders)
    for number, record in enumerate(records):
        alone = locate([record], METHODS[::2], folders)
        assert list(alone) == METHODS[::2]
        for method, shard in alone.items():
            assert shard.arrays.keys() == together[method].arrays.keys()
            assert all(
                np.array_equal(array[0], together[method].arrays[key][number]) for key, array in shard.arrays.items()
            )
            assert list(shard.rows) == [row for row in together[method].rows if row["id"] == record.id]


@pytest.mark.parametrize(("boxes", "masks"), [(True, False), (False, True)])
def test_a_photo_has_the_measures_that_its_truth_allows(made, tmp_path, boxes, masks):
    folders, records, _ = made
    mask = mask_of(BOXES["a"]) if masks else None
    record = record_of(tmp_path, "a", mask, **({"boxes": BOXES["a"], "size": (40, 48)} if boxes else {}))
    expected = locate(records[:1], ["lrp"], folders)["lrp"]
    found = locate([record], ["lrp"], folders)["lrp"]
    kept = (["single", "multi"] if boxes else []) + (["pixels"] if masks else [])
    assert set(found.arrays) == {key for key in expected.arrays if key.partition("/")[0] in kept}
    assert all(np.array_equal(array, expected.arrays[key]) for key, array in found.arrays.items())
    assert list(found.rows) == (list(expected.rows) if masks else [])


def test_a_map_of_one_value_has_no_contrast(made, tmp_path):
    (_, superpixels), records, photos = made
    maps = {photo: saliency | {"true/lrp": np.full((SIDE, SIDE), 0.25)} for photo, (saliency, _) in photos.items()}
    found = locate(records, ["lrp"], (store(tmp_path / "flat", maps), superpixels))["lrp"]
    assert {row["auroc"] for row in found.rows} == {0.5}
    first = plain_best_ious(np.zeros((SIDE, SIDE)), resize_boxes(BOXES["a"], (40, 48), (SIDE, SIDE)).tolist(), True)[0]
    for key in ("multi/lrp/raw", f"single/lrp/{KINDS[0]}"):
        assert set(found.arrays[key][0].tolist()) == {first}


@pytest.mark.parametrize("box", [(4, 6, 49, 25), (30, 6, 4, 25), (-1, 0, 5, 5)])
def test_a_box_that_leaves_the_photo_is_refused(made, box):
    folders, records, _ = made
    wrong = Record("b", Path(), "", size=(40, 48), boxes=(BOXES["b"][0], box))
    with pytest.raises(ValueError, match=rf"boxes has \[{box[0]}\.0, .* give 0 <= x0 <= x1 <= 48 and 0 <= y0"):
        locate([records[0], wrong], METHODS, folders)


def test_an_error_in_a_map_names_the_method(made, tmp_path):
    (_, superpixels), records, photos = made
    broken = {photo: saliency | {"true/lrp": np.full((SIDE, SIDE), np.inf)} for photo, (saliency, _) in photos.items()}
    with pytest.raises(ValueError, match=r"^lrp: saliency goes from "):
        locate(records, METHODS, (store(tmp_path / "broken", broken), superpixels))


def test_photos_without_a_box_are_left_out_where_others_have_some(tmp_path):
    boxed, masked = record_of(tmp_path, "a", boxes=BOXES["a"]), record_of(tmp_path, "b", mask_of(()))
    both, neither = record_of(tmp_path, "c", mask_of(()), boxes=BOXES["c"]), record_of(tmp_path, "d")
    assert located([neither, boxed, masked, both]) == [boxed, both]
    assert located([neither, masked]) == [masked]
    assert located([neither]) == []


def test_a_method_depends_on_its_maps_of_the_true_class(made):
    (saliency, _), _, _ = made
    pieces = to_locate(saliency, ["lrp"])
    assert pieces == {
        TARGETS: Stored(saliency, ("target_true", "target_predicted", "labelled")),
        "lrp": Stored(saliency, ("true/lrp",)),
        "center_gaussian": None,
    }
