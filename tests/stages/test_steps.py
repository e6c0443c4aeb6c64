"""The stage on small photos made up here, with a network of random weights."""

import pytest

from stages import relevance, saliency, steps

SALIENCY = {"methods": ["gradient", "random", "sobel"], "parameters": {}}
RELEVANCE = {
    "methods": ["gradient", "random", "sobel"],
    "least": {"orders": ["pixels", "nas_clusters.first"], "replacements": ["zero", "mean"]},
    "most": {"orders": ["pixels"], "replacements": ["mean"]},
    "n_steps": 3,
    "batch": 4,
}


@pytest.fixture(scope="module")
def prepared(new_project, seen_by_network):
    """A function that makes a project of some photos with maps."""

    def make(photos, **convergence):
        sections = {"saliency": SALIENCY, "relevance": RELEVANCE}
        project = new_project({photo: {} for photo in photos}, **sections, convergence={"photos": 9} | convergence)
        seen_by_network(project)
        project.run(saliency)
        return project

    return make


def test_areas_at_the_steps_of_the_report_are_those_of_the_report(prepared):
    project = prepared("ab", n_steps=[2, 6])
    project.run(steps)
    project.run(relevance)
    table = project.table("steps")
    assert sorted(table["n_steps"].unique()) == [2, 3, 6] and set(table["replacement"]) == {"zero"}
    assert set(table.loc[table["used"], "n_steps"]) == {3} and set(table["direction"]) == {"least"}
    by = ["id", "method", "direction", "order", "replacement"]
    merged = table[table["used"]].merge(project.table("relevance"), on=by, suffixes=("", "_report"))
    assert len(merged) == 2 * 3 * 2 and (merged["auc"] - merged["auc_report"]).abs().max() < 1e-6


def test_photos_are_spread_and_a_run_that_was_killed_goes_on(prepared):
    few, many = prepared("bc", n_steps=[4]), prepared("abc", n_steps=[4])
    few.run(steps)
    many.run(steps)
    killed = prepared("abc", n_steps=[4])
    assert killed.kill_and_resume(steps, 2, "compare_steps") == 2
    assert killed.contents("steps") == many.contents("steps")
    table = many.table("steps")
    assert table[table["id"] != "a"].reset_index(drop=True).equals(few.table("steps"))
    many.set(convergence={"photos": 1, "n_steps": [4]})
    many.run(steps)
    assert set(many.table("steps")["id"]) == {"a"}


def test_the_summary_has_the_orders_and_their_steps(prepared):
    project = prepared("abc", n_steps=[2, 5])
    project.run(steps)
    found = project.summary("steps").set_index(["order", "n_steps"])
    assert set(found.index) == {(order, n) for order in RELEVANCE["least"]["orders"] for n in (2, 3, 5)}
    assert (found.xs(5, level="n_steps")["value"] == 0).all() and set(found["n"]) == {3}
