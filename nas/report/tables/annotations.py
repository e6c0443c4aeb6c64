"""What was taken of the ground truth of each data set, and what was decided in that of the sample."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nas.data import Record, read_taken


def taken(root: Path, datasets: Sequence[str]) -> pd.DataFrame:
    """Photos and masks of each data set: how many, what share of the masks is object, the first photos without one."""
    rows = []
    for dataset in datasets:
        found = read_taken(root / "data/raw" / dataset)
        share = f"{100 * found.object_share:.1f}%" if found.n_masks else "-"
        counts = {"photos": found.n_photos, "with masks": found.n_masks, "of whose pixels are object": share}
        rows.append({"data set": dataset, **counts, "first without a mask": ", ".join(found.without) or "-"})
    return pd.DataFrame(rows)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """What was decided about the extent of an object, by photo."""
    return pd.DataFrame(
        [{"photo": r.id, "class": r.class_name, "label": r.label_source, "decision": r.note} for r in records if r.note]
    )
