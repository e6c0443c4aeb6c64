"""Letters that no font has are named."""

import warnings

import matplotlib.pyplot as plt
import pytest
from matplotlib import font_manager

from nas.report import lettering, style
from nas.report.lettering import FONT, drawable


def test_letters_of_the_font_stay_and_others_are_numbers():
    assert drawable("naïve χ² חתול\n→ a", [FONT]) == "naïve χ² חתול\n→ a"
    assert drawable("a\u732b b", [FONT]) == "aU+732B b"
    assert drawable("\U0001f984", [FONT]) == "U+1F984"


@pytest.fixture
def figure():
    style.use()
    figure, ax = plt.subplots(figsize=(3, 2))
    ax.set_title("\u732b \ue000", loc="left")
    style.title(ax, "\ue001 \u732b", fontsize=7, pad=3)
    ax.plot([0, 1], label="\ue002")
    ax.legend()
    yield figure
    plt.close("all")


def test_no_text_of_a_figure_that_is_saved_has_a_letter_that_no_font_has(figure, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of matplotlib, for a box
        style.save(figure, "A caption \u732b", tmp_path / "figure1")
    drawing = tmp_path.joinpath("figure1.svg").read_text()
    for code in range(0xE000, 0xE003):
        assert f"U+{code:04X}" in drawing
    assert tmp_path.joinpath("figure1.txt").read_text() == "A caption \u732b\n"


def test_the_fallback_draws_what_it_has_where_it_is_installed(figure, tmp_path):
    if len(lettering.families()) == 1:
        pytest.skip(f"{lettering.FALLBACK} is not installed")
    assert drawable("\u732b") == "\u732b"
    style.save(figure, "", tmp_path / "figure1")
    assert "\u732b" in tmp_path.joinpath("figure1.svg").read_text()
    assert b"Droid" in tmp_path.joinpath("figure1.pdf").read_bytes()


def test_a_figure_that_needs_no_fallback_is_the_same_without_it(tmp_path):
    style.use()
    style.save(plt.figure().text(0.5, 0.5, "plain", weight="bold").figure, "", tmp_path / "figure1")
    assert "Droid" not in tmp_path.joinpath("figure1.svg").read_text()


def test_without_the_fallback_there_is_one_font(monkeypatch):
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: ["/somewhere/Other.ttf"])
    assert lettering.families.__wrapped__() == [FONT]
