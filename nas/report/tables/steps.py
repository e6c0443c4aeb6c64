"""Convergence of areas under relevance curves, by what is removed whole and number of steps."""

import pandas as pd

from nas.report.cells import with_interval
from nas.report.names import label_of_regions


def table(summary: pd.DataFrame) -> pd.DataFrame:
    """Distance of areas from those of the most steps, and agreement of rankings, one row per order and steps."""
    return pd.DataFrame(
        [
            {
                "removed whole": label_of_regions(row["order"]),
                "parts, at most": str(row["most_parts"]),
                "steps": str(row["n_steps"]),
                "area, distance": with_interval(row),
                "tau of rankings": with_interval(
                    {"value": row["tau"], "low": row["tau_low"], "high": row["tau_high"]}, 2
                ),
                "used here": "yes" if row["used"] else "",
                "n": str(row["n"]),
            }
            for row in summary.to_dict("records")
        ]
    )
