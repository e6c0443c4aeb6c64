"""One look for all figures, and how they are saved."""

import logging
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nas.report import lettering
from nas.store import one_line, write_bytes

WIDTH = 7.2  # inches, the text width of a two-column page
DOTS = 300  # per inch, of pictures
MADE = "reports/provenance.json says what it is made from"
INK, MUTED, ACCENT = "#222222", "#6b7280", "#d55e00"


def use() -> None:
    """Set the style for the figures that follow."""
    sns.set_theme(context="paper", style="ticks", palette="colorblind")
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # that the fallback has no bold letters
    mpl.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.dpi": DOTS,
            "pdf.fonttype": 42,
            "savefig.bbox": "tight",
            "savefig.pad_inches": 0.04,
            "font.family": lettering.FONT,
            "font.size": 8,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 7,
            "legend.frameon": False,
            "text.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "nas",
            "svg.fonttype": "none",
            "text.parse_math": False,  # names of photos and classes may have dollars
        }
    )


def save(figure: Figure, caption: str, stem: Path, photographs: bool = False) -> Path:
    """Write `stem`.png, .svg, .pdf and the caption as .txt, the same bytes for the same figure; returns the .png.

    The first three say what they show and where it stands what made them. Of a page of `photographs` there is no .svg:
    it would be larger and no sharper.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    caption = one_line(caption)
    lettering.name_missing(figure)
    said = {"Title": f"Neuro-Activated Superpixels, {stem.name}", "Subject": caption}
    drawing = {"Title": said["Title"], "Description": caption, "Source": MADE, "Date": None, "Creator": None}
    picture = {"Title": said["Title"], "Description": caption, "Source": MADE, "Software": None}
    printed = {**said, "Keywords": MADE, "Creator": None, "Producer": None, "CreationDate": None}
    if not photographs:
        figure.savefig(stem.with_suffix(".svg"), metadata=drawing, dpi=150)
    dots = DOTS // 2 if photographs else DOTS
    figure.savefig(stem.with_suffix(".pdf"), metadata=printed, dpi=dots)
    figure.savefig(stem.with_suffix(".png"), metadata=picture, dpi=dots)
    plt.close(figure)
    write_bytes(stem.with_suffix(".txt"), f"{caption}\n".encode())
    return stem.with_suffix(".png")


def nothing(reason: str) -> Figure:
    """A figure that says why there is nothing to show."""
    figure = plt.figure(figsize=(WIDTH, 0.8))
    figure.text(0.5, 0.5, f"Nothing to show: {reason}", ha="center", va="center", color=MUTED)
    return figure


def title(axes: Axes, text: str, fontsize: float, pad: float) -> None:
    """A title over a panel, each of its lines at most as wide as its place: of a longer one the end is left out."""
    # of the panel, which a photo may not fill
    width = axes.get_position(original=True).transformed(axes.figure.transSubfigure).width
    lines = []
    for line in lettering.drawable(text).split("\n"):
        drawn = axes.set_title(line, fontsize=fontsize, pad=pad)
        lettering.fit(drawn)
        kept = len(line)
        while kept > 1 and drawn.get_window_extent().width > width:
            kept -= 1
            drawn.set_text(f"{line[:kept]}…")
        lines.append(drawn.get_text())
    axes.set_title("\n".join(lines), fontsize=fontsize, pad=pad)


def letter(axes: Axes, name: str) -> None:
    """The letter of panels, in the upper left corner of the part of the figure that they are in."""
    axes.figure.text(0.004, 0.995, name, ha="left", va="top", fontsize=10, weight="bold")


def doublings(axes: Axes, places: Sequence[float], names: Sequence[str]) -> None:
    """A logarithmic axis from left to right, with these places marked and named, and no others."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, names)
    axes.minorticks_off()


def legend_below(axes: Axes, title: str) -> None:
    """What lines of this panel stand for, in three columns below all panels."""
    figure = axes.figure
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles, names, loc="lower center", bbox_to_anchor=(0.5, 0.0), bbox_transform=figure.transFigure,
                ncols=3, title=title, title_fontsize=7)  # fmt: skip


def bare(axes: Axes) -> None:
    """No ticks, no frame: for pictures."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
