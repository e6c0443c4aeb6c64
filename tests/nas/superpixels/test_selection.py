"""What is kept of several clusterings, against plain definitions."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import normal

from nas.superpixels.kmeans import Clustering
from nas.superpixels.selection import automatic_n_clusters, better, pad, renumber, row_of

many = settings(max_examples=20, deadline=None, derandomize=True)


def numbered_by_first_appearance(labels):
    seen = list(dict.fromkeys(labels.tolist()))
    return np.array([seen.index(label) for label in labels.tolist()]), seen


def clustering(seed, inertia):
    """Of three images, two clusters of four locations each."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (3, 2, 2), generator=generator)
    return Clustering(labels, normal(seed, 3, 2, 5), torch.tensor(inertia), torch.tensor([seed, seed, seed]))


@many
@given(inertia=st.lists(st.lists(st.integers(1, 1000), min_size=8, max_size=8), min_size=1, max_size=4))
def test_automatic_rule_by_definition(inertia):
    expected = []
    for falling in inertia:
        relative = [(falling[j] - falling[j + 1]) / falling[j] for j in range(7)]
        expected.append(relative.index(max(relative)) + 2)
    assert automatic_n_clusters(torch.tensor(inertia, dtype=torch.float64).T).tolist() == expected


def test_automatic_rule_without_any_inertia():
    assert automatic_n_clusters(torch.zeros(8, 1, dtype=torch.float64)).tolist() == [2]


@many
@given(
    labels=st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=3),
    extra=st.integers(0, 2),
)
def test_renumber_by_first_appearance(labels, extra):
    flat = np.array(labels)
    centers = normal(0, len(flat), 5 + extra, 2)
    numbers = torch.zeros(len(flat))
    found = renumber(Clustering(torch.from_numpy(flat).view(-1, 2, 3), centers, numbers, numbers))
    for image, row in enumerate(flat):
        expected, order = numbered_by_first_appearance(row)
        absent = [cluster for cluster in range(5 + extra) if cluster not in order]
        assert np.array_equal(found.labels[image].flatten().numpy(), expected)
        assert torch.equal(found.centers[image], centers[image, order + absent])


def test_the_better_start_of_each_image_is_kept_and_the_first_of_equal_ones():
    one, other = clustering(1, [3.0, 1.0, 2.0]), clustering(2, [2.0, 1.0, 4.0])
    found = better(one, other)
    for image, chosen in enumerate((other, one, one)):
        assert all(torch.equal(made[image], of[image]) for made, of in zip(found, chosen, strict=True))


def test_centers_are_filled_up_with_nan():
    found = clustering(1, [3.0, 1.0, 2.0])
    assert torch.equal(pad(found.centers, 2), found.centers)
    labels, centers, inertia, n_iter = row_of(found, 1, 4)
    assert torch.equal(labels, found.labels[1]) and (inertia, n_iter) == (1.0, 1)
    assert torch.equal(centers[:2], found.centers[1]) and centers[2:].isnan().all()
