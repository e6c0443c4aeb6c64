import numpy as np
from PIL import Image

from nas.data.records import Record
from nas.data.truth import truth_in_words, truth_of


def test_a_mask_comes_before_boxes_and_boxes_before_nothing(tmp_path):
    photo, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    Image.new("RGB", (16, 12)).save(photo)
    outlined = np.zeros((12, 16), np.uint8)
    outlined[2:4, 1:3] = 1
    Image.fromarray(outlined).save(mask)
    boxes = ((2, 0, 5, 3),)
    truth, source = truth_of(Record("a", photo, "", (12, 16), boxes=boxes, mask=mask), (12, 16))
    assert source == "mask" and (truth == outlined).all()
    truth, source = truth_of(Record("a", photo, "", (12, 16), boxes=boxes), (24, 32))
    expected = np.zeros((24, 32), np.uint8)
    expected[0:7, 4:11] = 1  # twice the size, corners included
    assert source == "boxes" and (truth == expected).all()
    assert truth_of(Record("a", photo, "", (12, 16)), (6, 8)) == (None, "")


def test_kinds_of_truth_in_words():
    assert [truth_in_words(kinds) for kinds in ([], [""], ["mask", ""], ["boxes"], ["boxes", "mask"])] == [
        *["mask"] * 3,
        "box",
        "mask or box",
    ]
    assert truth_in_words(["boxes", "mask"], 2) == "masks or boxes"
