"""What tags learnt on a few labelled photos are worth on the others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.classes import ClassClusters
from nas.saliency import CONTROLS, RAW
from nas.semantics.evaluation import MASS
from nas.semantics.tags import TRUTH, draw_labelled, few_label_curve, learn_tags
from nas.statistics import kendall_tau
from nas.store import Row, Shards

FEW_LABELS_COLUMNS = ["class", "photos", "labelled", "measure", "draws", "value", "low", "high"]


def worth_of_few_labels(
    found: ClassClusters,
    counts: NDArray[np.int64],
    stored: Shards,
    methods: Sequence[str],
    numbers: Sequence[int],
    n_draws: int,
    seed: int,
) -> list[Row]:
    """IoU of tagged clusters with the truth of the other photos, and tau of the ranking of methods, by labelled photos.

    Parameters: `counts`, see `cluster_counts`; `stored`, what `evaluate_class` stored; `methods`, in the order of the
    masses there; `numbers` of labelled photos. Rows hold the mean over the draws and their 5 and 95 % quantiles.
    """
    table = stored.table(["id", "method", "regions", "against", "mass_share"])
    truth = table[(table["against"] == TRUTH) & (table["regions"] == RAW)]
    real = [method for method in methods if method not in CONTROLS]
    known = set(truth["id"])  # photos with a mask or boxes
    ids = [photo for photo in found.ids if photo in known]
    shares = truth.pivot(index="id", columns="method", values="mass_share").loc[ids, real]
    masses = stored.read(ids, [MASS])[MASS][:, np.isin(methods, real)]
    return _worth(found.name, counts, masses, shares, numbers, n_draws, seed)


def _worth(
    name: str,
    counts: NDArray[np.int64],
    masses: NDArray[np.float64],
    shares: pd.DataFrame,
    numbers: Sequence[int],
    n_draws: int,
    seed: int,
) -> list[Row]:
    """The rows of `worth_of_few_labels` of the class `name`.

    Parameters: `masses` (N, M, K), positive mass of each method's map in each cluster; `shares`, mass share against
    the truth, photos by methods.
    """
    n_photos = counts.shape[1]
    ns = [n for n in numbers if n < n_photos]
    truth = shares.to_numpy(float)
    rows: list[Row] = []
    for n, ious in zip(ns, few_label_curve(counts, ns, n_draws, seed), strict=True):
        labelled = draw_labelled(n_photos, n, n_draws, seed)
        tags = learn_tags(counts, labelled).astype(float)
        total = np.maximum(masses.sum(axis=2), 1e-300)
        taus = [
            float(kendall_tau((_inside(masses, of_draw) / total)[~chosen].mean(axis=0), truth[~chosen].mean(axis=0)))
            for of_draw, chosen in zip(tags, labelled, strict=True)
            if of_draw.any()
        ]
        for measure, values in (("IoU", np.asarray(ious)), ("tau", np.asarray(taus))):
            kept = values[~np.isnan(values)]
            low, high = np.quantile(kept, [0.05, 0.95]) if len(kept) else (np.nan, np.nan)
            mean = float(kept.mean()) if len(kept) else np.nan
            row = (name, n_photos, n, measure, len(kept), mean, float(low), float(high))
            rows.append(dict(zip(FEW_LABELS_COLUMNS, row, strict=True)))
    return rows


def _inside(masses: NDArray[np.float64], tags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mass of each method's map (N, M, K) in the tagged of K clusters, (N, M)."""
    return np.asarray(np.einsum("nmk,dk->dnm", masses, tags[None])[0])
