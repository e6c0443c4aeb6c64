"""Sentences on claims made up here."""

import pytest
from ledgers import ALONE, CLAIM, LEDGER, OTHER

from nas.report.findings import VERDICTS, findings, groups, headline, other_of, tally


def claim(verdict, over="raw", value=0.1, **changed):
    known = {"verdict": verdict, "over": over, "value": value, "over_text": f"<{over}>", "null": 0.0}
    return CLAIM | known | {"detectable": 0.25 if verdict == "undecided" else None} | changed


def test_the_tally_has_every_claim_once():
    claims = [claim("supported"), claim("undecided"), claim("undecided"), claim("not measured", n=0)]
    counts = tally(claims)
    assert list(counts) == list(VERDICTS) and counts == {
        "supported": 1, "contradicted": 0, "undecided": 2, "not measured": 1
    }  # fmt: skip
    assert headline(claims) == "4 tests on 7 photos: 1 supported, 2 undecided, 1 not measured."
    assert headline([*LEDGER["claims"], *LEDGER["across"]]).startswith("4 tests on 7 photos: 1 supported, ")
    assert headline([claim("supported", n=9), claim("supported")]).startswith("2 tests on 7 to 9 photos: ")


def test_what_nas_are_above_and_below_and_not_told_apart_from_is_said_by_kind():
    claims = [
        claim("supported"),
        claim("undecided", "slic", 0.04),
        claim("undecided", "felzenszwalb", -0.2),
        claim("contradicted", "sobel", -0.3),
        claim("contradicted", "raw", -0.05, kind="nas_components"),
    ]
    assert findings(claims)[0] == (
        "It <helps>",
        "NAS clusters are above the map as it is (+0.100), below Sobel edges averaged alike (control) (-0.300), not "
        "told apart from SLIC and Felzenszwalb. NAS components are below the map as it is (-0.050).",
    )


@pytest.mark.parametrize(("value", "side"), [(0.9, "above"), (0.7, "below")])
def test_a_claim_on_no_kind_says_its_number_and_what_it_is_held_against(value, side):
    [(subject, text)] = findings([ALONE | {"value": value}])
    assert (subject, text) == ("Alone", f"Supported: τ {value:+.3f} [-0.100, +0.050] is {side} the threshold 0.8.")


def test_what_is_open_or_not_measured_comes_last_and_says_what_could_have_been_seen():
    claims = [claim("undecided", short="A"), claim("undecided", short="B", detectable=0.5), OTHER | {"short": "C"}]
    told = findings([*claims, claim("supported", short="D")])
    assert [subject for subject, _ in told] == ["D", "Open", "Not measured"]
    assert told[1][1] == (
        "A; B. With so many photos a true difference of 0.25 to 0.50, by claim and in its unit, would be found in 80 "
        "of 100 repetitions."
    )
    assert told[2][1] == "C."


def test_what_a_kind_was_not_measured_against_is_said_and_a_kind_that_was_not_measured_leaves_no_gap():
    missing = {"value": None, "low": None, "high": None}
    lines = [claim("not measured", "slic", **missing), claim("not measured", "raw", kind="nas_components", **missing)]
    [(_, text), *_] = findings([claim("supported"), *lines])
    assert text == "NAS clusters are above the map as it is (+0.100), not measured against SLIC."


def test_groups_are_of_one_subject_in_order():
    found = groups([CLAIM, ALONE, OTHER])
    assert list(found) == ["It <helps>", "Alone"] and found["It <helps>"] == [CLAIM, OTHER]
    assert other_of(CLAIM) == "SLIC with as <many>" and other_of(claim("supported")) == "the map as it is"
