"""Verdicts of photos made up here: what is there is found, what is not is not, at any number of cells."""

import math

import numpy as np
import pandas as pd
import pytest

from nas.claims.cells import Cell
from nas.claims.claims import CONTRADICTED, NOT_MEASURED, SUPPORTED, UNDECIDED, claims_of
from nas.claims.judging import judge, photo_means
from nas.statistics.holm import holm_correction
from nas.statistics.pooled import heterogeneity, pool
from nas.statistics.resampling import LEAST_PHOTOS

KINDS = ["nas_clusters", "nas_components"]
CLAIMS = claims_of(KINDS)
NULLS = {"consistent_tau": 0.8, "agreeing_tau": 0.5}
ACROSS = "localization_rises_at_0.7.nas_clusters"


def cells_of(effect, datasets, networks, seed=0, n=24, claims=CLAIMS):
    """Cells of all claims: an effect of so many standard deviations of a photo, which its networks have in common."""
    generator = np.random.default_rng(seed)
    found = []
    for claim in claims:
        side = 1 if claim.greater else -1
        for dataset in range(datasets):
            photos = 0.1 * generator.normal(size=n)
            ids = [f"photo{number}" for number in range(n)]
            for network in range(networks):
                own = photos + 0.05 * generator.normal(size=n) + 0.1 * effect * side + NULLS.get(claim.threshold, 0)
                found.append(Cell(claim.name, f"data{dataset}", f"net{network}", pd.Series(own, ids)))
    return found


def verdicts(cells, claims=CLAIMS, alpha=0.05, least=(1, 1)):
    judged, across = judge(claims, cells, NULLS, alpha, 0.95, ACROSS, least)
    return {each.claim.name: each.verdict for each in judged}, across


@pytest.mark.parametrize(("datasets", "networks"), [(1, 2), (2, 2), (4, 4)])
@pytest.mark.parametrize(("effect", "expected"), [(4, SUPPORTED), (-4, CONTRADICTED)])
def test_an_overwhelming_effect_is_found_in_any_number_of_cells(datasets, networks, effect, expected):
    found, across = verdicts(cells_of(effect, datasets, networks))
    assert len(found) == len(CLAIMS) and set(found.values()) == {expected}
    assert across.verdict == expected and across.p_corrected <= 0.05
    assert (across.cells, across.datasets, across.networks) == (datasets * networks, datasets, networks)
    assert across.agreeing == (datasets * networks if effect > 0 else 0)


def test_without_an_effect_any_verdict_is_as_rare_as_alpha():
    """Of 400 runs at most a twentieth has a claim that is supported or contradicted, and some chance more."""
    wrong = 0
    for seed in range(400):
        found, across = verdicts(cells_of(0, 1, 2, seed=1000 + seed))
        wrong += {*found.values(), across.verdict} != {UNDECIDED}
    assert wrong / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("n", [24, 200])
@pytest.mark.parametrize(
    "claim", [CLAIMS[0], *(claim for claim in CLAIMS if claim.threshold)], ids=lambda claim: claim.name
)
def test_the_interval_of_a_claim_covers_what_it_says(claim, n):
    """Of taus in fifths around a threshold, and of gains over methods, most of them 0."""
    generator, covered = np.random.default_rng([n, *claim.name.encode()]), 0
    runs = 400
    for _ in range(runs):
        if claim.threshold:
            values, truth = np.round(5 * (1 - 2 * generator.beta(2, 3, size=n))) / 5, TAU
        else:
            values, truth = (generator.binomial(12, 0.15, n) - generator.binomial(12, 0.1, n)) / 12, 0.05
        cell = Cell.of(claim.name, "data", "net", pd.Series(values, [str(i) for i in range(n)]), "")
        [judged], _ = judge([claim], [cell], NULLS, 0.05, 0.95, claim.name, (1, 1))
        covered += judged.found.low <= truth <= judged.found.high
    error = math.sqrt(0.05 * 0.95 / runs)
    assert 0.92 - 2 * error <= covered / runs <= 0.98 + 2 * error


DRAWN = np.round(5 * (1 - 2 * np.random.default_rng(0).beta(2, 3, size=400_000))) / 5
TAU = float(DRAWN.mean())


def test_the_unit_is_the_photo_and_data_sets_weigh_the_same():
    ids = [f"p{number}" for number in range(30)]
    generator = np.random.default_rng(0)
    one, other, small = (pd.Series(generator.normal(size=30), ids) for _ in range(3))
    more = pd.Series(generator.normal(2, 1, size=200), range(200))
    claim = CLAIMS[0]
    made = [
        Cell.of(claim.name, "a", "net0", one, ""),
        Cell.of(claim.name, "a", "net1", other.iloc[::-1][:-1], ""),  # one photo is not measured
        Cell.of(claim.name, "b", "net0", more, ""),
        Cell.of(claim.name, "c", "net0", small.iloc[: LEAST_PHOTOS - 1], ""),
    ]
    [judged], _ = judge([claim], made, {}, 0.05, 0.9, claim.name, (1, 1))
    means = [(one[i] + other[i]) / 2 if i != ids[0] else one[i] for i in sorted(ids)]
    expected = pool([np.array(means), more.to_numpy()], 0.0, 0.9)
    assert judged.found == pytest.approx(expected) and list(judged.datasets) == ["a", "b"] and judged.found.n == 230
    alone = [pool([cell.values.to_numpy()], 0.0, 0.9) for cell in made]
    assert [each for _, each in judged.cells] == alone
    assert judged.i2 == pytest.approx(
        heterogeneity(np.array([e.value for e in alone]), np.array([e.se for e in alone]))
    )
    assert photo_means([]).size == 0


def test_too_few_photos_or_none_are_not_measured_and_do_not_count():
    claims = CLAIMS[:3]
    few = cells_of(9, 2, 2, n=LEAST_PHOTOS - 1, claims=claims[:1])
    nothing = Cell(claims[1].name, "data0", "net0", missing="no photo has a mask")
    some = cells_of(0.5, 1, 1, claims=claims[2:])
    judged, across = judge(claims, [*few, nothing, *some], {}, 0.05, 0.95, claims[0].name, (1, 1))
    needed = f"a data set needs {LEAST_PHOTOS}, from which on the test holds its level"
    assert [each.verdict for each in judged[:2]] == [NOT_MEASURED] * 2 and across.verdict == NOT_MEASURED
    assert judged[0].missing == f"{LEAST_PHOTOS - 1} photos of data0, {LEAST_PHOTOS - 1} photos of data1; {needed}"
    assert judged[1].missing == "no photo has a mask"
    assert all(math.isnan(each.found.value) and math.isnan(each.p_corrected) for each in judged[:2])
    assert judged[2].p_corrected == judged[2].found.p  # of one test


@pytest.mark.parametrize("n", [2, 3, 9])
def test_a_few_photos_that_all_agree_are_no_evidence(n):
    values = pd.Series(np.ones(n), range(n))
    made = [Cell.of(claim.name, "data", "net", values, "") for claim in CLAIMS]
    assert {each.verdict for each in judge(CLAIMS, made, NULLS, 0.05, 0.95, ACROSS, (1, 1))[0]} == {NOT_MEASURED}


def test_holm_is_over_claims_and_the_claim_that_holds_across():
    made = [cell for claim in CLAIMS[::-1] for cell in cells_of(0.45, 2, 2, seed=len(claim.name), claims=[claim])]
    judged, across = judge(CLAIMS, made, NULLS, 0.05, 0.95, ACROSS, (2, 2))
    ps = [*(each.found.p for each in judged), across.p]
    np.testing.assert_allclose([*(each.p_corrected for each in judged), across.p_corrected], holm_correction(ps))
    for each in judged:
        right = (each.found.value > each.null) == each.claim.greater
        expected = (SUPPORTED if right else CONTRADICTED) if each.p_corrected <= 0.05 else UNDECIDED
        assert each.verdict == expected
    assert {UNDECIDED, SUPPORTED} == {each.verdict for each in judged}


def test_one_weak_cell_leaves_open_whether_it_holds_everywhere_and_one_against_it_contradicts():
    claim = next(each for each in CLAIMS if each.name == ACROSS)
    strong = cells_of(4, 2, 2, claims=[claim])
    weak = cells_of(0.05, 1, 1, seed=3, claims=[claim])[0]
    against = cells_of(-4, 1, 1, seed=3, claims=[claim])[0]
    _, across = judge([claim], strong, {}, 0.05, 0.95, ACROSS, (2, 2))
    assert (across.verdict, across.agreeing, across.cells) == (SUPPORTED, 4, 4)
    assert across.p == max(pool([cell.values.to_numpy()]).p for cell in strong)
    added = Cell(weak.claim, "data2", "net0", weak.values + 0.01)
    assert judge([claim], [*strong, added], {}, 0.05, 0.95, ACROSS, (2, 2))[1].verdict == UNDECIDED
    added = Cell(against.claim, "data2", "net0", against.values)
    _, across = judge([claim], [*strong, added], {}, 0.05, 0.95, ACROSS, (2, 2))
    assert (across.verdict, across.agreeing, across.cells) == (CONTRADICTED, 4, 5)
    assert across.p == pytest.approx(5 * pool([against.values.to_numpy()]).p)


@pytest.mark.parametrize(("datasets", "networks"), [(1, 2), (2, 1)])
def test_too_few_data_sets_or_networks_do_not_say_that_it_holds_everywhere(datasets, networks):
    _, across = verdicts(cells_of(4, datasets, networks), least=(2, 2))
    assert across.verdict == NOT_MEASURED and math.isnan(across.p)
    assert across.missing == f"data sets of {LEAST_PHOTOS} photos: {datasets} of 2 needed; networks: {networks} of 2"


def test_an_undecided_claim_says_what_could_have_been_found():
    claim = CLAIMS[0]
    judged = judge(CLAIMS, cells_of(0.3, 1, 1, claims=[claim]), {}, 0.05, 0.95, ACROSS, (1, 1))[0][0]
    assert judged.verdict == UNDECIDED
    # of normal values: noncentral t at the level of the first step of Holm's correction
    assert judged.detectable == pytest.approx(judged.found.se * 4.6, rel=0.1)
    assert judged.needed == pytest.approx(24 * (judged.found.se / judged.found.value * 4.1) ** 2, rel=0.1)
