"""The test of each claim on one data set and network, from the tables of the stages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import combine_pvalues

from nas.claims.findings import Finding, of_differences, of_replicates
from nas.localization import MEAN
from nas.relevance import SETTING, scores_of
from nas.saliency import CONTROLS, RAW
from nas.semantics import HAND, LEARNT, TRUTH
from nas.statistics import Resampling, kendall_tau, ranking_replicates
from nas.store import TABLE, read_columns, read_table

LOCALIZATION = ("localization_rises_at_0.7", "localization_rises_at_0.9")
NO_MASK, NO_BOX = "no photo has a mask", "no photo has a box"
NO_RANKING = "fewer than two methods that are no controls, or all of them are equal"
ONE_SETTING = "relevance.least has one order and one replacement, where rankings need two to agree"
NO_METHOD, NO_REGIONS = "all methods are controls", "maps were not averaged inside these regions"
SEMANTICS = {"semantics_need_few_labels": LEARNT, "semantics_by_hand": HAND}


@dataclass(frozen=True)
class Testing:
    """Tests of the claims on one data set and network.

    Attributes
    ----------
    root : of the project
    dataset, network : what is tested
    resampling : of the intervals
    variant : of NAS, in the table of superpixels
    clusters : k of NAS, in the table of the ablation
    own_clusters : k of a photo's own clustering
    regions : inside which maps are averaged; each has tests of its own
    consistent_tau, agreeing_tau : null values of the two kinds of rank agreement
    """

    root: Path
    dataset: str
    network: str
    resampling: Resampling
    variant: str
    clusters: str
    own_clusters: int
    regions: Sequence[str]
    consistent_tau: float
    agreeing_tau: float

    def findings(self) -> list[Finding]:
        """Every test."""
        found = [
            self.regions_isolate_objects(),
            self.shallow_follows_edges(),
            self.single_and_class_agree(),
            self.lerf_is_inconsistent(),
            *(self.semantics_rank_as_masks(claim, source) for claim, source in SEMANTICS.items()),
        ]
        for kind in self.regions:
            found += [self.localization_rises(f"{claim}.{kind}", kind) for claim in LOCALIZATION]
            found.append(self.contrast_rises(f"contrast_rises.{kind}", kind))
        return found

    def regions_isolate_objects(self) -> Finding:
        """NAS components against SLIC on the same photo."""
        measure = "achievable_segmentation_accuracy"
        table = self._read("superpixels", ["id", "method", measure], ("variant", "==", self.variant))
        accuracy = table.pivot(index="id", columns="method", values=measure)
        return self._of_differences("regions_isolate_objects", accuracy["nas_components"] - accuracy["slic"], NO_MASK)

    def shallow_follows_edges(self) -> Finding:
        """Rank correlation of depth and edge adherence, photo by photo, over the clusterings of a single depth."""
        columns, claim = ["id", "depths", "edge_excess", "edge_room"], "shallow_follows_edges"
        table = self._read("ablation", columns, ("clusters", "==", self.clusters), ("size", "==", "first"))
        single = table[table["depths"].astype(str).str.isdigit()].astype({"depths": str})
        single = single.assign(adherence=single["edge_excess"] / single["edge_room"])
        if table.empty:
            return self._missing(claim, f"superpixels.clusters, {self.clusters}, is not among ablation.clusters")
        if single["depths"].nunique() < 2:
            return self._missing(claim, "ablation.depths has fewer than two single depths")
        wide = single.drop_duplicates(["id", "depths"]).pivot(index="id", columns="depths", values="adherence")
        depths = np.broadcast_to(wide.columns.astype(int), wide.shape)
        return self._of_differences(claim, kendall_tau(depths, wide.to_numpy(float)), "no photo has strong edges")

    def single_and_class_agree(self) -> Finding:
        """Own and class-level clustering of each photo, over what shifting one against the other gives.

        The p-value is of the shifts: each photo's share of circular shifts that agree at least as well, the identity
        one of them, combined over the photos by Fisher's method. A photo
        that is all of its class says nothing.
        """
        columns = ["id", "class", "adjusted_rand_index_above_chance", "adjusted_rand_index_reached"]
        own = self._read("classes", columns, ("own_k", "==", self.own_clusters))
        own = own[own.groupby("class")["id"].transform("nunique") > 1].drop_duplicates("id")
        if own.empty:
            return self._missing("single_and_class_agree", "no class of classes.names has two photos")
        above = own["adjusted_rand_index_above_chance"]
        found = self._of_differences("single_and_class_agree", above, "no clustering has two clusters")
        combined = combine_pvalues(own["adjusted_rand_index_reached"], method="fisher").pvalue
        return replace(found, p=float(min(1.0, 2 * combined)))

    def localization_rises(self, claim: str, regions: str) -> Finding:
        """The mean gain over methods, with the paired interval that chooses thresholds anew, as table 1 has it."""
        folder = self.root / "data" / "statistics" / "localization" / self.dataset / self.network
        summary = read_table(folder / "summary.parquet")
        measure = f"BoxAcc@{claim.removesuffix(f'.{regions}').rpartition('_')[2]}"
        found = summary[(summary["method"] == MEAN) & (summary["regions"] == regions) & (summary["measure"] == measure)]
        if found.empty:
            return self._missing(claim, _why_no_gain(summary, regions, measure))
        row = found.iloc[0]
        gain = row["gain"], row["gain_low"], row["gain_high"]
        return Finding(claim, self.dataset, self.network, *gain, 0.0, row["gain_p"], int(row["n"]))

    def contrast_rises(self, claim: str, regions: str) -> Finding:
        """The gain in AUROC, mean over the methods that are no controls, photo by photo."""
        table = self._read("localization", ["id", "method", "regions", "auroc"], ("regions", "in", [RAW, regions]))
        real = table[~table["method"].isin(CONTROLS)]
        if regions not in set(real["regions"]):
            return self._missing(claim, NO_MASK if table.empty else NO_METHOD if real.empty else NO_REGIONS)
        wide = real.pivot(index=["id", "method"], columns="regions", values="auroc")
        gain = (wide[regions] - wide[RAW]).groupby("id", observed=True).mean()
        return self._of_differences(claim, gain, NO_MASK)

    def lerf_is_inconsistent(self) -> Finding:
        """Mean over all pairs of settings of LeRF of tau between their rankings of the real methods."""
        areas = self._read("relevance", ["id", *SETTING, "method", "auc"], ("direction", "==", "least"))
        real = areas[~areas["method"].isin(CONTROLS)]
        if real.empty:
            return self._missing("lerf_is_inconsistent", NO_METHOD)
        scores = scores_of(real)
        taus = ranking_replicates(scores.values, self.resampling.n_resamples, self.resampling.seed)
        first, second = np.triu_indices(len(scores.settings), k=1)
        means = _mean_known(taus[:, first, second])
        why = NO_RANKING if len(scores.settings) > 1 else ONE_SETTING
        return self._of_replicates("lerf_is_inconsistent", means, self.consistent_tau, len(scores.ids), why)

    def semantics_rank_as_masks(self, claim: str, source: str) -> Finding:
        """Mass share of the raw maps of real methods, inside clusters with tags of a source and inside masks."""
        columns = ["class", "id", "against", "method", "mass_share"]
        table = self._read("semantics", columns, ("regions", "==", RAW))
        real = table[~table["method"].isin(CONTROLS)]
        # the order of photos is that of the rows, where that of categories would be their own
        real = real.astype(dict.fromkeys(["class", "id", "against", "method"], str))
        wide = real.pivot_table(index=["class", "id"], columns=["against", "method"], values="mass_share", sort=False)
        there = set(wide.columns.get_level_values(0))
        if not {source, TRUTH} <= there:
            lacking = f"no class has {source} of an object" if TRUTH in there else "no photo has a mask or a box"
            return self._missing(claim, NO_METHOD if real.empty and not table.empty else lacking)
        scores = np.stack([wide[source].to_numpy(float), wide[TRUTH][wide[source].columns]])
        known = ~np.isnan(scores).any(axis=(0, 2))
        if not known.any():
            return self._missing(
                claim, f"no photo has a mask or a box, and clusters with {source}, some of them object"
            )
        taus = ranking_replicates(scores[:, known], self.resampling.n_resamples, self.resampling.seed)[:, 0, 1]
        return self._of_replicates(claim, taus, self.agreeing_tau, int(known.sum()), NO_RANKING)

    def _read(self, stage: str, columns: Sequence[str], *filters: tuple[str, str, Any]) -> pd.DataFrame:
        """Some columns and rows of the table of a stage, see `read_columns`."""
        return read_columns(self.root / "data" / stage / self.dataset / self.network / TABLE, columns, filters)

    def _of_differences(self, claim: str, differences: Any, missing: str) -> Finding:
        return of_differences(claim, self.dataset, self.network, differences, self.resampling, missing)

    def _of_replicates(self, claim: str, scores: NDArray[np.float64], null: float, n: int, missing: str) -> Finding:
        return of_replicates(claim, self.dataset, self.network, scores, null, n, self.resampling.level, missing)

    def _missing(self, claim: str, why: str) -> Finding:
        """What could not be measured, and why."""
        return Finding(claim, self.dataset, self.network, math.nan, math.nan, math.nan, 0.0, math.nan, 0, why)


def _why_no_gain(summary: pd.DataFrame, regions: str, measure: str) -> str:
    """Why there is no mean gain in a measure BoxAcc@IOU inside regions."""
    of_boxes = summary[summary["measure"].astype(str).str.startswith("BoxAcc@")]
    of_kind = of_boxes[of_boxes["regions"] == regions]
    if of_boxes.empty:
        return NO_BOX
    if of_kind.empty:
        return NO_REGIONS
    if (of_kind["measure"] == measure).any():
        return NO_METHOD
    return f"{measure.partition('@')[2]} is not among localization.ious"


def _mean_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean along the last axis without NaN, NaN where there is nothing else."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.asarray(np.divide(total, known.sum(axis=-1), out=np.full(total.shape, np.nan), where=known.any(axis=-1)))
