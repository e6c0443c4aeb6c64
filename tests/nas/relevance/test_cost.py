"""The time of a curve against durations set here."""

from types import SimpleNamespace

import pytest
import torch

from nas.relevance.cost import seconds_of_curve


@pytest.mark.parametrize(("device", "n_steps", "few"), [("cpu", 8, 4), ("cpu", 3, 3), ("cuda", 8, 8)])
def test_a_curve_is_timed_or_a_few_steps_of_it(monkeypatch, device, n_steps, few):
    shown, one_thread = [], []

    def predictor(x):
        shown.append(len(x))
        return x.mean(dim=(2, 3))

    network = SimpleNamespace(size=8, device=torch.device(device), predictor=predictor)
    network.normalize = lambda views: torch.from_numpy(views).permute(0, 3, 1, 2).float()
    monkeypatch.setattr("nas.relevance.cost.timed", lambda call, **given: one_thread.append(given) or call() or 3.0)
    assert seconds_of_curve(network, n_steps, batch_size=4) == 3 * n_steps / few
    assert sum(shown) == 1 + few and max(shown) <= 4  # and the whole photo
    assert one_thread == [{"one_thread": device == "cpu"}]
