"""The figure of all claims, of a ledger made up here."""

import matplotlib.pyplot as plt
import pytest
from ledgers import CLAIM, LEDGER

from nas.report import looks
from nas.report.figures import claims


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_each_claim_is_drawn_with_its_interval_and_what_it_is_held_against():
    figure, caption = claims.load(LEDGER)
    [ax] = figure.axes
    strokes = [line for line in ax.lines if line.get_linewidth() == 1.1]
    assert [line.get_xdata()[0] for line in strokes] == [claim["null"] for claim in LEDGER["claims"]]
    measured = [claim for claim in LEDGER["claims"] if claim["value"] is not None]
    spans = [line for line in ax.lines if line.get_linewidth() == 1.3]
    assert [list(line.get_xdata()) for line in spans] == [[claim["low"], claim["high"]] for claim in measured]
    marks = [line for line in ax.lines if line.get_marker() not in ("None", "")]
    assert [line.get_xdata()[0] for line in marks] == [claim["value"] for claim in measured]
    assert [line.get_color() for line in marks] == [looks.VERDICTS[claim["verdict"]].color for claim in measured]
    said = [text.get_text() for text in ax.texts]
    assert "It <helps> (BoxAcc)" in said and "NAS clusters over SLIC with as <many>" in said
    assert "-0.012 [-0.100, +0.050]" in said and said.count("not measured") == 1 and "Alone (τ)" in said
    assert "90% interval" in caption and "Seed 7." in caption and "3 tests" in caption


def test_an_open_claim_is_hollow():
    ax = claims.forest([CLAIM | {"verdict": "undecided"}]).axes[0]
    assert [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"] == ["white"]


def test_without_claims_there_is_nothing_to_show():
    assert claims.forest([]).texts[0].get_text() == "Nothing to show: there are no claims"
