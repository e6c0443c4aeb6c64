"""Localization and contrast photo by photo, of what the stage `localization` wrote into a folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from nas.claims.claims import SOBEL
from nas.localization import photo_values
from nas.saliency import CONTROLS, RAW
from nas.store import TABLE, Shards, read_columns

IOUS = (0.7, 0.9)  # the high ones, whatever localization.ious has
AUROC, OVERLAP = "auroc", "thresholds"


@dataclass
class PhotoScores:
    """Measures of maps by what they are averaged inside, each a value by id.

    Attributes
    ----------
    means : by measure and regions, the mean over methods that are no controls
    sobel : by measure and regions, of the Sobel edges, a control
    truth : by method, of maps as they are: AUROC against the mask, or where no photo has one, the overlap with boxes
    boxed : whether there are boxes
    masked : whether there are masks
    """

    means: "dict[tuple[str, str], pd.Series[float]]" = field(default_factory=dict)
    sobel: "dict[tuple[str, str], pd.Series[float]]" = field(default_factory=dict)
    truth: "dict[str, pd.Series[float]]" = field(default_factory=dict)
    boxed: bool = False
    masked: bool = False

    @classmethod
    def of(cls, folder: Path) -> "PhotoScores":
        """Those of a folder; in memory are the maps of one method at a time, and the means."""
        found, counts = cls(), dict[tuple[str, str], int]()
        for method, regions, measure, values in _measured(folder):
            found.boxed |= measure != AUROC
            found.masked |= measure == AUROC
            if method == SOBEL:
                found.sobel[measure, regions] = values
            if regions == RAW and measure in (AUROC, OVERLAP) and method not in CONTROLS:
                found.truth.setdefault(method, values)  # AUROC comes first
            if method not in CONTROLS:
                key = measure, regions
                counts[key] = counts.get(key, 0) + 1
                found.means[key] = found.means[key] + values if key in found.means else values
        found.means = {key: total / counts[key] for key, total in found.means.items()}
        return found


def _measured(folder: Path) -> "Iterator[tuple[str, str, str, pd.Series[float]]]":
    """Method, regions, measure and values of every map."""
    table = read_columns(folder / TABLE, ["id", "method", "regions", AUROC])
    table = table.astype({"id": str, "method": str, "regions": str}).dropna()
    for (method, regions), rows in table.groupby(["method", "regions"], sort=False):
        yield str(method), str(regions), AUROC, rows.set_index("id")[AUROC]
    stored, of_method = Shards(folder), dict[str, list[str]]()
    for name in stored.names():
        if name.startswith("multi/"):
            of_method.setdefault(name.split("/")[1], []).append(name.removeprefix("multi/"))
    for method, keys in of_method.items():
        for key, measured in photo_values(stored, keys, IOUS).items():
            for measure, values in measured.items():
                yield method, key.partition("/")[2], measure, pd.Series(values, stored.ids)
