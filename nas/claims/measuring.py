"""What each claim measures photo by photo, on one data set under one network, from the tables of the stages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nas.claims.cells import Cell, Values, nothing
from nas.claims.claims import AVERAGED, FELZENSZWALB, ISOLATE, MATTER, RIVALS, SINGLE, SLIC, SOBEL, Claim
from nas.claims.localizing import AUROC, PhotoScores
from nas.claims.ranking import Rankings
from nas.classes import ALL_PHOTOS
from nas.relevance import removable_shares
from nas.saliency import CONTROLS, RAW
from nas.statistics import kendall_tau
from nas.store import TABLE, Shards, read_columns

NO_MASK, NO_BOX = "no photo has a mask", "no photo has a box"
NO_METHOD, NO_SOBEL = "all methods are controls", "the method sobel is not among localization.methods"
EDGES, CLASSES = (claim.name for claim in SINGLE[:2])
BOXES = {
    claim.name: measure for claim, measure in zip(AVERAGED, ("BoxAcc@0.7", "BoxAcc@0.9", "BoxAcc@high"), strict=False)
}


@dataclass(frozen=True)
class Measuring:
    """The claims on one data set under one network.

    Attributes
    ----------
    root : of the project
    dataset, network : what is measured
    grids : variants of NAS over which a photo's value is averaged; the first is the recipe's
    clusters : k of NAS, in the table of the ablation
    own_clusters : k of a photo's own clustering
    """

    root: Path
    dataset: str
    network: str
    grids: Sequence[str]
    clusters: str
    own_clusters: int

    def cells(self, claims: Sequence[Claim]) -> list[Cell]:
        """The cell of every claim."""
        located = PhotoScores.of(self.folder("localization"))
        rankings = Rankings(self.folder("relevance"), located, self.folder("semantics")).values()
        found = []
        for claim in claims:
            if claim.name in rankings:
                values, missing = rankings[claim.name]
            elif claim.name == EDGES:
                values, missing = self._shallow_follows_edges()
            elif claim.name == CLASSES:
                values, missing = self._single_and_class_agree()
            elif claim.name.startswith(f"{ISOLATE.name}."):
                values, missing = self._isolate(claim)
            elif claim.name.startswith(f"{MATTER.name}."):
                values, missing = self._matter(claim)
            else:
                values, missing = self._averaged(claim, located)
            found.append(Cell.of(claim.name, self.dataset, self.network, values, missing))
        return found

    def folder(self, stage: str) -> Path:
        """The folder of a stage."""
        return self.root / "data" / stage / self.dataset / self.network

    def _read(self, stage: str, columns: Sequence[str], *filters: tuple[str, str, Any]) -> pd.DataFrame:
        return read_columns(self.folder(stage) / TABLE, columns, filters)

    def _isolate(self, claim: Claim) -> Values:
        """NAS against a rival on the same photo, mean over the grids."""
        measure, rival = "achievable_segmentation_accuracy", RIVALS[claim.kind][claim.over]
        table = self._read("superpixels", ["id", "variant", "method", measure], ("variant", "in", list(self.grids)))
        wide = table.pivot(index=["id", "variant"], columns="method", values=measure)
        return (wide[claim.kind] - wide[rival]).groupby("id", observed=True).mean(), NO_MASK

    def _matter(self, claim: Claim) -> Values:
        """What can go in regions of NAS and of a rival, on the recipe's grid."""
        stored = Shards(self.folder("relevance"))
        shares = {}
        for method in (claim.kind, RIVALS[claim.kind][claim.over]):
            order = f"{method}.{self.grids[0]}"
            names = [name for name in stored.names() if name.startswith(f"least/{order}/")]
            names = [name for name in names if name.rpartition("/")[2] not in CONTROLS]
            if not names:
                return nothing(f"{order} is not among relevance.least.orders, or {NO_METHOD}")
            shares[method] = removable_shares(stored, names)
        ours, theirs = shares.values()
        return pd.Series(ours - theirs, stored.ids), ""

    def _shallow_follows_edges(self) -> Values:
        """Rank correlation of depth and edge adherence, photo by photo, over the clusterings of a single depth."""
        columns = ["id", "depths", "edge_excess", "edge_room"]
        table = self._read("ablation", columns, ("clusters", "==", self.clusters), ("size", "==", "first"))
        single = table[table["depths"].astype(str).str.isdigit()].astype({"depths": str})
        single = single.assign(adherence=single["edge_excess"] / single["edge_room"])
        if table.empty:
            return nothing(f"superpixels.clusters, {self.clusters}, is not among ablation.clusters")
        if single["depths"].nunique() < 2:
            return nothing("ablation.depths has fewer than two single depths")
        wide = single.drop_duplicates(["id", "depths"]).pivot(index="id", columns="depths", values="adherence")
        depths = np.broadcast_to(wide.columns.astype(int), wide.shape)
        return pd.Series(kendall_tau(depths, wide.to_numpy(float)), wide.index), "no photo has strong edges"

    def _single_and_class_agree(self) -> Values:
        """Own clustering of each photo and one of others of its class, over what shifting one against the other gives.

        Mean over the classes of a photo. All photos of a data set without classes are none.
        """
        measure = "adjusted_rand_index_above_chance"
        own = self._read("classes", ["id", "class", measure], ("own_k", "==", self.own_clusters))
        own = own[own["class"].astype(str) != ALL_PHOTOS]
        missing = "no class of classes.names has two photos" if own.empty else "no clustering has two clusters"
        return own.groupby("id", observed=True)[measure].mean(), missing

    def _averaged(self, claim: Claim, located: PhotoScores) -> Values:
        """The gain of maps averaged in NAS over one other, mean over methods and grids."""
        measure = BOXES.get(claim.name.partition(f".{claim.kind}")[0], AUROC)
        there = located.masked if measure == AUROC else located.boxed
        if not there or not located.means:
            return nothing(NO_METHOD if there else NO_MASK if measure == AUROC else NO_BOX)
        others = located.sobel if claim.over == SOBEL else located.means
        gains = [
            located.means[measure, ours] - others[measure, theirs]
            for ours, theirs in self._compared(claim.kind, claim.over)
            if (measure, ours) in located.means and (measure, theirs) in others
        ]
        if gains:
            return pd.concat(gains, axis=1).mean(axis=1), ""
        if claim.over == SOBEL and not located.sobel:
            return nothing(NO_SOBEL)
        wanted = " and ".join(dict.fromkeys(next(self._compared(claim.kind, claim.over))))
        return nothing(f"maps were not averaged inside {wanted}: add it to localization.regions")

    def _compared(self, kind: str, over: str) -> Iterator[tuple[str, str]]:
        """Regions of NAS and of the other on each grid; of few, those for the recipe's grid serve every grid."""
        for grid in self.grids:
            if over == RAW:
                yield f"{kind}.{grid}", RAW
            elif over == SOBEL:
                yield f"{kind}.{grid}", f"{kind}.{grid}"
            else:
                shared = kind == "nas_clusters" and over in (SLIC, FELZENSZWALB)
                yield f"{kind}.{grid}", f"{RIVALS[kind][over]}.{self.grids[0] if shared else grid}"
