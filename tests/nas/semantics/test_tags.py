"""Tags and what they find against votes of single pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.semantics.tags import (
    cluster_counts,
    draw_labelled,
    few_label_curve,
    labelled_others,
    learn_tags,
    object_regions,
)

fast = settings(max_examples=40, deadline=None, derandomize=True)
CLUSTERS = 4
MASK_VALUES = st.sampled_from([0, 0, 1, 2, 254, 255])


@st.composite
def class_level(draw, min_images=1):
    """Cluster labels and masks of a few images."""
    shape = draw(st.tuples(st.integers(min_images, 5), st.integers(1, 4), st.integers(1, 4)))
    labels = draw(arrays(np.int64, shape, elements=st.integers(0, CLUSTERS - 1)))
    return labels, draw(arrays(np.uint8, shape, elements=MASK_VALUES))


def plain_tags(labels, truth):
    votes = [0] * CLUSTERS
    for label, value in zip(labels.ravel(), truth.ravel(), strict=True):
        if value != 255:
            votes[label] += 1 if value else -1
    return [vote > 0 for vote in votes]


@fast
@given(class_level())
def test_tags_are_the_majority_of_the_pixels(drawn):
    labels, truth = drawn
    counts = cluster_counts(labels, truth, CLUSTERS)
    tags = learn_tags(counts, np.ones(len(labels), bool))
    np.testing.assert_array_equal(tags, plain_tags(labels, truth))
    expected = [[[bool(tags[label]) for label in row] for row in image] for image in labels]
    np.testing.assert_array_equal(object_regions(labels, tags), expected)


@fast
@given(class_level(), st.data())
def test_counts_and_tags_are_of_the_images_that_are_labelled(drawn, data):
    labels, truth = drawn
    counts = cluster_counts(labels, truth, CLUSTERS)
    for image, (of_image, mask) in enumerate(zip(labels, truth, strict=True)):
        for cluster in range(CLUSTERS):
            inside = mask[of_image == cluster]
            assert counts[0, image, cluster] == sum(value not in (0, 255) for value in inside.tolist())
            assert counts[1, image, cluster] == sum(value == 0 for value in inside.tolist())
    several = data.draw(arrays(bool, (3, len(labels))))
    for labelled, tags in zip(several, learn_tags(counts, several), strict=True):
        np.testing.assert_array_equal(tags, plain_tags(labels[labelled], truth[labelled]))


@fast
@given(class_level(min_images=2), st.integers(0, 100))
def test_few_label_curve_is_a_plain_loop(drawn, seed):
    labels, truth = drawn
    n_images, n_draws = len(labels), 3
    ns = list(range(1, n_images))
    found = few_label_curve(cluster_counts(labels, truth, CLUSTERS), ns, n_draws, seed)

    generator = np.random.default_rng(seed)
    for draw in range(n_draws):
        position = generator.permutation(n_images)
        for row, n in enumerate(ns):
            labelled = position < n
            tags = plain_tags(labels[labelled], truth[labelled])
            ious = []
            for image in np.flatnonzero(~labelled):
                kept = truth[image] != 255
                guess, mask = object_regions(labels[image], np.array(tags))[kept], truth[image][kept] > 0
                if (guess | mask).any():
                    ious.append((guess & mask).sum() / (guess | mask).sum())
            np.testing.assert_allclose(found[row, draw], np.mean(ious) if ious else np.nan)


def test_few_labels_of_clean_clusters_suffice():
    labels = np.tile([[0, 1], [2, 2]], (6, 1, 1))
    curve = few_label_curve(cluster_counts(labels, labels == 2, CLUSTERS), [1, 5], n_draws=4)
    np.testing.assert_array_equal(curve, np.ones((2, 4)))


@given(st.integers(2, 12), st.integers(1, 9), st.integers(0, 1000))
@settings(fast)
def test_more_labels_add_to_fewer(n_images, n_draws, seed):
    before = np.zeros((n_draws, n_images), bool)
    for n in range(1, n_images):
        found = draw_labelled(n_images, n, n_draws, seed)
        assert found.dtype == bool and (found.sum(axis=1) == n).all() and (found >= before).all()
        assert np.array_equal(draw_labelled(n_images, n, n_draws + 3, seed)[:n_draws], found)
        before = found


@pytest.mark.parametrize(("n_images", "n"), [(2, 4), (5, 4), (9, 4), (30, 1)])
def test_a_few_others_are_labelled_for_each_image_and_the_same_for_all(n_images, n):
    chosen = labelled_others(n_images, n, seed=1)
    assert chosen.shape == (n_images, min(n, n_images - 1))
    assert all(len({image, *others}) == 1 + len(others) for image, others in enumerate(chosen.tolist()))
    assert len(np.unique(chosen)) == min(n + 1, n_images)  # so many labels serve all
    assert (labelled_others(n_images, n, seed=1) == chosen).all()
    more = labelled_others(n_images, n + 1, seed=1)
    assert all(set(few) <= set(many) for few, many in zip(chosen.tolist(), more.tolist(), strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cluster_counts([[[0, 4]]], [[[0, 1]]], 4), "labels is int64 from 0 to 4"),
        (lambda: cluster_counts([[0, 1]], [[0, 1]], 2), "labels has shape"),
        (lambda: cluster_counts([[[0, 1]]], [[[0, 1], [0, 1]]], 2), "labels has shape"),
        (lambda: cluster_counts([[[0.0, 1]]], [[[0, 1]]], 2), "labels is float64 from 0.0 to 1.0: give integers"),
        (lambda: object_regions([[0]], [1, 0]), "tags is int64"),
        (lambda: few_label_curve(np.ones((2, 2, 1), int), [2]), "n is 2 and n_draws 100: give 1 to 1 of the 2 images"),
        (lambda: draw_labelled(3, 1, 0), "n is 1 and n_draws 0"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
