"""Table 1: localization by saliency, raw and averaged inside regions."""

import pandas as pd

from nas.plots.style import kind_name, name
from nas.tables import signed, with_interval

LOCALIZATION = ("MaxBoxAcc", "MaxBoxAccV2", "Top-1 MaxBoxAccV2", "BoxAcc@0.5", "BoxAcc@0.7", "BoxAcc@0.9", "PxAP")


def table(summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Table 1, which of its cells are best, and its caption: localization by network, method and regions."""
    rows, best = [], []
    measures = [measure for measure in LOCALIZATION if measure in set(summary["measure"])]
    for (dataset, network, method), group in summary.groupby(["dataset", "network", "method"], sort=False):
        values = group.pivot_table(index="regions", columns="measure", values="mean", sort=False)
        for kind, found in group.groupby("regions", sort=False):
            row = {"data set": dataset, "network": name(network), "method": name(method), "regions": kind_name(kind)}
            marks = dict.fromkeys(row, False)
            for estimate in found[found["measure"].isin(measures)].to_dict("records"):
                measure = estimate["measure"]
                row[measure] = with_interval(estimate) if measure != "PxAP" else f"{estimate['mean']:.3f}"
                marks[measure] = len(values) > 1 and estimate["mean"] >= values[measure].max() - 1e-9
                if kind != "raw" and measure in ("MaxBoxAccV2", "BoxAcc@0.7", "BoxAcc@0.9"):
                    gain = {key: estimate[f"gain{suffix}"] for key, suffix in GAIN.items()}
                    row[f"Δ {measure}"] = signed(gain)
            rows.append(row | {"n": str(int(found["n"].max()))})
            best.append(marks)
    order = ["data set", "network", "method", "regions"]
    order += [c for m in measures for c in (m, f"Δ {m}") if c in set().union(*rows)] + ["n"]
    frame = pd.DataFrame(rows).reindex(columns=order).fillna("")
    bold = pd.DataFrame(best).reindex(columns=order).fillna(False).astype(bool)
    caption = (
        "Weakly supervised localization (protocol of Choe et al. 2020, class given but for Top-1), as a share of n "
        f"photos [bootstrap interval], seed {summary['seed'].iloc[0]}. Each map as it is (raw) or averaged inside "
        "regions; Δ is the difference from raw with a paired interval; every interval chooses the threshold anew in "
        "each resample. Bold: best of a method. PxAP: pooled pixel average precision."
    )
    return frame, bold, caption


GAIN = {"mean": "", "low": "_low", "high": "_high"}


def gains(summary: pd.DataFrame) -> pd.DataFrame:
    """Averaged minus raw at high thresholds: how often over methods, and where the paired interval excludes zero."""
    rows = []
    real = summary[~summary["method"].isin(("random", "sobel", "center_gaussian")) & (summary["regions"] != "raw")]
    for (dataset, network, kind, measure), group in real.groupby(
        ["dataset", "network", "regions", "measure"], sort=False
    ):
        if measure in ("MaxBoxAccV2", "BoxAcc@0.7", "BoxAcc@0.9"):
            rows.append(
                {
                    "data set": dataset,
                    "network": name(network),
                    "regions": kind_name(kind),
                    "measure": measure,
                    "mean gain": f"{group['gain'].mean():+.3f}",
                    "better": str(int((group["gain"] > 0).sum())),
                    "interval above 0": str(int((group["gain_low"] > 0).sum())),
                    "worse": str(int((group["gain"] < 0).sum())),
                    "interval below 0": str(int((group["gain_high"] < 0).sum())),
                    "methods": str(len(group)),
                }
            )
    return pd.DataFrame(rows)
