"""What the figure of classes relies on: matched clusters, crops; and the figure of photos made up here."""

from itertools import permutations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from class_projects import NETWORK, run_classes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb
from scipy import ndimage

from nas.report.figures import figure4_classes
from nas.report.figures.class_clusters import UNMATCHED, colour
from nas.report.figures.figure4_classes import close_up, draw_matched, matched

many = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def made(new_classes):
    """A project in which the stage classes has run."""
    return run_classes(new_classes())


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


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


def test_the_figure_shows_a_class_and_its_caption_says_what(made, new_classes):
    figure, caption = figure4_classes.load(made, "folder", NETWORK, "bird", None, 2)
    assert len(figure.axes) == 2 * 6 + 1
    assert caption.startswith("A random 2 of the 3 photos of the class bird in folder, segmented by MobileNetV2 (")
    assert "k = 2 and 3" in caption and "lies most on the objects" in caption
    figure, caption = figure4_classes.load(made, "folder", NETWORK, "dog", 1, 9)
    assert caption.startswith("All 2 photos") and "cluster 1, chosen by hand" in caption
    titles = [ax.get_title() for ax in figure.axes[:6]]
    assert titles == ["Photo", "k = 2", "k = 3", "k = 4", "cluster 1", "close-up"]
    unmasked = run_classes(new_classes(masks=False))
    assert "nearest to their middle" in figure4_classes.load(unmasked, "folder", NETWORK, "bird", None, 5)[1]
    with pytest.raises(ValueError, match=r"cluster is 4: 'dog' has the clusters 0 to 3; give one of them, or null$"):
        figure4_classes.load(made, "folder", NETWORK, "dog", 4, 9)
