import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.statistics.holm import holm_correction

random = settings(max_examples=30, deadline=None, derandomize=True)


@random
@given(st.lists(st.floats(0, 1), max_size=7).map(np.array), st.floats(0.001, 0.999))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, alpha):
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if (len(p_values) - step) * p_values[index] > alpha:
            break
        rejected[index] = True
    adjusted = holm_correction(p_values)
    np.testing.assert_array_equal(adjusted <= alpha, rejected)
    assert np.all(adjusted >= p_values) and np.all(adjusted <= 1)
    gappy = holm_correction(np.r_[np.nan, p_values])
    assert math.isnan(gappy[0])
    np.testing.assert_array_equal(gappy[1:], adjusted)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: holm_correction([0.2, 1.5]), r"p_values lie in \[0.2, 1.5\]"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@random
@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(0, 1) | st.just(np.nan)))
def test_the_shape_of_the_tests_does_not_matter(p_values):
    np.testing.assert_array_equal(holm_correction(p_values).ravel(), holm_correction(p_values.ravel()))
