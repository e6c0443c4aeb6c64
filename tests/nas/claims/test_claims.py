"""The claims, each once, or once for each kind of NAS and what it is held against."""

import pytest

from nas.claims.claims import (
    AGREEING,
    CONSISTENT,
    HIGH_MAP,
    OVER,
    RIVALS,
    SMALLEST,
    claims_of,
    smallest_p_value,
)
from nas.superpixels.variants import SEGMENTATIONS

KINDS = ["nas_clusters", "nas_components"]


def test_every_claim_has_a_name_of_its_own_and_says_what_it_is_about():
    claims = claims_of(KINDS)
    names = [claim.name for claim in claims]
    assert len(set(names)) == len(names) and names == [claim.name for claim in claims_of(KINDS)]
    for claim in claims:
        assert claim.threshold in ("", CONSISTENT, AGREEING) and claim.over in ("", *OVER)
        assert bool(claim.kind) == bool(claim.over) == (f".{claim.kind}" in claim.name and bool(claim.kind))
        assert claim.over in ("", "raw") or claim.name.endswith(f".over_{claim.over}")


@pytest.mark.parametrize("kind", KINDS)
def test_no_gain_in_localization_or_contrast_is_without_both_rivals(kind):
    claims = [claim for claim in claims_of([kind]) if claim.kind]
    by_claim = {}
    for claim in claims:
        by_claim.setdefault(claim.name.partition(f".{kind}")[0], set()).add(claim.over)
    rivals = {"slic", "felzenszwalb"}
    assert all(rivals <= over for over in by_claim.values())
    assert by_claim.pop(HIGH_MAP) == {"raw", "moved", "sobel"} | rivals
    averaged = ["localization_rises_at_0.7", "localization_rises_at_0.9", "contrast_rises"]
    assert all(by_claim[name] == {"raw"} | rivals for name in averaged)


def test_rivals_are_label_maps_with_as_many_regions():
    assert set(RIVALS) == set(KINDS) and {name for each in RIVALS.values() for name in each.values()} < set(
        SEGMENTATIONS
    )
    assert all(name.endswith("_few") for over, name in RIVALS["nas_clusters"].items() if over != "moved")


def test_the_least_number_of_photos_gives_p_values_small_enough_for_all_tests_together():
    smallest = smallest_p_value(KINDS)
    assert smallest == 2.0**-19 * (len(claims_of(KINDS)) + 1) <= SMALLEST * 0.05
    assert smallest_p_value(KINDS[:1]) < smallest
