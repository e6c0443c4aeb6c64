"""Every claim on one scale: its mean with interval, what it is held against, and the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nas.report import looks, style
from nas.report.findings import groups, headline, other_of
from nas.report.names import label_of

ROW, MARGIN = 0.152, 0.75  # inches: of a claim, of axis and legend
LEFT, RIGHT = 0.4, 0.8  # of the panel, in shares of the width


def forest(claims: Sequence[Mapping[str, Any]]) -> Figure:
    """A row for each claim, those of one subject together under its name; names left, numbers right of the panel."""
    style.use()
    if not claims:
        return style.nothing("there are no claims")
    together = groups(claims)
    n_rows = len(claims) + sum(len(lines) > 1 for lines in together.values())
    height = ROW * (n_rows + 0.45 * len(together)) + MARGIN
    figure, ax = plt.subplots(figsize=(style.WIDTH, height))
    place = 0.0
    for subject, lines in together.items():
        if len(lines) > 1:
            _text(ax, 0.0, place, f"{subject} ({lines[0]['unit']})", weight="bold")
            place += 1
        for line in lines:
            name = f"{label_of(line['kind'])} over {other_of(line)}" if len(lines) > 1 else ""
            _text(ax, 0.02 if name else 0.0, place, name or f"{subject} ({line['unit']})",
                  weight="normal" if name else "bold")  # fmt: skip
            _row(ax, place, line)
            place += 1
        place += 0.45
    _axis(ax, place, height)
    return figure


def _row(ax: Axes, place: float, line: Mapping[str, Any]) -> None:
    look = looks.VERDICTS[line["verdict"]]
    ax.plot([line["null"]] * 2, [place - 0.42, place + 0.42], color=style.INK, linewidth=1.1, zorder=1)
    if line["value"] is None:
        said = "not measured"
    else:
        filled = look.color if line["verdict"] != "undecided" else "white"
        ax.plot([line["low"], line["high"]], [place] * 2, color=look.color, linewidth=1.3, solid_capstyle="butt")
        ax.plot(line["value"], place, look.marker, color=look.color, markerfacecolor=filled, markersize=4.2)
        said = f"{line['value']:+.3f} [{line['low']:+.3f}, {line['high']:+.3f}]"
    ax.text(1.02, place, said, transform=ax.get_yaxis_transform(), va="center_baseline", fontsize=6.2,
            color=look.color if line["verdict"] != "undecided" else style.MUTED)  # fmt: skip


def _text(ax: Axes, x: float, place: float, text: str, weight: str) -> None:
    """Text at a share of the width left of the panel."""
    inside = (x - LEFT) / (RIGHT - LEFT)
    ax.text(inside, place, text, transform=ax.get_yaxis_transform(), va="center_baseline", fontsize=6.4, weight=weight)


def _axis(ax: Axes, rows: float, height: float) -> None:
    ax.axvline(0, color=style.MUTED, linewidth=0.5, zorder=0)
    ax.set_ylim(rows - 0.2, -0.8)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color="#e5e7eb", linewidth=0.5)
    ax.set_axisbelow(True)
    ax.set_xlabel("mean over photos, in the unit named; a stroke is what a claim is held against")
    figure = ax.figure
    figure.subplots_adjust(left=LEFT, right=RIGHT, top=1 - 0.08 / height, bottom=0.62 / height)
    keys = [
        Line2D(
            [],
            [],
            color=look.color,
            marker=look.marker,
            markersize=4.2,
            linewidth=1.3,
            label=verdict,
            markerfacecolor="white" if verdict == "undecided" else look.color,
        )
        for verdict, look in looks.VERDICTS.items()
        if verdict != "not measured"
    ]
    figure.legend(handles=keys, loc="lower center", ncols=len(keys), bbox_to_anchor=((LEFT + RIGHT) / 2, 0.0))


def load(ledger: Mapping[str, Any]) -> tuple[Figure, str]:
    """The figure of all claims and its caption, from the content of claims.json."""
    claims, about = ledger["claims"], ledger["about"][0]
    caption = (
        f"Every claim with the mean over photos and its {about['level']:.0%} interval, and the value that it is held "
        "against (stroke): 0, or a threshold of ours. Regions of SLIC and Felzenszwalb are as many as those of NAS; "
        f"controls know nothing of the network. Verdicts are by p-values corrected by Holm, so that an interval may "
        f"leave out the stroke and the claim be open. {headline(claims)} Seed {about['seed']}."
    )
    return forest(claims), caption
