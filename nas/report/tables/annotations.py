"""What was decided in the ground truth of the sample."""

from collections.abc import Sequence

import pandas as pd

from nas.data import Record


def table(records: Sequence[Record]) -> pd.DataFrame:
    """What was decided about the extent of an object, by photo."""
    return pd.DataFrame(
        [{"photo": r.id, "class": r.class_name, "label": r.label_source, "decision": r.note} for r in records if r.note]
    )
