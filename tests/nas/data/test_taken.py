"""What was taken of a data set is counted, kept and said."""

import numpy as np
import pytest
from PIL import Image

from nas.data.preparing import prepare
from nas.data.taken import Taken, read_taken, write_taken


@pytest.fixture
def folder(tmp_path):
    """Six photos; of two masks a quarter and an eighth is object, an eighth of the second is to be ignored."""
    root = tmp_path / "mine"
    root.mkdir()
    for name in "abcdef":
        Image.new("RGB", (16, 16), (ord(name), 0, 0)).save(root / f"{name}.png")
    for name, labels in (("c", (1, 1, 0, 0, 0, 0, 0, 0)), ("e", (2, 1, 255, 0, 0, 0, 0, 0))):
        mask = np.repeat(np.repeat(np.array(labels, np.uint8), 2)[:, None], 16, axis=1)
        Image.fromarray(mask).save(root / f"{name}_mask.png")
    return root


def test_photos_masks_and_their_share_are_counted(tmp_path, folder):
    target = tmp_path / "raw"
    taken = prepare("folder", target, workspace=tmp_path, annotations=tmp_path, root=str(folder))
    assert taken == read_taken(target) == Taken(6, 3, 2, (1 / 4 + 1 / 4) / 2, 1 / 16, "", ["a", "b", "d"])
    line = (
        "6 photos, 3 objects, 2 with masks, 25.0% of whose pixels are object, 6.2% ignored; without one: a, b, d and 1"
    )
    assert taken.line() == f"{line} more"


@pytest.mark.parametrize(
    ("taken", "line"),
    [
        (Taken(3, without=["a", "b", "c"]), "3 photos, 0 objects, 0 with masks"),
        (Taken(1, 1, 1, 0.5), "1 photo, 1 object, 1 with masks, 50.0% of whose pixels are object"),
        (
            Taken(2, 4, 1, 0.5, 0.25, "squares of 6 pixels", ["b"], {"squares": 3, "names": 1}),
            "2 photos, 4 objects, 1 with masks of squares of 6 pixels, 50.0% of whose pixels are object, 25.0% "
            "ignored; without one: b; left out: squares: 3, names: 1",
        ),
    ],
)
def test_it_is_said_in_a_line(tmp_path, taken, line):
    assert taken.line() == line
    write_taken(taken, tmp_path)
    assert read_taken(tmp_path) == taken
