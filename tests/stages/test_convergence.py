"""The stage on small photos made up here, with a network of random weights."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from nas.data.records import read_records
from nas.saliency.explaining import explain
from nas.statistics.bootstrap import interval
from nas.store.shards import Shards
from stages import convergence

SEED = 3
PARAMETERS = {
    "integrated_gradients": {"n_steps": 2, "baseline": "black"},
    "smoothgrad": {"n_samples": 2},
    "kernel_shap": {"n_samples": 4},
    "lrp": {"epsilon": 1e-6},
}
SALIENCY = {"methods": [*PARAMETERS, "gradient"], "parameters": PARAMETERS, "batch": 4}
CONVERGENCE = {"photos": 9, "factors": [0.5, 3.0], "reference": 5.0}
COUNTS = {  # at the two factors, and of the reference; of five regions at least twice the largest id
    "integrated_gradients": ("n_steps", {0.5: 1, 3.0: 6}, 10),
    "smoothgrad": ("n_samples", {0.5: 1, 3.0: 6}, 10),
    "kernel_shap": ("n_samples", {0.5: 8, 3.0: 12}, 20),
}


@pytest.fixture(scope="module")
def prepared(new_project, seen_by_network):
    """A function that makes a project of some photos, and its network."""

    def make(photos):
        sections = {"saliency": SALIENCY, "convergence": CONVERGENCE}
        project = new_project({photo: {} for photo in photos}, seed=SEED, **sections)
        return project, seen_by_network(project)

    return make


def test_rows_are_those_of_a_plain_loop(prepared):
    project, classifier = prepared("ab")
    project.run(convergence)
    rows = project.table("convergence").to_dict("records")
    assert len(rows) == 2 * 3 * 2
    for row in rows:
        seen = Shards(project.of("activations")).read([row["id"]])
        labels = Shards(project.of("superpixels")).read([row["id"]])["nas_clusters.first"].astype(int)
        target = torch.from_numpy(seen["logits"]).argmax(dim=1)
        parameter, counts, most = COUNTS[row["method"]]
        maps = []
        for count, seed in ((counts[row["factor"]], SEED), (most, SEED + 1)):
            given = {parameter: count}
            given |= {"seed": seed} if row["method"] != "integrated_gradients" else {}
            given |= {"regions": torch.from_numpy(labels)} if row["method"] == "kernel_shap" else {}
            maps.append(explain(classifier, classifier.normalize(seen["view"]), target, row["method"], **given))
        expected = spearmanr(*(each.numpy().ravel() for each in maps)).statistic
        assert row["spearman"] == pytest.approx(expected, abs=1e-3)
        assert (row["parameter"], row["count"], row["reference_count"]) == (parameter, counts[row["factor"]], most)
        assert (row["dataset"], row["network"], row["seed"]) == ("folder", "mobilenet_v2", SEED)
    assert np.ptp([row["spearman"] for row in rows]) > 0.1


def test_the_summary_has_the_mean_over_photos_of_each_method_and_count(prepared):
    project, _ = prepared("ab")
    project.run(convergence)
    summary = project.summary("convergence")
    assert len(summary) == 3 * 2 and set(summary["measure"]) == {"spearman"}
    rows = project.table("convergence").groupby(["method", "factor"])["spearman"]
    for row in summary.to_dict("records"):
        expected = interval(rows.get_group((row["method"], row["factor"])), 0.95, 100, SEED)
        assert tuple(row[key] for key in expected._fields) == expected


@pytest.mark.parametrize(("n", "chosen"), [(1, "a"), (2, "ae"), (3, "ace"), (9, "abcde")])
def test_photos_are_spread_evenly(prepared, n, chosen):
    project, _ = prepared("abcde")
    project.set(saliency={"parameters": {"smoothgrad": {"n_samples": 1}}}, convergence={"photos": n, "factors": [1.0]})
    project.run(convergence)
    assert "".join(project.table("convergence")["id"]) == chosen


def test_another_photo_and_a_kill_change_no_row(prepared):
    (few, _), (many, _), (killed, _) = prepared("bc"), prepared("abc"), prepared("abc")
    few.run(convergence)
    many.run(convergence)
    assert killed.kill_and_resume(convergence, 3, "compare_counts") == 1
    assert killed.contents("convergence") == many.contents("convergence")
    table = many.table("convergence")
    assert table[table["id"] != "a"].reset_index(drop=True).equals(few.table("convergence"))


def test_without_a_method_that_samples_the_tables_are_empty_and_a_line_says_so(prepared, capsys):
    (project, _), (full, _) = prepared("a"), prepared("a")
    full.run(convergence)
    capsys.readouterr()
    project.set(saliency={"methods": ["gradient", "lrp"]})
    project.run(convergence)
    assert [line for line in capsys.readouterr().err.splitlines() if "tables are empty" in line] == [
        "saliency.parameters: has no n_steps, n_samples or n_masks of a method in saliency.methods, so that nothing "
        "converges; its tables are empty"
    ]
    found = project.table("convergence")
    assert found.empty and list(found) == list(full.table("convergence"))
    for name in ("summary", "contrast"):
        found = project.summary("convergence", name)
        assert found.empty and list(found) == list(full.summary("convergence", name))


def test_auroc_is_that_of_the_map_against_the_mask_and_its_distance_is_summarized(prepared):
    project, classifier = prepared("ab")
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 4:30], mask[20:24] = 1, 255
    project.describe({"a": {"mask": mask}, "b": {}})
    project.run(convergence)
    table = project.table("convergence")
    assert table.loc[table["id"] == "b", ["auroc", "reference_auroc"]].isna().all(axis=None)
    rows = table[(table["id"] == "a") & (table["method"] == "integrated_gradients")]
    seen = Shards(project.of("activations")).read(["a"])
    x, target = classifier.normalize(seen["view"]), torch.from_numpy(seen["logits"]).argmax(dim=1)
    truth = read_records(project.folder / "data/raw/folder")[0].truth(tuple(x.shape[2:]))
    for row in rows.to_dict("records"):
        for column, count in (("auroc", row["count"]), ("reference_auroc", row["reference_count"])):
            found = explain(classifier, x, target, row["method"], n_steps=count, baseline="black")[0].numpy()
            expected = roc_auc_score(truth[truth < 255] > 0, found[truth < 255])
            assert row[column] == pytest.approx(expected, abs=2e-3)
    shifts = project.summary("convergence", "contrast").set_index(["method", "factor"])
    for key, of_setting in table.dropna().groupby(["method", "factor"]):
        distance = (of_setting["auroc"] - of_setting["reference_auroc"]).abs().mean()
        assert shifts.loc[key, "value"] == pytest.approx(distance) and shifts.loc[key, "n"] == 1


def test_a_value_that_a_method_does_not_take_is_one_line(prepared):
    project, _ = prepared("a")
    project.set(saliency={"parameters": {"smoothgrad": {"n_samples": "many"}}})
    message = project.failing(convergence)
    assert message.startswith(
        "error: params.yaml: saliency.parameters.smoothgrad: n_samples of smoothgrad is 'many'; give a whole number"
    )
