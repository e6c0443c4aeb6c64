"""The claims, each once or once for each kind of regions."""

from dataclasses import replace

from nas.claims import testing
from nas.claims.claims import CLAIMS, claims_of


def test_claims_about_averaging_are_held_for_each_kind_of_regions():
    claims = claims_of(["slic.first", "nas_clusters.first"])
    names = [claim.name for claim in claims]
    assert len(set(names)) == len(names) == len(CLAIMS) + sum(claim.averaged for claim in CLAIMS)
    assert {claim.regions for claim in claims} == {"", "slic.first", "nas_clusters.first"}
    plain = {claim.name: claim for claim in CLAIMS}
    for claim in claims:
        own = plain[claim.name.removesuffix(f".{claim.regions}")]
        assert own.averaged == bool(claim.regions) and claim == replace(own, name=claim.name, regions=claim.regions)


def test_names_are_those_of_the_tests():
    """A claim has the name of its test, or one that a test gets, so that no claim goes without."""
    names = {claim.name for claim in CLAIMS}
    assert {*testing.LOCALIZATION, *testing.SEMANTICS} < names
    assert all(hasattr(testing.Testing, name) for name in names - {*testing.LOCALIZATION, *testing.SEMANTICS})
