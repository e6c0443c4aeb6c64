"""Durations by a clock that the tests set."""

import pytest
import torch

from nas.store.timing import timed


@pytest.mark.parametrize(("one_thread", "inside"), [(True, 1), (False, None)])
def test_the_shorter_of_two_calls_counts(monkeypatch, one_thread, inside):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        now, seen = iter([0.0, 0.9, 10.0, 10.5]), []
        monkeypatch.setattr("time.perf_counter", lambda: next(now))
        assert timed(lambda: seen.append(torch.get_num_threads()), one_thread=one_thread) == 0.5
        assert seen == [inside or 2] * 2 and torch.get_num_threads() == 2
        now = iter([0.0, 1.5, 10.0, 11.0])
        assert timed(seen.clear, one_thread=one_thread) == (1.5 if one_thread else 1.0)
        with pytest.raises(ZeroDivisionError):
            now = iter([0.0])
            timed(lambda: 1 / 0, one_thread=one_thread)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
