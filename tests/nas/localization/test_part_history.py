"""What basins hold, handed down, against a walk from each basin to whoever absorbed it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.localization.part_history import NEVER, history_of

many = settings(max_examples=80, deadline=None, derandomize=True)


def forest(seed, n, highest):
    """Summits in ascending order, saddles below them, parents of higher numbers: as a grey image has them."""
    draw = np.random.default_rng(seed)
    summits = np.sort(draw.integers(1, highest + 1, n))
    saddles = draw.integers(0, summits)
    parents = np.array([draw.integers(basin + 1, n) if basin < n - 1 else basin for basin in range(n)])
    saddles[-1] = 0
    return summits, saddles, parents


def part_at(basin, threshold, saddles, parents):
    while saddles[basin] > threshold:
        basin = parents[basin]
    return basin


forests = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))


@many
@given(given=forests)
def test_each_basin_is_a_part_from_its_summit_to_its_saddle(given):
    summits, saddles, parents = forest(*given)
    history = history_of(summits, saddles, parents)
    expected = [(basin, t) for t in range(summits[-1] - 1, -1, -1) for basin in range(len(summits))
                if saddles[basin] <= t < summits[basin]]  # fmt: skip
    assert [*zip(history.basins.tolist(), history.thresholds.tolist(), strict=True)] == expected
    for basin in range(len(summits)):
        below = np.arange(summits[basin])
        found = history.find(np.full(len(below), basin), below)
        assert history.thresholds[found].tolist() == below.tolist()
        assert history.basins[found].tolist() == [part_at(basin, t, saddles, parents) for t in below]


@many
@given(given=forests, n_marks=st.integers(0, 20))
@pytest.mark.parametrize("way", ["_by_basin", "_by_threshold", None])
@pytest.mark.parametrize(("combine", "empty"), [(np.minimum, 99), (np.add, 0)])
def test_what_enters_is_in_every_part_below(given, n_marks, way, combine, empty):
    summits, saddles, parents = forest(*given)
    history = history_of(summits, saddles, parents)
    draw = np.random.default_rng(given[0])
    basins = draw.integers(0, len(summits), n_marks)
    at, values = draw.integers(0, summits[basins]) if n_marks else basins, draw.integers(0, 50, (2, n_marks))
    table = np.full((2, len(history.basins) + 1), empty, np.int32)
    table[:, -1] = 7  # what enters there is in no part
    for row, entered in zip(table, values, strict=True):
        combine.at(row, history.find(basins, at), entered.astype(np.int32))
    expected = np.full((2, len(history.basins)), empty)
    for number, (part, threshold) in enumerate(zip(history.basins, history.thresholds, strict=True)):
        inside = [
            mark for mark in range(n_marks)
            if at[mark] >= threshold and part_at(basins[mark], threshold, saddles, parents) == part
        ]  # fmt: skip
        for row in range(2):
            expected[row, number] = combine.reduce([empty, *values[row, inside]])
    if way is None:
        history.hand_down(table, combine, empty)
    else:
        table[:, -1] = empty
        edges = np.flatnonzero(np.diff(history.thresholds, prepend=NEVER, append=NEVER))
        getattr(history, way)(table, combine, edges)
    assert np.array_equal(table[:, :-1], expected)
