from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nas.networks.classifier import Classifier
from nas.saliency.baselines import absent
from nas.saliency.explaining import explain
from nas.saliency.kernel_shap import coalitions

BANDS = torch.arange(8)[:, None].expand(8, 8)
LABEL = torch.tensor([2])


@pytest.fixture(scope="session")
def linear(wrap: Callable[..., Classifier]) -> Classifier:
    """Logits that are linear in the pixels."""
    torch.manual_seed(0)
    return wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), 8)


@pytest.fixture(scope="session")
def curved(wrap: Callable[..., Classifier]) -> Classifier:
    """Logits in which pixels work together."""
    torch.manual_seed(0)
    return wrap(nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 4)), 8)


@pytest.fixture(scope="session")
def x() -> Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))


def bands(n: int) -> Tensor:
    """A region map of n bands of rows."""
    return (BANDS * n // 8)[None]


def region_sums(classifier: Classifier, x: Tensor, label: int, ids: Tensor, start: Tensor) -> Tensor:
    """What each region adds to a linear logit when it takes the place of `start`."""
    weights = classifier.module[1].weight[label].reshape(3, 8, 8)
    change = (weights * (x - start)[0]).sum(0)
    return torch.stack([change[ids[0] == region].sum() for region in range(int(ids.max()) + 1)]).detach()


@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from(["mean", "zero", "black", "white"]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_lime_and_kernel_shap_find_the_parts_of_a_linear_logit(
    linear: Classifier, seed: int, n: int, baseline: str
) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 3, 8, 8, generator=random)
    label = torch.randint(4, (1,), generator=random)
    ids = torch.randperm(n, generator=random)[bands(n)]
    truth = region_sums(linear, x, int(label), ids, absent(linear, x, baseline))[ids]
    given = {"regions": ids, "output": "logit", "baseline": baseline, "seed": seed, "batch_size": 50}
    shap = explain(linear, x, label, "kernel_shap", n_samples=100, **given)
    torch.testing.assert_close(shap, truth, rtol=1e-4, atol=1e-4)
    slopes = explain(linear, x, label, "lime", n_samples=200, alpha=0.0, kernel_width=1.0, **given)
    torch.testing.assert_close(slopes, truth, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("output", ["probability", "logit"])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_kernel_shap_of_few_regions_is_exact(curved: Classifier, x: Tensor, n: int, output: str) -> None:
    def score(inputs: Tensor) -> Tensor:
        logits = curved.logits(inputs)
        return (logits.softmax(1) if output == "probability" else logits)[:, 2].detach()

    # captum goes through all orders in which the regions may enter
    exact = ShapleyValues(score).attribute(x, baselines=torch.zeros_like(x), feature_mask=bands(n)[:, None])[:, 0]
    given = {"regions": bands(n), "output": output, "baseline": "zero", "n_samples": 14}
    torch.testing.assert_close(explain(curved, x, LABEL, "kernel_shap", **given), exact, rtol=1e-4, atol=1e-6)


def test_kernel_shap_from_drawn_coalitions_is_right_on_average_and_in_sum(curved: Classifier, x: Tensor) -> None:
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


def test_kernel_shap_refuses_too_few_samples(curved: Classifier, x: Tensor) -> None:
    with pytest.raises(ValueError, match="n_samples is 13, but an image has 8 regions; kernel_shap needs at least 14"):
        explain(curved, x, LABEL, "kernel_shap", regions=bands(8), n_samples=13)


def test_lime_is_the_plain_weighted_ridge_regression(curved: Classifier, x: Tensor) -> None:
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


def plain_masks(n: int, grid: int, cell: int, side: int, keep: float, seed: int) -> list[Tensor]:
    """Patterns enlarged bilinear, centre to centre, pixel by pixel, then cropped."""
    random = torch.Generator().manual_seed(seed)
    patterns = torch.rand(n, grid, grid, generator=random) < keep
    rows, columns = (torch.randint(cell, (n,), generator=random).tolist() for _ in range(2))

    def along(position: int) -> list[tuple[int, float]]:
        centre = min(max((position + 0.5) * grid / ((grid + 1) * cell) - 0.5, 0), grid - 1)
        return [(int(centre), 1 - centre % 1), (min(int(centre) + 1, grid - 1), centre % 1)]

    masks = []
    for pattern, top, left in zip(patterns, rows, columns, strict=True):
        mask = torch.zeros(side, side)
        for i in range(side):
            for j in range(side):
                for row, weight in along(top + i):
                    for column, other in along(left + j):
                        mask[i, j] += weight * other * float(pattern[row, column])
        masks.append(mask)
    return masks


@pytest.mark.parametrize("output", ["probability", "logit"])
def test_rise_is_the_plain_weighted_mean_of_masks(curved: Classifier, x: Tensor, output: str) -> None:
    total, shown = torch.zeros(8, 8), torch.zeros(8, 8)
    for mask in plain_masks(6, grid=3, cell=3, side=8, keep=0.4, seed=7):
        logits = curved.logits(x * mask).detach()[0]
        total += mask * (logits.softmax(0) if output == "probability" else logits)[LABEL[0]]
        shown += mask
    expected = torch.where(shown > 0, total / shown, 0)
    given = {"n_masks": 6, "grid": 3, "keep": 0.4, "seed": 7, "output": output}
    torch.testing.assert_close(explain(curved, x, LABEL, "rise", batch_size=4, **given)[0], expected)


def test_rise_of_whole_masks_is_the_score(curved: Classifier, x: Tensor) -> None:
    score = curved.logits(x).softmax(1)[0, LABEL[0]].detach()
    whole = explain(curved, x, LABEL, "rise", n_masks=5, keep=1.0)
    torch.testing.assert_close(whole, score.expand(1, 8, 8))
