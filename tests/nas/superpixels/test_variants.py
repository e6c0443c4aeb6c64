"""Variants are told by their names again as they were written, and make the estimator that they say."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import normal

from nas.superpixels.estimator import NeuroActivatedSuperpixels
from nas.superpixels.variants import VARIANTS, Variant, read_variants, write_variants

many = settings(max_examples=40, deadline=None, derandomize=True)
variants = st.builds(
    Variant,
    clusters=st.one_of(st.just("auto"), st.integers(2, 20)),
    depths=st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True).map(tuple),
    weighting=st.sampled_from(["channels", "none"]),
    size=st.one_of(st.sampled_from(["first", "image"]), st.integers(1, 64)),
)


@many
@given(made=st.dictionaries(st.text("abc/-", min_size=1), variants, max_size=4))
def test_what_was_written_is_read(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("variants")
    write_variants(folder, made)
    assert read_variants(folder) == made and list(read_variants(folder)) == list(made)
    assert list(json.loads((folder / VARIANTS).read_text())) == list(made)


def test_where_nothing_was_written_the_stage_is_named(tmp_path):
    with pytest.raises(ValueError, match=r": holds no variants\.json; run the stage that writes it \(dvc repro\)$"):
        read_variants(tmp_path)


@many
@given(variant=variants)
def test_columns_name_the_settings(variant):
    found = variant.columns()
    assert [int(depth) for depth in found["depths"].split("-")] == sorted(variant.depths)
    assert (found["clusters"], found["weighting"]) == (str(variant.clusters), variant.weighting)
    turned = Variant(variant.clusters, variant.depths[::-1], variant.weighting, variant.size)
    assert turned.columns() == found


@pytest.mark.parametrize("weighting", ["channels", "none"])
@pytest.mark.parametrize("size", ["first", 7])
def test_the_estimator_is_the_one_with_these_settings(weighting, size):
    maps = {2: normal(0, 2, 5, 9, 8), 3: normal(1, 2, 7, 5, 4)}
    given = {"depths": (2, 3), "size": size, "interpolation": "bilinear", "random_state": 3}
    expected = NeuroActivatedSuperpixels(4, weighting=None if weighting == "none" else "channels", **given).fit(maps)
    found = Variant(4, (3, 2), weighting, size).estimator("bilinear", seed=3).fit(maps)
    assert torch.equal(found.labels_, expected.labels_)
    assert torch.equal(found.cluster_centers_, expected.cluster_centers_)
