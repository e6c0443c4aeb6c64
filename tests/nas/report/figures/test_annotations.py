"""The page of annotations, of photos made up here."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from nas.data.records import Record, write_records
from nas.report import style
from nas.report.figures.annotations import SHOWN, annotations, annotations_caption, records_of

BOXES = ((2, 1, 5, 4), (6, 3, 9, 7))


@pytest.fixture
def records(tmp_path):
    """Three photos: with masks and boxes, with boxes, with nothing."""
    mask = np.zeros((10, 12), np.uint8)
    mask[1:5, 2:6], mask[3:8, 6:10] = 1, 2
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for number in range(3):
        photo = np.random.default_rng(number).integers(0, 256, (10, 12, 3), np.uint8)
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    known = {"class_name": "crane", "super_class": "bird", "size": (10, 12)}
    return [
        Record("a", tmp_path / "0.png", "0", boxes=BOXES, mask=tmp_path / "mask.png", **known),
        Record("b", tmp_path / "1.png", "0", boxes=BOXES[:1], **known),
        Record("c", tmp_path / "2.png", "0", **known),
    ]


def test_every_photo_has_its_boxes_and_outlines(records):
    figure = annotations(records, columns=2)
    panels = figure.axes
    assert len(panels) == 4 and not panels[3].images
    for ax, record in zip(panels, records, strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), record.photo())
        drawn = [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in ax.patches]
        expected = [(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in record.boxes]
        assert drawn == [box for box in expected for _ in range(2)]  # dark, then white on it
        assert ax.get_title() == f"crane\nbird · {record.id}"
    truth = records[0].truth()
    for number, image in enumerate(panels[0].images[1:], start=1):
        np.testing.assert_array_equal(image.get_array()[..., 3] > 0, truth == number)
    assert [len(ax.images) for ax in panels] == [3, 1, 1, 0] and len(panels[0].collections) == 2
    plt.close(figure)


def test_pixels_that_are_ignored_are_grey_and_the_caption_says_so(records, tmp_path):
    plain = annotations_caption(records, ["made"])
    truth = records[0].truth().copy()
    truth[0] = 255
    Image.fromarray(truth).save(tmp_path / "mask.png")
    image = annotations(records).axes[0].images[1].get_array()
    np.testing.assert_array_equal(image[..., 3] > 0, truth == 255)
    found = annotations_caption(records, ["made"])
    assert "Pixels that count for nothing" in found and "nothing" not in plain


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("$x_1$", "$x_1$"),
        ("<b> & |", "<b> & |"),
        ("new\nline", "new line"),
        ("\u202ecod", "\\u202ecod"),
        ("\\frac", "\\frac"),
        ("\u65e5\u672c\u8a9e", "\u65e5\u672c\u8a9e"),  # letters that the font lacks
    ],
)
def test_any_name_is_text_in_one_line(records, name, shown, tmp_path):
    figure = annotations([replace(records[0], id=name, class_name=name, super_class="")])
    assert figure.axes[0].get_title() == f"{shown}\n{shown}"
    style.save(figure, "", tmp_path / "drawn", photographs=True)  # nothing fails


def test_a_mask_that_is_smaller_than_its_photo_is_drawn_in_its_place(records, tmp_path):
    truth = records[0].truth()
    small = Image.fromarray(truth).resize((6, 5), Image.Resampling.NEAREST)
    small.save(tmp_path / "mask.png")
    figure = annotations(records[:1])
    for number, image in enumerate(figure.axes[0].images[1:], start=1):
        inside = image.get_array()[..., 3] > 0
        assert inside.shape == (10, 12) and (inside == (truth == number)).mean() > 0.85
    plt.close(figure)


def test_the_caption_counts_photos_and_instances(records):
    assert annotations_caption(records, ["made", "other"]).startswith("3 photos of made, other with 3 instances ")


def test_the_first_photos_of_each_data_set_are_shown(tmp_path):
    for dataset, n in (("made", SHOWN + 3), ("few", 2)):
        photos = [Record(f"{dataset}{number}", tmp_path / "x.png", "0") for number in range(n)]
        write_records(photos, tmp_path / "data/raw" / dataset)
    found = [record.id for record in records_of(tmp_path, ["few", "made"])]
    assert found == ["few0", "few1", *(f"made{number}" for number in range(SHOWN))]
