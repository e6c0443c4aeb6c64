"""Scores of sets of regions against images that are put together one by one."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.networks.classifier import Classifier
from nas.saliency.baselines import absent
from nas.saliency.perturbation import Score, _over_regions

TARGET = torch.tensor([2, 0])


@pytest.fixture(scope="session")
def x() -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("output", ["probability", "logit"])
@pytest.mark.parametrize("baseline", ["mean", "black"])
def test_each_set_has_the_score_of_its_image(
    curved: Classifier, x: Tensor, bands: Callable[[int], Tensor], baseline: str, output: str
) -> None:
    ids = torch.cat([bands(4), bands(2).mT])
    asked = {n: np.random.default_rng(0).random((40, n)) < 0.5 for n in (4, 2)}
    found: list[tuple[int, NDArray[np.float64]]] = []

    def attribute(n_regions: int, score: Score) -> NDArray[np.float64]:
        found.append((n_regions, score(asked[n_regions])))
        return np.arange(n_regions) + 0.5

    maps = _over_regions(attribute, curved, x, TARGET, 7, ids, baseline, output)
    torch.testing.assert_close(maps, ids + 0.5, check_dtype=False)
    missing = absent(curved, x, baseline)
    for number, (n_regions, scores) in enumerate(found):
        assert n_regions == (4, 2)[number]
        for kept, score in zip(asked[n_regions], scores, strict=True):
            shown = missing[number].clone()
            for region in np.flatnonzero(kept):
                shown[:, ids[number] == region] = x[number][:, ids[number] == region]
            logits = curved.logits(shown[None])[0].detach()
            expected = (logits.softmax(0) if output == "probability" else logits)[TARGET[number]]
            assert score == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_equal_sets_are_scored_once_and_no_batch_is_larger_than_asked(
    curved: Classifier, x: Tensor, bands: Callable[[int], Tensor], batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def predictor(inputs: Tensor) -> Tensor:
        seen.append(len(inputs))
        return curved.logits(inputs)

    monkeypatch.setattr(type(curved), "predictor", property(lambda _: predictor))
    asked = np.random.default_rng(1).random((50, 3)) < 0.5

    def attribute(n_regions: int, score: Score) -> NDArray[np.float64]:
        assert np.array_equal(score(asked), score(asked))
        return np.zeros(n_regions)

    _over_regions(attribute, curved, x[:1], TARGET[:1], batch_size, bands(3), "zero", "logit")
    assert sum(seen) == 2 * len(np.unique(asked, axis=0)) and max(seen) <= batch_size


def test_an_unknown_output_is_named(curved: Classifier, x: Tensor, bands: Callable[[int], Tensor]) -> None:
    def attribute(n_regions: int, score: Score) -> NDArray[np.float64]:
        return score(np.eye(n_regions, dtype=bool))

    with pytest.raises(ValueError, match="output is 'loss'; give one of probability, logit"):
        _over_regions(attribute, curved, x, TARGET, 2, torch.cat([bands(2)] * 2), "zero", "loss")
