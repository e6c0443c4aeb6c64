import pytest

from nas.parameters.interrupts import end_interrupted


def test_what_was_interrupted_says_so_in_a_line_and_how_to_go_on(capsys):
    with pytest.raises(SystemExit) as caught:
        end_interrupted()
    assert caught.value.code == 130
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: interrupted; ") and "dvc repro" in said.err
    assert said.err.count("\n") == 1
