"""Every claim in every data set under every network."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from nas.report.cells import signed
from nas.report.findings import other_of
from nas.report.names import label_of

COLUMNS = ["claim", "NAS", "held against", "data set", "network", "unit", "mean [interval]", "n"]


def cells(ledger: Mapping[str, Any]) -> pd.DataFrame:
    """The estimate of each claim by data set and network, or why there is none."""
    rows = []
    for claim in ledger["claims"]:
        for cell in claim["cells"]:
            found = {key: float("nan") if cell[key] is None else cell[key] for key in ("value", "low", "high")}
            rows.append(
                {
                    "claim": claim["short"],
                    "NAS": label_of(claim["kind"]).removeprefix("NAS ") if claim["kind"] else "",
                    "held against": other_of(claim) if claim["kind"] else f"{claim['null']:g}",
                    "data set": cell["dataset"],
                    "network": label_of(cell["network"]),
                    "unit": claim["unit"],
                    "mean [interval]": f"not measured: {cell['missing']}" if cell["missing"] else signed(found),
                    "n": str(cell["n"]),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def tidy(ledger: Mapping[str, Any]) -> pd.DataFrame:
    """The estimates of all claims, a number in a cell."""
    keys = ["name", "short", "unit", "kind", "over", "null", "value", "low", "high", "n", "p", "p_corrected", "verdict"]
    return pd.DataFrame([{key: claim[key] for key in keys} for claim in ledger["claims"]], columns=keys)
