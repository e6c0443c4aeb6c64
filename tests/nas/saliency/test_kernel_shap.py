"""Shapley values against captum, which goes through all orders, and draws against the Shapley kernel."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas.networks.classifier import Classifier
from nas.saliency.explaining import explain
from nas.saliency.kernel_shap import coalitions

LABEL = torch.tensor([2])
Bands = Callable[[int], Tensor]


@pytest.fixture(scope="session")
def x() -> Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))


@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from(["mean", "zero", "black", "white"]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_kernel_shap_finds_the_parts_of_a_linear_logit(
    linear: Classifier, parts: Callable[..., tuple[Tensor, ...]], seed: int, n: int, baseline: str
) -> None:
    x, label, ids, truth = parts(seed, n, baseline)
    given = {"regions": ids, "output": "logit", "baseline": baseline, "seed": seed, "batch_size": 50}
    found = explain(linear, x, label, "kernel_shap", n_samples=100, **given)
    torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("output", ["probability", "logit"])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_kernel_shap_of_few_regions_is_exact(curved: Classifier, x: Tensor, bands: Bands, n: int, output: str) -> None:
    def score(inputs: Tensor) -> Tensor:
        logits = curved.logits(inputs)
        return (logits.softmax(1) if output == "probability" else logits)[:, 2].detach()

    # captum goes through all orders in which the regions may enter
    exact = ShapleyValues(score).attribute(x, baselines=torch.zeros_like(x), feature_mask=bands(n)[:, None])[:, 0]
    given = {"regions": bands(n), "output": output, "baseline": "zero", "n_samples": 14}
    torch.testing.assert_close(explain(curved, x, LABEL, "kernel_shap", **given), exact, rtol=1e-4, atol=1e-6)


def test_kernel_shap_from_drawn_coalitions_is_right_on_average_and_in_sum(
    curved: Classifier, x: Tensor, bands: Bands
) -> None:
    given = {"regions": bands(8), "output": "logit", "baseline": "zero"}
    exact = explain(curved, x, LABEL, "kernel_shap", n_samples=254, **given)[:, :, 0]
    drawn = [explain(curved, x, LABEL, "kernel_shap", n_samples=60, seed=seed, **given)[:, :, 0] for seed in range(20)]
    gain = (curved.logits(x) - curved.logits(torch.zeros_like(x)))[:, LABEL[0]].detach()
    for values in (exact, *drawn):
        torch.testing.assert_close(values.sum(1), gain, rtol=1e-4, atol=1e-5)
    error = torch.stack(drawn) - exact
    assert error.abs().max() > 0
    assert error.mean(0).abs().max() < 0.1 * exact.abs().max()


def test_coalitions_are_drawn_by_the_shapley_kernel_in_pairs_of_complements() -> None:
    n, kept = 12, coalitions(12, 4000, seed=0)[0]
    assert (kept[:2000] == ~kept[2000:]).all()
    # kernel of one coalition times the number of its size: (n - 1) / (size (n - size)), up to scale
    shares = np.array([1 / (size * (n - size)) for size in range(1, n)])
    counts = np.bincount(kept.sum(axis=1), minlength=n)[1:]
    np.testing.assert_allclose(counts / 4000, shares / shares.sum(), atol=0.015)
    np.testing.assert_allclose(kept.mean(axis=0), 0.5)
    together = np.corrcoef(kept[:2000].T)[~np.eye(n, dtype=bool)]
    assert np.ptp(together) < 0.15


def test_kernel_shap_refuses_too_few_samples(curved: Classifier, x: Tensor, bands: Bands) -> None:
    with pytest.raises(ValueError, match="n_samples is 13, but an image has 8 regions; kernel_shap needs at least 14"):
        explain(curved, x, LABEL, "kernel_shap", regions=bands(8), n_samples=13)
