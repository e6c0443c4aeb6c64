"""What the figure of classes relies on: colours that everybody tells apart, matched clusters, crops."""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from nas.report.figures.class_clusters import MUTED, UNMATCHED, alone, colour, sample
from nas.report.figures.figure4_classes import close_up, draw_matched, matched
from nas.report.figures.tag_sheet import tag_sheet

many = settings(max_examples=40, deadline=None, derandomize=True)

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
SIGHTS = {
    "trichromat": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def seen(colours, sight):
    """Colours (n, 3) in sRGB as CIE Lab of what is seen."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(SIGHTS[sight]).T, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("sight", SIGHTS)
def test_nine_clusters_and_the_greys_are_told_apart(sight):
    lab = seen(np.array([*map(colour, range(len(MUTED))), *map(to_rgb, UNMATCHED)]), sight)
    differences = deltaE_ciede2000(lab[:, None], lab[None]) + 100 * np.eye(len(lab))
    assert differences.min() > 8  # about 2 are just noticeable side by side


def test_more_clusters_have_colours_of_their_own():
    assert len({colour(cluster) for cluster in range(3 * len(MUTED))}) == 3 * len(MUTED)
    assert all(0 <= value <= 1 for cluster in range(40) for value in colour(cluster))


@many
@given(maps=st.tuples(*[arrays(np.int64, (4, 4), elements=st.integers(0, 3))] * 2))
def test_matching_is_the_best_of_all_permutations(maps):
    own, of_class = maps
    pairs = matched(own, of_class)
    assert len(set(pairs.values())) == len(pairs)
    best = max(
        sum(((own == a) & (of_class == b)).sum() for a, b in enumerate(order)) for order in permutations(range(4))
    )
    assert sum(((own == a) & (of_class == b)).sum() for a, b in pairs.items()) == best


def test_own_clusters_are_drawn_in_the_colours_of_their_matches():
    own = np.array([[0, 0, 0, 1, 1, 2]] * 6)
    of_class = np.array([[4, 4, 4, 4, 2, 2]] * 6)
    figure, ax = plt.subplots()
    draw_matched(ax, own, of_class)
    drawn = ax.images[0].get_array()[0, [0, 3, 5]]
    plt.close(figure)
    assert matched(own, of_class) == {0: 4, 1: 2}
    np.testing.assert_allclose(drawn, [colour(4), colour(2), to_rgb(UNMATCHED[0])])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "4"]


@many
@given(inside=arrays(np.bool_, st.tuples(st.integers(3, 40), st.integers(3, 40))), least=st.integers(1, 60))
def test_a_close_up_holds_the_largest_part_and_stays_in_the_photo(inside, least):
    inside[1, 1] = True
    rows, columns = close_up(inside, least=least)
    crop = inside[rows, columns]
    side = rows.stop - rows.start
    assert crop.shape == (side, side) and min(rows.start, columns.start) >= 0  # no slice was cut
    pieces, n = ndimage.label(inside)
    largest = max(range(1, n + 1), key=lambda piece: (pieces == piece).sum())
    extent = max(np.ptp(np.argwhere(pieces == largest), axis=0)) + 1
    if extent <= min(inside.shape):
        assert (pieces[rows, columns] == largest).sum() == (pieces == largest).sum()
    assert side >= min(least, *inside.shape)


def test_alone_keeps_the_cluster_and_fades_the_rest():
    photo = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    inside = np.eye(4, dtype=bool)
    found = alone(photo, inside)
    np.testing.assert_allclose(found[inside], photo[inside] / 255)
    assert np.ptp(found[~inside], axis=1).max() == 0 and found[~inside].min() >= 0.8


def test_a_sample_keeps_the_order_and_depends_on_the_seed():
    ids = [f"p{number:03}" for number in range(300)]
    drawn = sample(ids, 5, 0)
    assert len(set(drawn)) == 5 and drawn == sorted(drawn) and drawn == sample(ids, 5, 0) != sample(ids, 5, 1)
    assert sample(ids[:4], 5, 0) == ids[:4]


def test_a_sheet_of_many_photos_has_a_strip_for_each_cluster():
    generator = np.random.default_rng(0)
    photos = list(generator.integers(0, 256, (7, 16, 16, 3), np.uint8))
    labels = list(generator.integers(0, 3, (7, 8, 8)))
    labels[6][:] = 1
    examples = {0: [0, 1, 2, 3, 4, 5], 1: [6], 2: [1]}
    figure = tag_sheet(photos, labels, examples, {cluster: f"note {cluster}" for cluster in range(3)})
    pictures = [len(ax.images) for ax in figure.axes]
    assert pictures == [0, *[1] * 6, 0, *[1] * 6, 0, *[1] * 6, 0, 1, *[0] * 5, 0, 1, *[0] * 5]
    printed = [text.get_text() for ax in figure.axes[::7] for text in ax.texts]
    assert printed == ["photos", "clusters", "0", "note 0", "1", "note 1", "2", "note 2"]
    plt.close(figure)
