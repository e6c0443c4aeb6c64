"""Which stage runs for what: as given, or as DVC says."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from stages.__main__ import item

PARAMETERS = SimpleNamespace(datasets=["sample", "sam"], classifiers=["a-b", "net"])


def single(parameters):
    pass


def of_network(parameters, network):
    pass


def of_pair(parameters, dataset, network):
    pass


def render(parameters, name):
    pass


@pytest.mark.parametrize(
    ("stage", "called", "expected"),
    [
        (single, "any", []),
        (of_network, "any@a-b", ["a-b"]),
        (of_pair, "any@sample-a-b", ["sample", "a-b"]),
        (of_pair, "any@sam-net", ["sam", "net"]),
        (of_pair, "any", ["sample", "a-b"]),  # of the first pair alone
        (of_pair, "../dvc.yaml:any@sam-net", ["sam", "net"]),  # where DVC runs in another folder
    ],
)
def test_dvc_says_for_which_item_a_stage_runs(monkeypatch, stage, called, expected):
    monkeypatch.setenv("DVC_STAGE", called)
    assert item("any", stage, [], PARAMETERS) == expected
    wanted = ["x", "y"][: len(expected)]
    assert item("any", stage, wanted, PARAMETERS) == (wanted or expected)  # what is given comes first


@pytest.mark.parametrize(
    ("stage", "called", "given", "message"),
    [
        (
            of_pair,
            "any@sample",
            [],
            r"^any is given nothing, and any@sample says not for which: python -m stages any DA",
        ),
        (of_pair, "other@sample-net", [], r"and other@sample-net says not for which: python -m stages any DATASET NET"),
        (
            of_pair,
            "",
            [],
            r"^any is given nothing, and no stage of DVC says not for which: python -m stages any DATASET",
        ),
        (of_pair, "any@sam-net", ["sam"], r"^any is given sam: python -m stages any DATASET NETWORK$"),
        (single, "any", ["sam"], r"^any is given sam: python -m stages any$"),
        (render, "render_method", [], r"^any is given nothing: python -m stages any NAME$"),
    ],
)
def test_too_few_and_too_many_are_one_line_with_what_is_wanted(monkeypatch, stage, called, given, message):
    monkeypatch.setenv("DVC_STAGE", called)
    with pytest.raises(ValueError, match=message):
        item("any", stage, given, PARAMETERS)


def test_where_there_is_one_item_nothing_needs_to_be_said(monkeypatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert item("any", of_pair, [], SimpleNamespace(datasets=["d"], classifiers=["n"])) == ["d", "n"]


@pytest.fixture
def stages(tmp_path, root):
    """A function that runs `python -m stages`, as dvc.yaml does, in a folder with the parameters of the repository."""
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    (tmp_path / "stages").symlink_to(root / "stages")

    def run(*arguments, **environment):
        command = [sys.executable, "-E", "-X", "utf8", "-m", "stages", *arguments]
        return subprocess.run(command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)

    return run


def test_a_stage_that_is_none_is_named_with_those_that_there_are(stages):
    for arguments in ([], ["params"], ["../x"]):
        done = stages(*arguments)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("error: python -m stages NAME: NAME is one of ablation, activations, choices, ")


def test_a_stage_runs_whatever_the_environment_is(stages, tmp_path):
    hostile = {"PYTHONSAFEPATH": "1", "PYTHONSTARTUP": "x", "LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}
    done = stages("choices", DVC_STAGE="choices", **hostile)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/choices/datasets/sample.json").is_file()
    assert "choices" in (tmp_path / "reports/timings.json").read_text()


def test_no_command_names_anything_of_the_parameters(root):
    declared = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    for name, stage in declared.items():
        expected = f"render {name.removeprefix('render_')}" if name.startswith("render_") else name
        assert stage["cmd"] == f"python -E -X utf8 -m stages {expected}"
