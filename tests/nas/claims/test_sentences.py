"""Sentences hold the numbers of the verdict."""

import math
from dataclasses import replace

import pytest

from nas.claims.claims import CONTRADICTED, NOT_MEASURED, SUPPORTED, UNDECIDED, claims_of
from nas.claims.judging import Judged
from nas.claims.sentences import sentence
from nas.statistics.pooled import Pooled

CLAIMS = {claim.name: claim for claim in claims_of(["nas_clusters"])}
FOUND = Pooled(-0.0613, -0.1, 0.0214, 0.003, 0.02, 23, 24)
MADE = Judged(CLAIMS["single_and_class_agree"], 0.0, FOUND, (), p_corrected=0.0123, detectable=0.0987, needed=1234.0)
TAU = replace(MADE, claim=CLAIMS["lerf_is_inconsistent"], null=0.8)
SENTENCES = [
    (replace(MADE, verdict=CONTRADICTED),
     "-0.061 [-0.100, +0.021] is below 0, the opposite of the claim (p = 0.0123 after correction, n = 24 photos)."),
    (replace(TAU, verdict=SUPPORTED, p_corrected=2e-7),
     "-0.061 [-0.100, +0.021] is below the threshold 0.8 (p < 0.0001 after correction, n = 24 photos)."),
    (replace(MADE, verdict=UNDECIDED),
     "-0.061 [-0.100, +0.021] leaves open on which side of 0 the mean is (p = 0.0123, n = 24 photos). So many show a "
     "distance of 0.099 in 80 of 100 repetitions; one of 0.061, as observed, needs about 1,200 photos."),
    (replace(TAU, verdict=UNDECIDED, needed=87.0),
     "-0.061 [-0.100, +0.021] leaves open on which side of the threshold 0.8 the mean is (p = 0.0123, n = 24 photos). "
     "So many show a distance of 0.099 in 80 of 100 repetitions; one of 0.861, as observed, needs about 87 photos."),
    (replace(MADE, verdict=NOT_MEASURED, missing="no photo has a mask"), "Not measured: no photo has a mask."),
]  # fmt: skip


@pytest.mark.parametrize(("judged", "expected"), SENTENCES)
def test_each_verdict_is_one_sentence_of_its_numbers(judged, expected):
    assert sentence(judged) == expected


@pytest.mark.parametrize("needed", [math.inf, math.nan, 3e7])
def test_no_number_of_photos_is_given_where_there_is_no_effect(needed):
    words = sentence(replace(MADE, verdict=UNDECIDED, needed=needed))
    assert words.endswith("So many show a distance of 0.099 in 80 of 100 repetitions.")
