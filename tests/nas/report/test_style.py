"""Figures as they are saved."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from nas.report import style


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn():
    style.use()
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot(np.arange(3), label="line")
    ax.legend()
    return figure


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    written = []
    for name in ("a", "b"):
        path = style.save(drawn(), "A  caption\n of two lines", tmp_path / name / "figure")
        assert path == tmp_path / name / "figure.png"
        written.append({file.name: file.read_bytes() for file in path.parent.iterdir()})
    assert written[0] == written[1] and set(written[0]) == {f"figure.{kind}" for kind in ("pdf", "png", "svg", "txt")}
    assert written[0]["figure.txt"] == b"A caption of two lines\n"
    assert not plt.get_fignums()


def test_pictures_say_what_they_show_and_where_it_stands_what_made_them(tmp_path):
    path = style.save(drawn(), "A <caption>", tmp_path / "figure7")
    with Image.open(path) as picture:
        assert picture.text == {
            "Title": "Neuro-Activated Superpixels, figure7",
            "Description": "A <caption>",
            "Source": style.MADE,
        }
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    drawing = path.with_suffix(".svg").read_text()
    assert "A &lt;caption&gt;" in drawing and style.MADE in drawing and "<dc:date>" not in drawing
    assert b"/Subject (A <caption>)" in path.with_suffix(".pdf").read_bytes()


def test_a_page_of_photographs_is_a_picture_at_fewer_dots(tmp_path):
    pages = [style.save(drawn(), "", tmp_path / name, photographs=name == "photos") for name in ("drawing", "photos")]
    sizes = [np.asarray(Image.open(page)).shape[1] for page in pages]
    assert sizes[0] / sizes[1] == pytest.approx(300 / 150, rel=0.02)
    assert not (tmp_path / "photos.svg").exists() and (tmp_path / "drawing.svg").exists()


def test_text_stays_text_in_a_drawing(tmp_path):
    style.use()
    figure = style.nothing("no data set has boxes")
    assert [text.get_text() for text in figure.texts] == ["Nothing to show: no data set has boxes"]
    assert not figure.axes and figure.get_figwidth() == style.WIDTH
    style.save(figure, "", tmp_path / "none")
    assert ">Nothing to show: no data set has boxes<" in (tmp_path / "none.svg").read_text()


def test_dollars_are_text(tmp_path):
    style.use()
    figure = style.nothing("$x_1^2$ and $\\frac")
    style.save(figure, "", tmp_path / "none")
    assert ">Nothing to show: $x_1^2$ and $\\frac<" in (tmp_path / "none.svg").read_text()


@pytest.mark.parametrize("fontsize", [5, 8])
def test_a_title_is_as_wide_as_its_panel_at_most(fontsize):
    style.use()
    _, axes = plt.subplots(1, 3, figsize=(4, 2))
    long = "a name of a photo that is far too long for its panel"
    for ax, text in zip(axes, ("short", long, f"{long}\nshort\n{long}"), strict=True):
        style.title(ax, text, fontsize, 3)
        assert ax.title.get_window_extent().width <= ax.get_window_extent().width
    first, second, third = (ax.get_title() for ax in axes)
    assert first == "short" and third == f"{second}\nshort\n{second}"
    assert long.startswith(second.removesuffix("…")) and second.endswith("…") and len(second) > 5
    axes[1].set_title(f"{long[: len(second)]}…")  # a letter more would not fit
    assert axes[1].title.get_window_extent().width > axes[1].get_window_extent().width


def test_bare_axes_have_no_ticks_and_no_frame():
    ax = drawn().axes[0]
    style.bare(ax)
    assert not len(ax.get_xticks()) and not len(ax.get_yticks())
    assert not any(spine.get_visible() for spine in ax.spines.values())
