"""AUROC of saliency against masks, raw and averaged."""

import pandas as pd

from nas.report.cells import signed
from nas.report.names import label_of, label_of_regions


def table(gains: pd.DataFrame) -> pd.DataFrame:
    """AUROC raw and averaged by data set, network, method and regions, and the paired difference."""
    return pd.DataFrame(
        [
            {
                "data set": row["dataset"],
                "network": label_of(row["network"]),
                "method": label_of(row["method"]),
                "regions": label_of_regions(row["regions"]),
                "raw": f"{row['raw']:.3f}",
                "averaged": f"{row['averaged']:.3f}",
                "averaged − raw": signed(row),
                "n": str(row["n"]),
            }
            for row in gains.to_dict("records")
        ]
    )
