"""The rule by which findings become verdicts."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.claims.claims import NOT_SUPPORTED, SUPPORTED, UNDECIDED, Claim
from nas.claims.findings import Finding
from nas.claims.verdicts import decide, holds_everywhere, overall

many = settings(max_examples=60, deadline=None, derandomize=True)
NAN = math.nan
ABOVE, BELOW = Claim("above", "", "", ""), Claim("below", "", "", "", greater=False)


def finding(claim="above", value=0.3, p=0.001, null=0.0, dataset="made", network="net"):
    return Finding(claim, dataset, network, value, value - 0.1, value + 0.1, null, p, 9)


def verdicts(tests, alpha=0.05, claims=(ABOVE, BELOW)):
    return [test.verdict for test in decide(tests, claims, alpha)]


@pytest.mark.parametrize(
    ("claim", "value", "null", "p", "expected"),
    [
        ("above", 0.3, 0.0, 0.01, SUPPORTED),
        ("above", -0.3, 0.0, 0.01, NOT_SUPPORTED),
        ("below", -0.3, 0.0, 0.01, SUPPORTED),
        ("below", 0.3, 0.0, 0.01, NOT_SUPPORTED),
        ("above", 0.7, 0.8, 0.01, NOT_SUPPORTED),  # above 0, and below what it would be if there were nothing to it
        ("below", 0.7, 0.8, 0.01, SUPPORTED),
        ("above", 0.3, 0.0, 0.05, SUPPORTED),
        ("above", 0.3, 0.0, 0.0501, UNDECIDED),
        ("below", 0.3, 0.0, 1.0, UNDECIDED),
        ("above", 0.8, 0.8, 0.01, UNDECIDED),
        ("above", 0.3, 0.0, NAN, UNDECIDED),
        ("above", NAN, 0.0, 0.01, UNDECIDED),
        ("below", NAN, 0.0, 0.01, UNDECIDED),
    ],
)
def test_a_verdict_is_the_side_and_the_p_value(claim, value, null, p, expected):
    assert verdicts([finding(claim, value, p, null)]) == [expected]


def test_p_values_are_corrected_over_all_tests():
    ps = [0.03, 0.01, 0.04, 0.02]
    tests = [finding(p=p) for p in ps]
    assert verdicts(tests[1:2]) == [SUPPORTED] and verdicts(tests) == [UNDECIDED, SUPPORTED, UNDECIDED, UNDECIDED]
    decided = decide(tests, [ABOVE], 0.05)
    assert [test.p_corrected for test in decided] == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert [replace(test, p_corrected=NAN, verdict=UNDECIDED).p for test in decided] == ps


def test_what_could_not_be_measured_does_not_count():
    tests = [finding(p=0.02), finding(p=0.025), finding(p=NAN), finding(value=NAN, p=0.001), finding(value=NAN, p=NAN)]
    decided = decide(tests, [ABOVE], 0.05)
    assert [test.verdict for test in decided] == [SUPPORTED] * 2 + [UNDECIDED] * 3
    assert [test.p_corrected for test in decided] == pytest.approx([0.04, 0.04, NAN, NAN, NAN], nan_ok=True)
    assert decide([], [ABOVE], 0.05) == []


@many
@given(
    tests=st.lists(
        st.builds(
            finding,
            claim=st.sampled_from(["above", "below"]),
            value=st.sampled_from([-0.3, 0.0, 0.3, NAN]),
            p=st.sampled_from([0.001, 0.01, 0.02, 0.04, 0.5, NAN]),
        ),
        max_size=8,
    )
)
def test_the_rule_is_a_plain_loop_and_blind_to_text(tests):
    known = sorted(test.p for test in tests if not (math.isnan(test.p) or math.isnan(test.value)))
    limit = 0.0  # Holm: the largest p-value up to which all are at most alpha over the number of those not below
    for rank, p in enumerate(known):
        if p > 0.05 / (len(known) - rank):
            break
        limit = p
    expected = []
    for test in tests:
        claimed = test.value if test.claim == "above" else -test.value
        rejected = test.p <= limit and claimed != 0
        expected.append(
            UNDECIDED if not rejected or math.isnan(claimed) else SUPPORTED if claimed > 0 else NOT_SUPPORTED
        )
    assert verdicts(tests) == expected
    words = [replace(claim, text="It fails.", statistic="?", figure="table9") for claim in (BELOW, ABOVE)]
    assert verdicts(tests, claims=words) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], UNDECIDED),
        ([SUPPORTED], SUPPORTED),
        ([SUPPORTED, SUPPORTED], SUPPORTED),
        ([SUPPORTED, UNDECIDED], UNDECIDED),
        ([UNDECIDED], UNDECIDED),
        ([SUPPORTED, UNDECIDED, NOT_SUPPORTED], NOT_SUPPORTED),
    ],
)
def test_a_claim_holds_if_it_does_everywhere(found, expected):
    tests = [replace(finding(), verdict=verdict) for verdict in found]
    assert overall(tests) == expected == overall(tests[::-1])


def test_what_could_not_be_measured_says_nothing_of_a_claim():
    known, unknown = finding(dataset="boxes", p=1e-6), finding(dataset="none", value=NAN, p=NAN)
    decided = decide([known, unknown], [ABOVE], 0.05)
    assert [test.verdict for test in decided] == [SUPPORTED, UNDECIDED]
    assert overall(decided) == overall(decided[::-1]) == SUPPORTED and overall(decided[1:]) == UNDECIDED
    everywhere = holds_everywhere(decided, 1, 1)
    assert (everywhere["verdict"], everywhere["tests"], everywhere["datasets"]) == (SUPPORTED, 1, 1)
    assert holds_everywhere(decided, 2, 1)["verdict"] == UNDECIDED


@pytest.mark.parametrize(
    ("given", "least", "expected"),
    [
        ({("x", "n"): SUPPORTED, ("x", "m"): SUPPORTED, ("y", "n"): SUPPORTED}, (2, 2), SUPPORTED),
        ({("x", "n"): SUPPORTED, ("x", "m"): SUPPORTED}, (2, 2), UNDECIDED),
        ({("x", "n"): SUPPORTED, ("y", "n"): SUPPORTED}, (2, 2), UNDECIDED),
        ({("x", "n"): SUPPORTED, ("y", "n"): SUPPORTED}, (2, 1), SUPPORTED),
        ({("x", "n"): SUPPORTED, ("y", "m"): UNDECIDED}, (2, 2), UNDECIDED),
        ({("x", "n"): NOT_SUPPORTED}, (2, 2), NOT_SUPPORTED),
        ({}, (1, 1), UNDECIDED),
    ],
)
def test_everywhere_is_enough_data_sets_and_networks(given, least, expected):
    tests = [replace(finding(dataset=d, network=n), verdict=verdict) for (d, n), verdict in given.items()]
    found = holds_everywhere(tests, *least)
    assert found == {
        "verdict": expected,
        "tests": len(given),
        "supported": list(given.values()).count(SUPPORTED),
        "datasets": len({dataset for dataset, _ in given}),
        "networks": len({network for _, network in given}),
    }
