"""What each variant reads, and that maps of several variants are read together."""

import numpy as np

from nas.networks.activations import Activations, StoredMaps
from nas.store.given import Given
from nas.superpixels.inputs import maps_of, variants_with_maps
from nas.superpixels.variants import Variant

VARIANTS = {"first": Variant(4, (3, 2), "channels", "first"), "deep": Variant(3, (3,), "none", 10)}


def test_a_variant_reads_its_own_depths_and_together_they_read_all(photos):
    folder, records = photos
    pieces, ids = variants_with_maps(VARIANTS, folder), [record.id for record in records]
    assert pieces == {
        "first": (VARIANTS["first"], StoredMaps(folder, (2, 3))),
        "deep": (VARIANTS["deep"], StoredMaps(folder, (3,))),
    }
    expected = Activations(folder).maps(ids, [2, 3])
    found = maps_of(pieces, ids)
    assert list(found) == [2, 3] and all(np.array_equal(found[depth], expected[depth]) for depth in found)
    assert list(maps_of({"deep": pieces["deep"]}, ids)) == [3]


def test_a_variant_is_known_by_its_settings_and_the_maps_at_its_depths(photos):
    folder, records = photos
    ids = [record.id for record in records]

    def digest(**changed):
        return Given.of(*variants_with_maps({"x": Variant(**(vars(VARIANTS["deep"]) | changed))}, folder)["x"]).digest(
            ids
        )

    changes = [{}, {"clusters": 4}, {"depths": (2,)}, {"depths": (2, 3)}, {"weighting": "channels"}, {"size": "first"}]
    assert len({digest(**change) for change in changes}) == len(changes)
