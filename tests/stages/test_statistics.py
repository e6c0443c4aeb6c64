"""The stage: what it summarizes, where it goes, and what is summarized again."""

import pandas as pd
import pytest
import yaml
from class_projects import NETWORK, run_classes

from nas.statistics.resampling import Resampling
from stages import params, statistics


@pytest.fixture(scope="module")
def made(new_classes):
    """A project in which the stage classes has run."""
    return run_classes(new_classes())


def only_classes(parameters):
    return {"classes": SUBJECTS(parameters)["classes"]}


SUBJECTS = statistics.subjects


@pytest.fixture
def summarized(made, monkeypatch):
    """A function that runs the stage on the classes alone, at a level; the summary, and when its file was written."""
    monkeypatch.setattr(statistics, "subjects", only_classes)

    def run(level):
        content = yaml.safe_load((made / "params.yaml").read_text())
        content["statistics"]["level"] = level
        (made / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))
        run_classes(made, statistics.main, ())
        file = made / "data/statistics/classes/folder" / NETWORK / "summary.parquet"
        return pd.read_parquet(file), file.stat().st_mtime_ns

    return run


def test_every_subject_of_the_pipeline_has_its_summaries(root, monkeypatch):
    monkeypatch.chdir(root)
    parameters = params.read()
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    read = {dep.split("/")[1] for dep in stages["statistics"]["deps"] if dep.startswith("data/")}
    assert set(statistics.subjects(parameters)) == read
    tasks = list(statistics.tasks(parameters))
    assert len(tasks) == (len(read) - 2) * len(parameters.datasets) * len(parameters.classifiers) + 2
    assert len({task.target for task in tasks}) == len(tasks)


def test_the_box_accuracy_has_resamples_of_its_own(root, monkeypatch):
    monkeypatch.chdir(root)
    found = statistics.subjects(params.read())
    assert found["localization"].keywords["resampling"] == Resampling(0.95, 1000, 0)
    assert found["relevance"].keywords["resampling"] == Resampling(0.95, 2000, 0)


def test_summaries_carry_their_origin_and_are_made_again_only_when_their_settings_change(summarized):
    first, written = summarized(0.9)
    assert set(first["dataset"]) == {"folder"} and set(first["network"]) == {NETWORK} and set(first["seed"]) == {0}
    assert (first["low"] <= first["value"]).all() and (first["value"] <= first["high"]).all()
    same, again = summarized(0.9)
    assert again == written
    pd.testing.assert_frame_equal(first, same)
    wider, later = summarized(0.99)
    assert later != written and (wider["high"] - wider["low"]).sum() > (first["high"] - first["low"]).sum()
