"""Tables of all stages made up here, whose effects are known, for the tests of claims."""

import numpy as np
import pandas as pd

from nas.saliency.methods import CONTROLS

N, KIND = 12, "nas_clusters.first"
IDS = [f"photo{number:02}" for number in range(N)]
METHODS = ["lrp", "rise", "grad_cam", "gradient", *CONTROLS]
SEMANTICS = ("semantics_need_few_labels", "semantics_by_hand")


def joined(parts):
    """A table of rows that come in parts."""
    return pd.DataFrame([row for part in parts for row in part])


def tables(effect, seed=0):
    """Tables of all stages, in which every claim is true (effect 1) or false (-1), or nothing is known (0)."""
    generator = np.random.default_rng(seed)
    noise = generator.permutation(np.linspace(-0.02, 0.02, N))  # symmetric, so that no effect is none at all

    accuracy = {
        ("first", "nas_components"): 0.7 + 0.1 * effect + noise,
        ("first", "slic"): np.full(N, 0.7),
        ("image", "nas_components"): 0.7 - 0.1 * effect + noise,
        ("image", "slic"): np.full(N, 0.7),
    }
    superpixels = joined(
        [{"id": i, "variant": size, "method": method, "achievable_segmentation_accuracy": value}
         for i, value in zip(IDS, values, strict=True)]
        for (size, method), values in accuracy.items()
    )  # fmt: skip
    ablation = joined(
        [{"id": i, "depths": depths, "clusters": clusters, "size": size, "edge_room": 0.5,
          "edge_excess": 0.3 - 0.03 * effect * sign * int(depths[0]) + (0.3 * generator.random() if not effect else 0)}
         for i in IDS for depths in ("0", "1", "2", "3", "4", "2-3-4")]
        for clusters, size, sign in (("5", "first", 1), ("8", "first", -1), ("5", "image", -1))
    )  # fmt: skip
    reached = {1: 0.05, 0: 0.5, -1: 1.0}[effect]
    classes = joined(
        [{"id": i, "class": "bird", "own_k": k, "adjusted_rand_index_above_chance": sign * (0.2 * effect + noise[n]),
          "adjusted_rand_index_reached": reached if k == 5 else 1.0} for n, i in enumerate(IDS)]
        for k, sign in ((5, 1), (9, -1))
    )  # fmt: skip
    summary = joined(
        [{"method": method, "regions": kind, "measure": f"BoxAcc@{iou}", "gain": sign * 0.1 * effect, "n": N,
          "gain_low": sign * 0.1 * effect - 0.05, "gain_high": sign * 0.1 * effect + 0.05,
          "gain_p": 0.0005 if effect else 0.6} for iou in ("0.5", "0.7", "0.9")]
        for method, kind, sign in (("mean", KIND, 1), ("mean", "slic.first", -1), ("lrp", KIND, -1))
    )  # fmt: skip
    contrast = joined(
        [{"id": i, "method": method, "regions": kind, "auroc": 0.6 + 0.1 * effect * gain * sign
          + (noise[n] if kind == KIND else 0)} for n, i in enumerate(IDS)]
        for method, sign in ((method, -5 if method in CONTROLS else 1) for method in METHODS)
        for kind, gain in (("raw", 0), (KIND, 1), ("slic.first", -1))
    )  # fmt: skip
    ranks = {method: rank for rank, method in enumerate(METHODS)}
    orders = {1: (1, -1, 1), 0: (1,), -1: (1, 1, 1)}[effect]
    relevance = joined(
        [{"id": i, "direction": direction, "order": "pixels", "replacement": f"setting{number}", "method": method,
          "auc": 0.5 + 0.05 * (sign if direction == "least" else -effect) * ranks[method] + noise[n]}
         for n, i in enumerate(IDS) for method in METHODS]
        for direction in ("least", "most") for number, sign in enumerate(orders)
    )  # fmt: skip
    semantics = joined(
        [{"id": i, "class": "bird", "method": method, "regions": kind, "against": against,
          "mass_share": 0.5 + 0.05 * sign * ranks[method] * (-1 if kind != "raw" or method in CONTROLS else 1)
          + noise[n]} for n, i in enumerate(IDS) for method in METHODS]
        for kind in ("raw", KIND)
        for against, sign in (("truth", 1), ("learnt tags", effect), ("hand tags", effect))
        if sign
    )  # fmt: skip
    return {
        ("superpixels", "table"): superpixels,
        ("ablation", "table"): ablation,
        ("classes", "table"): classes,
        ("localization", "summary"): summary,
        ("localization", "table"): contrast,
        ("relevance", "table"): relevance,
        ("semantics", "table"): semantics,
    }
