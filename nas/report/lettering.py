"""Letters of a figure: names of photos and classes are in any script, and a font has some."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

FONT = "DejaVu Sans"  # matplotlib brings it
FALLBACK = "DroidSansFallbackFull.ttf"  # Chinese, Japanese and Korean; of Debian's fonts-droid-fallback


@lru_cache(maxsize=1)
def families() -> list[str]:
    """The fonts of a text in the order in which a letter is looked up: the fallback too, where it is installed."""
    found = [path for path in sorted(font_manager.findSystemFonts()) if Path(path).name == FALLBACK]
    for path in found[:1]:  # by itself: the list that matplotlib keeps may be older than the font
        font_manager.fontManager.addfont(path)
    return [FONT, *(font_manager.get_font(path).family_name for path in found[:1])]


@lru_cache(maxsize=2)
def _letters(fonts: tuple[str, ...]) -> frozenset[int]:
    files = [font_manager.findfont(font_manager.FontProperties(family=font)) for font in fonts]
    return frozenset(code for file in files for code in font_manager.get_font(file).get_charmap())


def drawable(text: str, fonts: Sequence[str] | None = None) -> str:
    """The text with letters that no font has by number, U+732B, in place of the box that would be drawn for each.

    Parameters: `fonts`, names of families; by default those that there are.
    """
    letters = _letters(tuple(families() if fonts is None else fonts))
    return "".join(each if ord(each) in letters or each.isspace() else f"U+{ord(each):04X}" for each in text)


def name_missing(figure: Figure) -> None:
    """Put into all texts of a figure what can be drawn of them."""
    for text in figure.findobj(Text):
        if isinstance(text, Text):
            fit(text)


def fit(text: Text) -> None:
    """Put into a text what can be drawn of it; the fallback is named where it is needed, and nowhere else."""
    if drawable(text.get_text(), [FONT]) != text.get_text():
        text.set_fontfamily(families())
        text.set_text(drawable(text.get_text()))
