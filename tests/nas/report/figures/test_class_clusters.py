"""Colours that everybody tells apart, numbers in their clusters, and the cluster to look at first."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from class_projects import NETWORK, run_classes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from nas.classes.stored import read_class
from nas.data.label_maps import resize_labels
from nas.data.records import read_records
from nas.report.figures.class_clusters import (
    APART,
    LABELLED,
    MUTED,
    OCCURS,
    UNMATCHED,
    alone,
    colour,
    draw_numbered,
    masks,
    number,
    outline,
    sample,
    telling_cluster,
    views,
)
from nas.store.shards import Shards

many = settings(max_examples=40, deadline=None, derandomize=True)
K = 4

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


@st.composite
def label_maps(draw, values):
    shape = draw(st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(2, 5)))
    return draw(arrays(np.int64, shape, elements=values)), shape


@many
@given(drawn=label_maps(st.integers(0, K - 1)), data=st.data())
def test_telling_cluster_is_a_plain_search(drawn, data):
    labels, shape = drawn
    truth = data.draw(st.none() | arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 255])))
    middle = (np.array(shape[1:]) - 1) / 2
    ranked = []
    for cluster in range(K):
        photos = sum((image == cluster).mean() >= OCCURS for image in labels)
        places = np.argwhere(labels == cluster)
        if truth is None:
            worth = [-np.linalg.norm(place[1:] - middle) for place in places]
        else:
            worth = [float(truth[tuple(place)] > 0) for place in places if truth[tuple(place)] < 255]
        ranked.append((photos, np.mean(worth) if worth else -np.inf))
    most = max(photos for photos, _ in ranked)
    best = max((worth for photos, worth in ranked if photos == most))
    found = telling_cluster(labels, truth, K)
    if best > -np.inf:
        assert ranked[found][0] == most and ranked[found][1] == pytest.approx(best)


def test_what_is_to_be_ignored_is_no_object():
    labels = np.array([[[0, 0, 0, 0], [1, 1, 1, 1]]])
    truth = np.array([[[255, 255, 255, 0], [1, 1, 0, 0]]], np.uint8)
    assert telling_cluster(labels, truth, 2) == 1


def test_the_lowest_of_equal_clusters_tells():
    labels = np.array([[[3, 3, 1, 1], [3, 3, 1, 1]]])
    assert telling_cluster(labels, np.ones_like(labels), K) == 1
    assert telling_cluster(labels, None, K) == 1


@pytest.fixture
def ax():
    yield plt.subplots()[1]
    plt.close("all")


@many
@given(labels=arrays(np.int64, (3, 3), elements=st.integers(0, K - 1)), data=st.data())
def test_a_number_stands_in_its_own_cluster_and_apart_from_the_others(labels, data):
    names = data.draw(st.dictionaries(st.integers(0, K - 1), st.integers(10, 99)))
    labels = np.kron(labels, np.ones((6, 6), np.int64))
    figure, ax = plt.subplots()
    number(ax, labels, names)
    plt.close(figure)
    places = np.array([text.get_position() for text in ax.texts]).reshape(-1, 2)
    clusters = [labels[round(y), round(x)] for x, y in places]
    assert [text.get_text() for text in ax.texts] == [str(names[cluster]) for cluster in clusters]
    assert len(set(clusters)) == len(clusters)
    between = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(len(places), 1)]
    assert (between >= APART * 18).all()
    assert (len(clusters) > 0) == bool(set(names) & set(labels.ravel()))


def test_numbers_that_would_touch_are_not_printed(ax):
    number(ax, np.arange(40)[None].repeat(40, axis=0), {cluster: cluster for cluster in range(40)})
    assert [text.get_text() for text in ax.texts] == [str(column) for column in range(0, 40, 5)]  # APART is 4.8 here


def test_small_parts_have_no_number_and_all_pixels_the_colour_of_their_cluster(ax):
    labels = np.zeros((20, 20), np.int64)
    labels[3, 3], labels[10:15, 10:15] = 1, 2
    assert LABELLED * labels.size > 1
    draw_numbered(ax, labels, 3)
    assert sorted(text.get_text() for text in ax.texts) == ["0", "2"]
    [image] = ax.images
    np.testing.assert_allclose(image.get_array(), [[colour(k) for k in row] for row in labels])


def test_an_outline_runs_between_inside_and_outside(ax):
    inside = np.zeros((6, 8), dtype=bool)
    inside[2:5, 3:] = True  # up to the rim of the picture
    outline(ax, inside, 1, 0.6)
    assert len(ax.collections) == 2 and ax.get_xlim() == (-0.5, 7.5) and ax.get_ylim() == (5.5, -0.5)
    for line in ax.collections:
        points = np.concatenate([path.vertices for path in line.get_paths()])
        assert points.min(axis=0).tolist() == [2.5, 1.5] and points.max(axis=0).tolist() == [7.5, 4.5]
    outline(ax, np.zeros((6, 8), dtype=bool), 1, 0.6)
    assert len(ax.collections) == 2  # where there is nothing, nothing is drawn


def test_views_and_masks_are_those_of_the_photos_of_a_class(new_classes):
    root = run_classes(new_classes())
    found = read_class(root, "folder", NETWORK, "bird")
    stored = Shards(root / "data/activations/folder" / NETWORK).read(["b2", "b0"], ["view"])["view"]
    np.testing.assert_array_equal(views(root, found, ["b2", "b0"]), stored)
    records = {record.id: record for record in read_records(root / "data/raw/folder")}
    expected = [resize_labels(records[photo].truth(), (8, 8)) for photo in found.ids]
    np.testing.assert_array_equal(masks(root, found), expected)
    bare = run_classes(new_classes(masks=False))
    assert masks(bare, read_class(bare, "folder", NETWORK, "bird")) is None
