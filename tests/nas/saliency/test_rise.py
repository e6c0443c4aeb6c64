"""RISE against the mean of masks that are enlarged pixel by pixel."""

import pytest
import torch
from torch import Tensor

from nas.networks.classifier import Classifier
from nas.saliency.explaining import explain

LABEL = torch.tensor([2])


@pytest.fixture(scope="session")
def x() -> Tensor:
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))


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
