"""Deep feature factorization, of maps whose factors are known and against scikit-learn's product."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import non_negative_factorization

from nas.superpixels.factors import deep_feature_factorization


def test_parts_whose_channels_fire_together_are_found():
    parts = np.kron(np.array([[0, 1], [2, 1]]), np.ones((4, 4), int))
    channels = np.array([[3.0, 1, 0, 0, 0, 0], [0, 0, 2, 5, 0, 0], [0, 0, 0, 0, 0.5, 0.1]])
    maps = torch.from_numpy(channels[parts].transpose(2, 0, 1))
    found = deep_feature_factorization(maps, 3, (8, 8))
    assert found.dtype == np.int32 and np.array_equal(found, parts)
    assert deep_feature_factorization(maps, 3, (40, 24)).shape == (40, 24)
    below = torch.where(maps > 0, maps, -torch.ones_like(maps))
    assert np.array_equal(deep_feature_factorization(below, 3, (8, 8)), parts)


def test_factors_are_compared_in_units_of_the_activations():
    maps = torch.from_numpy(np.random.default_rng(1).random((5, 4, 6)))
    rows = maps.numpy().reshape(5, -1).T
    places, channels, _ = non_negative_factorization(
        rows, n_components=3, init="nndsvda", max_iter=300, tol=1e-4, random_state=2
    )
    strengths = [[places[i, f] * np.sqrt((channels[f] ** 2).sum()) for f in range(3)] for i in range(24)]
    strongest = np.argmax(strengths, axis=1).reshape(4, 6)
    found = deep_feature_factorization(maps, 3, (4, 6), seed=2)
    assert len({(a, b) for a, b in zip(found.flat, strongest.flat, strict=True)}) == len(np.unique(strongest))


def test_more_factors_than_locations_are_as_many_as_there_are_and_nothing_is_one_region():
    assert deep_feature_factorization(torch.rand(2, 3, 3), 9, (6, 6)).max() <= 1
    assert not deep_feature_factorization(-torch.ones(4, 3, 3), 2, (5, 7)).any()


@pytest.mark.parametrize(("shape", "n"), [((3, 3), 2), ((0, 3, 3), 2), ((2, 3, 3), 0)])
def test_what_is_no_map_is_refused(shape, n):
    with pytest.raises(ValueError, match="give \\(C, h, w\\) and 1 or more"):
        deep_feature_factorization(torch.ones(shape), n, (4, 4))
