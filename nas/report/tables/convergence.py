"""Convergence of saliency maps, by method and count."""

import pandas as pd

from nas.report.cells import with_interval
from nas.report.names import label_of


def table(summary: pd.DataFrame, contrast: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation with the reference, and distance from its AUROC, one row per method and count."""
    return pd.DataFrame(
        [
            {
                "method": label_of(row["method"]),
                "count": f"{row['count']} {row['parameter'].removeprefix('n_')}",
                "reference": str(row["reference_count"]),
                "rank correlation": with_interval(row),
                "AUROC, distance": with_interval(shift),
                "used here": "yes" if row["factor"] == 1 else "",
                "n": str(row["n"]),
            }
            for row, shift in zip(summary.to_dict("records"), contrast.to_dict("records"), strict=True)
        ]
    )
