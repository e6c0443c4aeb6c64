"""Means over methods, controls beside them, and what is known of the object."""

import numpy as np
import pandas as pd
import pytest
from claim_tables import IDS, METHODS, REAL, tables, write_project

from nas.claims.localizing import PhotoScores
from nas.localization.by_photo import photo_values
from nas.saliency.methods import CONTROLS
from nas.store.shards import Shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("made"), 1) / "data/localization/made/net"


def test_means_are_over_methods_that_are_no_controls(folder):
    found, stored, table = PhotoScores.of(folder), Shards(folder), tables(1)["localization"]
    for regions in ("raw", "nas_clusters.image"):
        values = [photo_values(stored, [f"{method}/{regions}"], (0.7, 0.9))[f"{method}/{regions}"] for method in REAL]
        for measure in ("BoxAcc@0.7", "BoxAcc@0.9", "BoxAcc@high"):
            expected = np.mean([each[measure] for each in values], axis=0)
            np.testing.assert_allclose(found.means[measure, regions][stored.ids], expected)
        of_kind = table[(table["regions"] == regions) & ~table["method"].isin(CONTROLS)]
        expected = of_kind.groupby("id")["auroc"].mean()
        pd.testing.assert_series_equal(found.means["auroc", regions].sort_index(), expected, check_names=False)
    assert found.boxed and found.masked and "sobel" in METHODS
    sobel = photo_values(stored, ["sobel/raw"], (0.7, 0.9))["sobel/raw"]
    np.testing.assert_array_equal(found.sobel["BoxAcc@0.7", "raw"], sobel["BoxAcc@0.7"])


def test_what_is_known_of_the_object_is_the_mask_or_else_the_box(folder, tmp_path):
    found = PhotoScores.of(folder)
    assert set(found.truth) == set(REAL)
    table = tables(1)["localization"].query("regions == 'raw' and method == 'lrp'").set_index("id")["auroc"]
    pd.testing.assert_series_equal(found.truth["lrp"], table, check_names=False)
    given = tables(1)
    given["localization"] = given["localization"].iloc[:0]
    place = write_project(tmp_path, 1, given=given) / "data/localization/made/net"
    boxed = PhotoScores.of(place)
    assert not boxed.masked and boxed.boxed
    expected = photo_values(Shards(place), ["lrp/raw"], (0.7,))["lrp/raw"]["thresholds"]
    np.testing.assert_array_equal(boxed.truth["lrp"][IDS], expected)
