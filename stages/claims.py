"""Hold the paper's claims against the tables: reports/claims.json."""

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import combine_pvalues

from nas.claims import Finding, claims_of, decide, holds_everywhere, of_differences, of_replicates, overall
from nas.inconsistency import SETTING, ranking_replicates, scores_of
from nas.localization import CONTROLS, MEAN
from nas.rows import read_columns
from nas.semantics import AUTOMATIC, HAND, TRUTH
from nas.shards import SUMMARY, TABLE, write_json
from nas.statistics import kendall_tau
from params import Claims, Parameters, run

TARGET = Path("reports/claims.json")
LOCALIZATION = ("localization_rises_at_0.7", "localization_rises_at_0.9")
SEMANTICS = {"semantics_need_few_labels": AUTOMATIC, "semantics_by_hand": HAND}
Pair = tuple[str, str]


def read(stage: str, pair: Pair, columns: Sequence[str], *filters: tuple[str, str, Any]) -> pd.DataFrame:
    """Some columns and rows of the table of a stage, see `read_columns`."""
    return read_columns(Path("data", stage, *pair, TABLE), columns, filters)


def regions_isolate_objects(pair: Pair, level: float, seed: int, size: str) -> Finding:
    """NAS components against SLIC on the same photo."""
    measure = "achievable_segmentation_accuracy"
    table = read("superpixels", pair, ["id", "method", measure], ("size", "==", size))
    accuracy = table.pivot(index="id", columns="method", values=measure)
    return of_differences("regions_isolate_objects", *pair, accuracy["nas_components"] - accuracy["slic"], level, seed)


def shallow_follows_edges(pair: Pair, level: float, seed: int, clusters: str) -> Finding:
    """Rank correlation of depth and edge adherence, photo by photo, over the clusterings of a single depth."""
    columns = ["id", "depths", "edge_excess", "edge_room"]
    table = read("ablation", pair, columns, ("clusters", "==", clusters), ("size", "==", "first"))
    single = table[table["depths"].astype(str).str.isdigit()].astype({"depths": str})
    single = single.assign(adherence=single["edge_excess"] / single["edge_room"])
    wide = single.drop_duplicates(["id", "depths"]).pivot(index="id", columns="depths", values="adherence")
    depths = np.broadcast_to(wide.columns.astype(int), wide.shape)
    return of_differences("shallow_follows_edges", *pair, kendall_tau(depths, wide.to_numpy(float)), level, seed)


def single_and_class_agree(pair: Pair, level: float, seed: int, clusters: int) -> Finding:
    """Own and class-level clustering of each photo, over what shifting one against the other gives.

    The p-value is of the shifts: each photo's share of circular shifts that agree at least as well, the identity one
    of them, combined over the photos by Fisher's method.
    """
    columns = ["id", "adjusted_rand_index_above_chance", "adjusted_rand_index_reached"]
    own = read("classes", pair, columns, ("own_k", "==", clusters)).drop_duplicates("id")
    found = of_differences("single_and_class_agree", *pair, own["adjusted_rand_index_above_chance"], level, seed)
    combined = combine_pvalues(own["adjusted_rand_index_reached"], method="fisher").pvalue
    return replace(found, p=float(min(1.0, 2 * combined)))


def localization_rises(claim: str, pair: Pair, regions: str) -> Finding:
    """The mean gain over methods, with the paired interval that chooses thresholds anew, as table 1 has it."""
    summary = pd.read_parquet(Path("data/localization", *pair, SUMMARY))
    measure = f"BoxAcc@{claim.removesuffix(f'.{regions}').rpartition('_')[2]}"
    found = summary[(summary["method"] == MEAN) & (summary["regions"] == regions) & (summary["measure"] == measure)]
    if found.empty:
        return missing(claim, pair)
    row = found.iloc[0]
    return Finding(claim, *pair, row["gain"], row["gain_low"], row["gain_high"], 0.0, row["gain_p"], int(row["n"]))


def contrast_rises(claim: str, pair: Pair, level: float, seed: int, regions: str) -> Finding:
    """The gain in AUROC, mean over the methods that are no controls, photo by photo."""
    table = read("localization", pair, ["id", "method", "regions", "auroc"], ("regions", "in", ["raw", regions]))
    real = table[~table["method"].isin(CONTROLS)]
    if real.empty or regions not in set(real["regions"]):
        return missing(claim, pair)
    wide = real.pivot(index=["id", "method"], columns="regions", values="auroc")
    gain = (wide[regions] - wide["raw"]).groupby("id", observed=True).mean()
    return of_differences(claim, *pair, gain, level, seed)


def lerf_is_inconsistent(pair: Pair, level: float, seed: int, n_resamples: int, null: float) -> Finding:
    """Mean over all pairs of settings of LeRF of tau between their rankings of the real methods."""
    areas = read("relevance", pair, ["id", *SETTING, "method", "auc"], ("direction", "==", "least"))
    real = areas[~areas["method"].isin(CONTROLS)]
    if real.empty:
        return missing("lerf_is_inconsistent", pair)
    scores = scores_of(real)
    taus = ranking_replicates(scores.values, n_resamples, seed)
    first, second = np.triu_indices(len(scores.settings), k=1)
    means = mean_known(taus[:, first, second])
    return of_replicates("lerf_is_inconsistent", *pair, means, null, len(scores.ids), level)


def semantics_rank_as_masks(
    claim: str, source: str, pair: Pair, level: float, seed: int, n_resamples: int, null: float
) -> Finding:
    """Mass share of the raw maps of real methods, inside clusters with tags of a source and inside masks."""
    table = read("semantics", pair, ["group", "id", "against", "method", "mass_share"], ("regions", "==", "raw"))
    real = table[~table["method"].isin(CONTROLS)]
    # the order of photos is that of the rows, where that of categories would be their own
    real = real.astype(dict.fromkeys(["group", "id", "against", "method"], str))
    wide = real.pivot_table(index=["group", "id"], columns=["against", "method"], values="mass_share", sort=False)
    if not {source, TRUTH} <= set(wide.columns.get_level_values(0)):
        return missing(claim, pair)
    scores = np.stack([wide[source].to_numpy(float), wide[TRUTH][wide[source].columns]])
    known = ~np.isnan(scores).any(axis=(0, 2))
    if not known.any():
        return missing(claim, pair)
    taus = ranking_replicates(scores[:, known], n_resamples, seed)[:, 0, 1]
    return of_replicates(claim, *pair, taus, null, int(known.sum()), level)


def mean_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean along the last axis without NaN, NaN where there is nothing else."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.asarray(np.divide(total, known.sum(axis=-1), out=np.full(total.shape, np.nan), where=known.any(axis=-1)))


def missing(claim: str, pair: Pair) -> Finding:
    """What could not be measured, for want of masks, boxes or tags."""
    return Finding(claim, *pair, math.nan, math.nan, math.nan, 0.0, math.nan, 0)


def findings(
    pair: Pair,
    settings: Claims,
    level: float,
    n_resamples: int,
    seed: int,
    size: str,
    clusters: str,
    own: int,
) -> list[Finding]:
    """Every test on one data set and network."""
    found = [
        regions_isolate_objects(pair, level, seed, size),
        shallow_follows_edges(pair, level, seed, clusters),
        single_and_class_agree(pair, level, seed, own),
        lerf_is_inconsistent(pair, level, seed, n_resamples, settings.consistent_tau),
        *(
            semantics_rank_as_masks(claim, source, pair, level, seed, n_resamples, settings.agreeing_tau)
            for claim, source in SEMANTICS.items()
        ),
    ]
    for kind in settings.regions:
        found += [localization_rises(f"{claim}.{kind}", pair, kind) for claim in LOCALIZATION]
        found.append(contrast_rises(f"contrast_rises.{kind}", pair, level, seed, kind))
    return found


def ledger(decided: list[Finding], settings: Claims, level: float, seed: int) -> dict[str, Any]:
    """The content of claims.json: the rule, then each claim with its verdict and the findings behind it."""
    claims: list[dict[str, Any]] = []
    for claim in claims_of(settings.regions):
        of_claim = [finding for finding in decided if finding.claim == claim.name]
        claims.append(
            {
                **asdict(claim),
                "verdict": overall(of_claim),
                "findings": [rounded(asdict(finding)) for finding in of_claim],
            }
        )
    first = settings.regions[0]
    high = [finding for finding in decided if finding.claim == f"{LOCALIZATION[0]}.{first}"]
    across = holds_everywhere(high, settings.datasets, settings.networks)
    return {
        "rule": (
            f"beyond the null value on the claimed side with a p-value of at most {settings.alpha:g}, corrected by "
            "Holm over all tests here: supported; on the other side: not supported; else undecided. Over data sets "
            "and networks: supported if all are that could be measured, not supported if one is, else undecided."
        ),
        "level": level,
        "seed": seed,
        "claims": claims,
        "across": {
            "name": "holds_across",
            "text": "Localization at IoU 0.7 rises across data sets and networks.",
            "regions": first,
            "needs": f"{settings.datasets} data sets and {settings.networks} networks",
            "figure": "table1",
            **across,
        },
    }


def rounded(finding: dict[str, Any]) -> dict[str, Any]:
    """Six significant digits; what is not known is null.

    All but p-values, which may be as small as they are, are averages of numbers near 1: below 1e-12 they are 0 and an
    error of rounding.
    """
    return {
        key: (
            None
            if math.isnan(value)
            else 0.0
            if abs(value) < 1e-12 and not key.startswith("p")
            else float(f"{value:.6g}")
        )
        if isinstance(value, float)
        else value
        for key, value in finding.items()
    }


def main(parameters: Parameters) -> None:
    pairs = [(dataset, classifier) for dataset in parameters.datasets for classifier in parameters.classifiers]
    level, n_resamples, seed = parameters.statistics.level, parameters.statistics.resamples, parameters.seed
    size, clusters = str(parameters.superpixels.sizes[0]), str(parameters.superpixels.clusters)
    own, settings = parameters.classes.own_clusters[0], parameters.claims
    found = [
        finding for pair in pairs for finding in findings(pair, settings, level, n_resamples, seed, size, clusters, own)
    ]
    decided = decide(found, claims_of(settings.regions), settings.alpha)
    write_json(TARGET, ledger(decided, settings, level, seed))


if __name__ == "__main__":
    run(main, *sys.argv[1:])
