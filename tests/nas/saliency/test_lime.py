"""LIME against the plain weighted regression."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas.networks.classifier import Classifier
from nas.saliency.explaining import explain

LABEL = torch.tensor([2])
Bands = Callable[[int], Tensor]


@pytest.fixture(scope="session")
def x() -> Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))


@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from(["mean", "zero", "black", "white"]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_lime_finds_the_parts_of_a_linear_logit(
    linear: Classifier, parts: Callable[..., tuple[Tensor, ...]], seed: int, n: int, baseline: str
) -> None:
    x, label, ids, truth = parts(seed, n, baseline)
    given = {"regions": ids, "output": "logit", "baseline": baseline, "seed": seed, "batch_size": 50}
    found = explain(linear, x, label, "lime", n_samples=200, alpha=0.0, kernel_width=1.0, **given)
    torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-4)


def test_lime_is_the_plain_weighted_ridge_regression(curved: Classifier, x: Tensor, bands: Bands) -> None:
    random, rows, scores, weights = np.random.default_rng(5), [], [], []
    for sample, draw in enumerate(random.random((30, 4))):
        kept = [sample == 0 or number < 0.5 for number in draw]
        shown = torch.tensor(kept)[bands(4)][:, None]
        logits = curved.logits(torch.where(shown, x, x.mean((2, 3), keepdim=True))).detach()
        scores.append(float(logits.softmax(1)[0, LABEL[0]]))
        cosine = sum(kept) / (np.sqrt(sum(kept)) * np.sqrt(4)) if any(kept) else 0.0
        weights.append(np.exp(-((1 - cosine) ** 2) / 0.4**2))
        rows.append([1.0, *kept])
    design, weight, penalty = np.array(rows), np.diag(weights), np.diag([0.0, 2, 2, 2, 2])
    slopes = np.linalg.solve(design.T @ weight @ design + penalty, design.T @ weight @ np.array(scores))[1:]
    given = {"regions": bands(4).numpy(), "n_samples": 30, "kernel_width": 0.4, "alpha": 2.0, "seed": 5}
    maps = explain(curved, x, LABEL, "lime", **given)
    torch.testing.assert_close(maps, torch.from_numpy(slopes).float()[bands(4)], rtol=1e-4, atol=1e-7)
