"""What was taken of the ground truth of each data set, and what was decided in that of the sample."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nas.data import Record, Taken, read_taken


def taken(root: Path, datasets: Sequence[str]) -> pd.DataFrame:
    """Photos, objects and masks of each data set: how many, what the masks show, what of the truth is not used."""
    rows = []
    for dataset in datasets:
        found = read_taken(root / "data/raw" / dataset)
        row = {"data set": dataset, "photos": found.n_photos, "objects": found.n_objects, "with masks": found.n_masks}
        for heading, share in (("object", found.object_share), ("ignored", found.ignored_share)):
            row[f"of whose pixels are {heading}"] = f"{100 * share:.1f}%" if found.n_masks else "-"
        row["masks are made of"] = _made_of(found)
        row["first without a mask"] = ", ".join(found.without) or "-"
        row["left out"] = ", ".join(f"{what}: {n}" for what, n in found.left_out.items()) or "-"
        rows.append(row)
    return pd.DataFrame(rows)


def without_boundaries(root: Path, datasets: Sequence[str]) -> str:
    """Which data sets have masks whose boundaries are none of objects, and why; "" where none has."""
    found = {dataset: read_taken(root / "data/raw" / dataset) for dataset in datasets}
    coarse = [f"of {name} are made of {_made_of(taken)}" for name, taken in found.items() if taken.coarse]
    return f"Boundaries are not measured where masks {' and '.join(coarse)}." if coarse else ""


def _made_of(taken: Taken) -> str:
    if not taken.n_masks:
        return "-"
    return taken.coarse or "pixels"


def table(records: Sequence[Record]) -> pd.DataFrame:
    """What was decided about the extent of an object, by photo."""
    return pd.DataFrame(
        [{"photo": r.id, "class": r.class_name, "label": r.label_source, "decision": r.note} for r in records if r.note]
    )
