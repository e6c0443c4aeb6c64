"""Tiles of label maps made up here."""

import json
import re
from html import unescape

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image
from plain import store

from nas.report.figures.depths_looker import MOST, SIDE, element, load, save
from nas.superpixels.variants import Variant, write_variants

DEPTHS, KS = ((4,), (3, 4)), (3, 5)
SPECIAL = "<b> & \"x\" 'y'"


@pytest.fixture
def looker(tmp_path):
    """Of two photos, the maps of two sets of depths and two k, one of them missing, and others that are no part."""
    variants = {f"{used}/{k}": Variant(k, used, "channels", "first") for used in DEPTHS for k in KS}
    del variants[f"{DEPTHS[1]}/5"]
    variants |= {
        "image": Variant(5, DEPTHS[1], "channels", "image"),
        "auto": Variant("auto", DEPTHS[0], "channels", "first"),
    }
    variants["plain"] = Variant(9, DEPTHS[0], "none", "first")
    generator = np.random.default_rng(0)
    photos = ["a", SPECIAL]
    maps = {photo: {name: generator.integers(0, 3, (4, 4)).astype(np.uint8) for name in variants} for photo in photos}
    views = {photo: {"view": generator.integers(0, 256, (224, 224, 3), np.uint8)} for photo in photos}
    store(tmp_path / "data/ablation/made/mobilenet_v2", maps)
    store(tmp_path / "data/activations/made/mobilenet_v2", views)
    write_variants(tmp_path / "data/ablation/made/mobilenet_v2", variants)
    return load(tmp_path, "made", "mobilenet_v2"), maps, views


def test_each_tile_is_the_map_of_its_photo_depths_and_k(looker):
    found, maps, views = looker
    assert (found.depths, found.ks, found.ids) == (["4", "3-4"], [3, 5], ["a", SPECIAL]) and len(found.ids) <= MOST
    for row, photo in enumerate(found.ids):
        view = cv2.resize(views[photo]["view"], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(found.photos[row * SIDE : (row + 1) * SIDE], view)
        for column, (used, k) in enumerate((used, k) for used in DEPTHS for k in KS):
            tile = found.labels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
            name = f"{used}/{k}"
            if name not in maps[photo]:
                assert not tile.any()
                continue
            large = cv2.resize(maps[photo][name], (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
            for label in np.unique(large):
                assert len(np.unique(tile[large == label])) == 1  # a region has one colour
            assert len(np.unique(tile)) == len(np.unique(large))
            grey = view @ [0.2125, 0.7154, 0.0721]
            dark = min(np.unique(large), key=lambda label: grey[large == label].mean())
            assert set(tile[large == dark]) == {0}


def test_files_have_the_colours_and_the_page_what_to_choose_from(looker, tmp_path):
    found, _, _ = looker
    save(found, tmp_path / "out")
    with Image.open(tmp_path / "out/depths.webp") as picture:
        colours = np.asarray(picture.convert("RGB"))
    expected = (255 * mpl.colormaps["viridis"](found.labels)[..., :3]).round()
    np.testing.assert_array_equal(colours, expected)
    with Image.open(tmp_path / "out/depths-photos.jpg") as picture:
        assert picture.size == (SIDE, 2 * SIDE)
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    save(found, tmp_path / "again")
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    text = element(found)
    assert json.loads(unescape(re.search('data-known="([^"]*)"', text).group(1))) == {
        "depths": ["4", "3-4"], "ks": [3, 5], "side": SIDE
    }  # fmt: skip
    assert [unescape(each) for each in re.findall("<option[^>]*>([^<]*)<", text)] == found.ids and "<b>" not in text
