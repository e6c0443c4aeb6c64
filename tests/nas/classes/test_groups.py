"""Groups of photos, and the cluster that tells most of a class."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.classes.groups import lacking, members
from nas.data.records import Record
from nas.report.figures.class_clusters import OCCURS, telling_cluster

many = settings(max_examples=60, deadline=None, derandomize=True)
K = 5


def records(*names):
    return [Record(f"r{number}", Path(), "", class_name=a, super_class=b) for number, (a, b) in enumerate(names)]


MADE = records(("owl", "bird"), ("owl", "bird"), ("crane", "bird"), ("crane", "machine"), ("bird", "bird"), ("", ""))


def test_members_have_the_name_as_class_or_super_class():
    found = members(MADE, ["crane", "bird", "machine", "", "zebra"])
    assert {name: [record.id for record in photos] for name, photos in found.items()} == {
        "crane": ["r2", "r3"],
        "bird": ["r0", "r1", "r2", "r4"],
    }
    assert list(members(MADE, None)) == ["owl", "crane", "bird"]  # a class may have the name of a super-class


def test_what_is_no_group_is_counted_and_groups_are_listed():
    assert lacking(MADE, ["crane", "bird"], "made") == ""
    line = lacking(MADE, ["machine", "bird", "zebra"], "made")
    assert line == (
        "classes.groups has 'machine' (1 photos), 'zebra' (0 photos): allowed are classes and super-classes of made "
        "with at least 2 photos, bird, crane, owl"
    )
    assert lacking(MADE[:1], ["owl"], "made").endswith("with at least 2 photos, but there is none")
    classes = records(*((f"c{number // 2:02}", "") for number in range(80)))
    assert lacking(classes, ["zebra"], "made").endswith("c28, c29 and 10 more")


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


def test_the_lowest_of_equal_clusters_tells():
    labels = np.array([[[3, 3, 1, 1], [3, 3, 1, 1]]])
    assert telling_cluster(labels, np.ones_like(labels), K) == 1
    assert telling_cluster(labels, None, K) == 1
