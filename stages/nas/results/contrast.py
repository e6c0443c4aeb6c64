"""AUROC of saliency against masks, raw and averaged."""

import pandas as pd

from nas.plots.style import kind_name, name
from nas.tables import signed


def table(gains: pd.DataFrame) -> pd.DataFrame:
    """AUROC raw and averaged by data set, network, method and regions, and the paired difference."""
    return pd.DataFrame(
        [
            {
                "data set": row["dataset"],
                "network": name(row["network"]),
                "method": name(row["method"]),
                "regions": kind_name(row["regions"]),
                "raw": f"{row['raw']:.3f}",
                "averaged": f"{row['averaged']:.3f}",
                "averaged − raw": signed(row),
                "n": str(row["n"]),
            }
            for row in gains.to_dict("records")
        ]
    )
