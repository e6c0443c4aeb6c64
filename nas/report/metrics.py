"""The numbers to compare between runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nas.localization import MEAN
from nas.report.results import summary
from nas.saliency import RAW
from nas.superpixels import read_variants

HEADLINE = "MaxBoxAccV2"


def metrics(root: Path, ledger: dict[str, Any], datasets: Sequence[str], networks: Sequence[str]) -> dict[str, Any]:
    """The numbers to compare between runs.

    Of each claim of the ledger its verdict and its estimate; then by data set and network the measures of each method,
    of the first variant of NAS, and how well maps localize.
    """
    estimates = {
        claim["name"]: {"verdict": claim["verdict"], "value": rounded(claim["value"])} for claim in ledger["claims"]
    }
    found: dict[str, Any] = {"claims": estimates}
    for dataset in datasets:
        for network in networks:
            variant = next(iter(read_variants(root / "data" / "superpixels" / dataset / network)))
            superpixels = summary(root, "superpixels", [dataset], [network])
            superpixels = superpixels[superpixels["variant"] == variant]
            accuracy = summary(root, "activations", [dataset], [network])
            top1 = accuracy[(accuracy["labels"] == "all") & (accuracy["view"] == "center crop")]
            measured: dict[str, Any] = {
                "top1": rounded(top1["value"].iloc[0]),
                **{
                    str(method): {row["measure"]: rounded(row["value"]) for row in of_method.to_dict("records")}
                    for method, of_method in superpixels.groupby("method", sort=False)
                },
            }
            measured |= _localized(summary(root, "localization", [dataset], [network]))
            found.setdefault(dataset, {})[network] = measured
    return found


def _localized(scores: pd.DataFrame) -> dict[str, Any]:
    """`HEADLINE` of maps as they are, controls too, and its mean gain inside each kind of regions; {} without boxes."""
    rows = scores[scores["measure"] == HEADLINE]
    raw, means = rows[rows["regions"] == RAW], rows[rows["method"] == MEAN]
    if rows.empty:
        return {}
    return {
        HEADLINE: {row["method"]: rounded(row["value"]) for row in raw.to_dict("records")},
        f"mean gain in {HEADLINE}": {row["regions"]: rounded(row["gain"]) for row in means.to_dict("records")},
    }


def rounded(value: float | None) -> float | None:
    """Four digits after the point; a number that is not defined is null."""
    return None if value is None or pd.isna(value) else round(float(value), 4)
