import inspect

import numpy as np
import pytest

from nas.statistics.bootstrap import bootstrap_statistic, interval, interval_of, paired_bootstrap
from nas.statistics.rankings import pairwise_tau, ranking_agreement
from nas.statistics.resampling import Resampling


@pytest.mark.parametrize("function", [interval, paired_bootstrap, pairwise_tau, ranking_agreement])
def test_it_can_be_handed_over_in_the_order_of_the_arguments(function):
    assert tuple(inspect.signature(function).parameters)[-3:] == Resampling._fields


def test_level_resamples_and_seed_make_an_interval():
    values = np.random.default_rng(0).random(20)
    resampling = Resampling(0.8, 300, 7)
    draws = np.random.default_rng(7).integers(0, 20, (300, 20))
    means = values[draws].mean(axis=1)
    expected = interval_of(np.append(values.mean(), means), 20, 0.8)
    assert interval(values, *resampling) == pytest.approx(expected)
    assert bootstrap_statistic(np.mean, values, **resampling._asdict()) == interval(values, *resampling)
