"""How rankings of saliency methods agree on each photo: settings of LeRF, LeRF and MoRF, truth, tags."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.claims.cells import Values, nothing
from nas.claims.localizing import PhotoScores
from nas.relevance import GAIN, SETTING, Scores, scores_of, with_gains
from nas.saliency import CONTROLS, RAW
from nas.semantics import HAND, LEARNT, TRUTH
from nas.statistics import photo_taus
from nas.store import TABLE, read_columns

NO_RANKING = "fewer than two methods that are no controls, or all of them are equal"
ONE_SETTING = "relevance has one order and one replacement, where rankings need two to agree"
ONE_DIRECTION = "no setting has both LeRF and MoRF"
NO_TRUTH = "no photo has a mask or a box"
PHOTOS = 2048  # whose rankings are compared at a time
SEMANTICS = {"semantics_need_few_labels": LEARNT, "semantics_by_hand": HAND}


@dataclass(frozen=True)
class Rankings:
    """Agreement of rankings. Controls are not ranked.

    Attributes
    ----------
    relevance, semantics : folders of these stages
    located : what is known of the object
    """

    relevance: Path
    located: PhotoScores
    semantics: Path

    def values(self) -> dict[str, Values]:
        """Values of each claim on rankings by id, and why there are none."""
        areas = read_columns(self.relevance / TABLE, ["id", *SETTING, "method", "auc"])
        real = with_gains(areas[~areas["method"].isin(CONTROLS)].astype({"id": str, "method": str}))
        scores = {name: scores_of(rows) for name, rows in real.groupby("direction", sort=False)}
        least, most, gain = (scores.get(direction) for direction in ("least", "most", GAIN))
        found = {
            "lerf_is_inconsistent": _consistency(least),
            "lerf_disagrees_with_morf": _of_both(least, most),
            "gain_is_more_consistent": _difference(gain, least),
            "lerf_disagrees_with_truth": self._against_truth(least),
        }
        return found | {claim: self._tags(source) for claim, source in SEMANTICS.items()}

    def _against_truth(self, least: Scores | None) -> Values:
        """LeRF against AUROC in the mask, or, where there are boxes alone, IoU over thresholds; maps as they are."""
        known = self.located.truth
        if least is None or not known:
            return nothing(NO_RANKING if known else NO_TRUTH)
        methods = [method for method in least.methods if method in known]
        if len(methods) < 2:
            return nothing(NO_RANKING)
        truth = pd.concat({method: known[method] for method in methods}, axis=1).dropna()
        ids = [photo for photo in least.ids if photo in truth.index]
        if not ids:
            return nothing(NO_TRUTH)
        chosen = least.values[:, [least.ids.index(i) for i in ids]][..., [least.methods.index(m) for m in methods]]
        return _taus(np.concatenate([truth.loc[ids].to_numpy()[None], chosen]), ids, lambda taus: taus[:, 0, 1:])

    def _tags(self, source: str) -> Values:
        """Mass share of maps as they are, inside clusters with tags of a source and inside masks; mean over classes."""
        columns = ["class", "id", "against", "method", "mass_share"]
        table = read_columns(self.semantics / TABLE, columns, [("regions", "==", RAW)])
        real = table[~table["method"].isin(CONTROLS)].astype(dict.fromkeys(columns[:4], str))
        wide = real.pivot_table(index=["class", "id"], columns=["against", "method"], values="mass_share", sort=False)
        there = set(wide.columns.get_level_values(0))
        if not {source, TRUTH} <= there:
            lacking = f"no class has {source} of an object" if TRUTH in there else NO_TRUTH
            return nothing("all methods are controls" if real.empty and not table.empty else lacking)
        scores = np.stack([wide[source].to_numpy(float), wide[TRUTH][wide[source].columns].to_numpy(float)])
        known = ~np.isnan(scores).any(axis=(0, 2))
        if not known.any():
            return nothing(f"{NO_TRUTH}, and clusters with {source}, some of them object")
        ids = wide.index.get_level_values("id")[known]
        taus, why = _taus(scores[:, known], list(range(int(known.sum()))), lambda taus: taus[:, 0, 1:])
        return taus.groupby(ids.to_numpy()[taus.index.to_numpy(int)]).mean(), why


def _taus(
    scores: NDArray[np.float64],
    ids: Sequence[object],
    chosen: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Values:
    """Mean of the chosen taus (n, P) of each photo, those that are not known left out."""
    means = []
    for start in range(0, scores.shape[1], PHOTOS):
        taus = chosen(photo_taus(scores[:, start : start + PHOTOS]))
        known = ~np.isnan(taus)
        sums = np.where(known, taus, 0).sum(axis=1)
        means.append(np.divide(sums, known.sum(axis=1), out=np.full(len(taus), np.nan), where=known.any(axis=1)))
    return pd.Series(np.concatenate(means), list(ids)).dropna(), NO_RANKING


def _consistency(scores: Scores | None) -> Values:
    """Mean tau over all pairs of settings."""
    if scores is None or len(scores.settings) < 2:
        return nothing(NO_RANKING if scores is None else ONE_SETTING)
    first, second = np.triu_indices(len(scores.settings), k=1)
    return _taus(scores.values, scores.ids, lambda taus: taus[:, first, second])


def _of_both(least: Scores | None, most: Scores | None) -> Values:
    """Mean tau between both directions of each setting."""
    if least is None or most is None:
        return nothing(NO_RANKING if least is None else ONE_DIRECTION)
    shared = [setting[1:] for setting in least.settings if ("most", *setting[1:]) in most.settings]
    if not shared:
        return nothing(ONE_DIRECTION)
    one, other = _only(least, shared), _only(most, shared)
    numbers = np.arange(len(shared))
    return _taus(np.concatenate([one, other]), least.ids, lambda taus: taus[:, numbers, numbers + len(shared)])


def _difference(gain: Scores | None, least: Scores | None) -> Values:
    """How much more the gain agrees with itself than LeRF does, over the settings that have both."""
    if gain is None or least is None or len(gain.settings) < 2:
        return nothing(ONE_DIRECTION if gain is None or least is None else ONE_SETTING)
    shared = [setting[1:] for setting in gain.settings]
    alike = least._replace(settings=[("least", *setting) for setting in shared], values=_only(least, shared))
    ours, why = _consistency(gain)
    theirs, _ = _consistency(alike)
    return (ours - theirs).dropna(), why


def _only(scores: Scores, settings: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
    """The values of some settings, by order and replacement, with the methods in order of their names."""
    numbers = [[each[1:] for each in scores.settings].index(setting) for setting in settings]
    return scores.values[numbers][..., np.argsort(scores.methods)]
