"""Maps of fewer and more samples against `explain` and scipy, with a network of random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plain import record_of, store, write_network
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from nas.networks.headed import StoredClassifier, shared_classifier
from nas.saliency.convergence import compare_counts, counted
from nas.saliency.explaining import explain
from nas.saliency.photo_maps import Explaining
from nas.saliency.possible import to_explain
from nas.saliency.summary import CONVERGENCE_COLUMNS
from nas.store.shards import Stored

SIDE, SEED = 32, 3
PARAMETERS = {
    "integrated_gradients": {"n_steps": 2, "baseline": "black"},
    "smoothgrad": {"n_samples": 2},
    "kernel_shap": {"n_samples": 4},
    "lrp": {"epsilon": 1e-6},
}
COUNTS = {  # at the two factors, and of the reference; of five regions at least twice the largest id
    "integrated_gradients": ("n_steps", {0.5: 1, 3.0: 6}, 10),
    "smoothgrad": ("n_samples", {0.5: 1, 3.0: 6}, 10),
    "kernel_shap": ("n_samples", {0.5: 8, 3.0: 12}, 20),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The rows of two photos, of which one has a mask, and what they are of."""
    folder = tmp_path_factory.mktemp("convergence")
    weights, head = write_network(folder)
    classifier, photos = shared_classifier("mobilenet_v2", weights, head), {}
    for seed, photo in enumerate("ab"):
        generator = np.random.default_rng(seed)
        view = np.array(Image.fromarray(generator.integers(0, 256, (4, 4, 3), np.uint8)).resize((SIDE, SIDE)))
        with torch.no_grad():
            logits = classifier.logits(classifier.normalize(view[None]))[0].numpy()
        labels = np.kron(generator.permutation(np.arange(16) % 5).reshape(4, 4), np.ones((8, 8))).astype(np.uint16)
        photos[photo] = {"view": view, "logits": logits, "slic.first": labels}
    seen, regions = (
        store(folder / stage, {photo: {name: each[name] for name in names} for photo, each in photos.items()})
        for stage, names in {"activations": ("view", "logits"), "superpixels": ("slic.first",)}.items()
    )
    mask = np.zeros((40, 48), np.uint8)
    mask[8:20, 4:30], mask[20:24] = 1, 255
    records = [record_of(folder, "a", mask), record_of(folder, "b")]
    settings = Explaining(StoredClassifier("mobilenet_v2", weights, head), Stored(seen, ("view", "logits")), 4)
    counts = counted(to_explain(list(PARAMETERS), PARAMETERS, SEED, Stored(regions, ("slic.first",))))
    found = compare_counts(records, counts, [0.5, 3.0], 5.0, settings)
    return found, records, photos, settings, classifier, counts


def test_counts_are_of_the_methods_whose_count_is_set():
    regions = Stored(Path("nowhere"), ("slic.first",))
    methods = to_explain([*PARAMETERS, "gradient"], PARAMETERS, SEED, regions)
    assert list(counted(methods)) == ["integrated_gradients", "smoothgrad", "kernel_shap"]
    given = {"rise": {"grid": 3}, "smoothgrad": {"n_samples": 9}}
    methods = to_explain(["rise", "smoothgrad"], given, SEED, regions)
    assert counted(methods) == {"smoothgrad": methods["smoothgrad"]}


def test_rows_are_those_of_a_plain_loop(made):
    found, records, photos, _, classifier, _ = made
    rows = [row for shard in found.values() for row in shard.rows]
    assert len(rows) == 2 * 3 * 2
    truth = records[0].truth((SIDE, SIDE))
    for row in rows:
        each = photos[row["id"]]
        target, x = torch.tensor([each["logits"].argmax()]), classifier.normalize(each["view"][None])
        parameter, counts, most = COUNTS[row["method"]]
        maps = []
        for count, seed in ((counts[row["factor"]], SEED), (most, SEED + 1)):
            given = {parameter: count}
            given |= {"seed": seed} if row["method"] != "integrated_gradients" else {"baseline": "black"}
            if row["method"] == "kernel_shap":
                given["regions"] = torch.from_numpy(each["slic.first"].astype(np.int64))[None]
            maps.append(explain(classifier, x, target, row["method"], **given)[0].numpy())
        assert row["spearman"] == pytest.approx(spearmanr(*(each.ravel() for each in maps)).statistic, abs=1e-3)
        assert (row["parameter"], row["count"], row["reference_count"]) == (parameter, counts[row["factor"]], most)
        assert set(row) == set(CONVERGENCE_COLUMNS)
        for column, saliency in zip(("auroc", "reference_auroc"), maps, strict=True):
            expected = roc_auc_score(truth[truth < 255] > 0, saliency[truth < 255]) if row["id"] == "a" else np.nan
            assert row[column] == pytest.approx(expected, abs=5e-3, nan_ok=True)
    assert np.ptp([row["spearman"] for row in rows]) > 0.1


def test_a_photo_is_the_same_alone_and_a_method_without_the_others(made):
    found, records, _, settings, _, counts = made
    for record in records[::-1]:
        alone = compare_counts([record], {"smoothgrad": counts["smoothgrad"]}, [0.5, 3.0], 5.0, settings)
        assert list(alone) == ["smoothgrad"]
        expected = [row for row in found["smoothgrad"].rows if row["id"] == record.id]
        assert list(alone["smoothgrad"].rows) == [pytest.approx(row, nan_ok=True) for row in expected]
