"""Programs, their errors and their times."""

import json
from pathlib import Path

import pytest

from nas.parameters.running import run_program

TIMINGS = Path("timings.json")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/any.py", "x"])
    return tmp_path


@pytest.mark.parametrize("error", [ValueError("one\n  two"), OSError(28, "No space left on device", "data/x")])
def test_an_error_of_the_user_s_is_one_line_and_exit_code_1(project, error):
    def stage(parameters, name):
        raise error

    with pytest.raises(SystemExit) as caught:
        run_program(lambda: 0, stage, ["x"], TIMINGS)
    # Python prints a text on stderr and exits with code 1
    expected = {ValueError: "error: one two", OSError: "error: [Errno 28] No space left on device: 'data/x'"}
    assert caught.value.code == expected[type(error)]
    assert not TIMINGS.exists()


def test_a_mistake_of_ours_keeps_its_traceback(project):
    def stage(parameters, name):
        raise KeyError(name)

    with pytest.raises(KeyError):
        run_program(lambda: 0, stage, ["x"], TIMINGS)


def test_a_stage_gets_its_parameters_and_arguments_and_its_time_is_noted(project):
    asked = []
    for argument in ("y", "x", "y"):
        run_program(lambda: 0, lambda *given: asked.append(given), [argument], TIMINGS)
    assert asked == [(0, "y"), (0, "x"), (0, "y")]
    noted = json.loads(TIMINGS.read_text())
    assert list(noted) == ["any x", "any y"]
    assert all(isinstance(seconds, float) for seconds in noted.values())
