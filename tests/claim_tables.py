"""Tables and arrays of all stages made up here, whose effects are known, for the tests of claims."""

from itertools import product

import numpy as np
import pandas as pd
from plain import store

from nas.localization.boxes import LEVELS, THRESHOLDS
from nas.relevance.areas import FRACTIONS
from nas.saliency.methods import CONTROLS
from nas.store.tables import write_table

N, KINDS, GRIDS = 24, ["nas_clusters", "nas_components"], ["first", "image"]
IDS = [f"photo{number:02}" for number in range(N)]
REAL = ["lrp", "rise", "grad_cam", "gradient", "cam", "smoothgrad"]
METHODS = [*REAL, *CONTROLS]
FEW = ["slic_few", "felzenszwalb_few", "moved_clusters"]
MANY = ["slic", "felzenszwalb", "moved_components"]
AVERAGED = [f"{method}.{grid}" for method in [*KINDS, *FEW, *MANY] for grid in GRIDS]
ORDERS = ["nas_components.first", "slic.first", "felzenszwalb.first"]


def joined(parts):
    """A table of rows that come in parts."""
    return pd.DataFrame([row for part in parts for row in part])


def noise_of(seed):
    """Symmetric, so that no effect is none at all."""
    return np.random.default_rng(seed).permutation(np.linspace(-1, 1, N))


def tables(effect, seed=0):
    """Tables of all stages, in which every claim is true (effect 1) or false (-1), or nothing is known (0)."""
    noise, generator = noise_of(seed), np.random.default_rng(seed)
    return {
        "superpixels": superpixels(effect, 0.02 * noise),
        "ablation": ablation(effect, generator),
        "classes": classes(effect, 0.02 * noise),
        "localization": contrast(effect, 0.02 * noise),
        "relevance": relevance(effect, generator),
        "semantics": semantics(effect, generator),
    }


def superpixels(effect, noise):
    return joined(
        [
            {
                "id": i,
                "variant": grid,
                "method": method,
                "achievable_segmentation_accuracy": 0.7 + ours * (0.1 * effect + value),
            }
            for i, value in zip(IDS, noise, strict=True)
        ]
        for grid in [*GRIDS, "tuned"]
        for method, ours in [*((kind, grid != "tuned") for kind in KINDS), *((rival, 0) for rival in [*FEW, *MANY])]
    )


def ablation(effect, generator):
    drawn = [generator.permutation([0, 1, 2, 3, 4]) for _ in range(N // 2)]
    random = dict(zip(IDS, [*drawn, *(4 - each for each in drawn)], strict=True))  # each and its reverse
    ranks = {i: {1: [4, 3, 2, 1, 0], -1: [0, 1, 2, 3, 4], 0: random[i]}[effect] for i in IDS}
    return joined(
        [
            {
                "id": i,
                "depths": depths,
                "clusters": clusters,
                "size": size,
                "edge_room": 0.5,
                "edge_excess": 0.1 + 0.03 * sign * ranks[i][int(depths[0])],
            }
            for i in IDS
            for depths in ("0", "1", "2", "3", "4", "2-3-4")
        ]
        for clusters, size, sign in (("5", "first", 1), ("8", "first", -1), ("5", "image", -1))
    )


def classes(effect, noise):
    return joined(
        [
            {
                "id": i,
                "class": "all photos" if k == 5 and n < 2 and name == "bird" else name,
                "own_k": k,
                "adjusted_rand_index_above_chance": sign * (0.2 * effect + noise[n]),
            }
            for n, i in enumerate(IDS)
        ]
        for k, sign in ((5, 1), (9, -1))
        for name in ("bird", "animal")
    )


def contrast(effect, noise):
    return joined(
        [
            {
                "id": i,
                "method": method,
                "regions": regions,
                "auroc": 0.6 - 0.01 * place + ours * (0.1 * effect + noise[n]),
            }
            for n, i in enumerate(IDS)
        ]
        for place, method in enumerate(METHODS)
        for regions in ["raw", *AVERAGED]
        for ours in [method in REAL and regions.split(".")[0] in KINDS]
    )


def relevance(effect, generator):
    """Areas: rankings of LeRF that turn around between settings or stay, and of MoRF that are those of the gain."""
    orders = product(ORDERS, ("mean", "blur"))
    rows = []
    for number, (order, replacement) in enumerate(orders):
        for i in IDS:
            known = np.arange(6.0)[::-1]  # of truth and of MoRF
            swapped = known[[1, 0, 2, 3, 4, 5]] if number % 2 else known[[0, 1, 2, 3, 5, 4]]
            least = {1: known if number % 2 else -known, -1: known, 0: generator.permutation(known)}[effect]
            # where nothing is true LeRF ranks as truth does, MoRF nearly so, and the gain as MoRF
            most = {1: -20 * known, -1: -20 * swapped, 0: generator.permutation(known)}[effect]
            for place, method in enumerate(METHODS):
                values = (least[place], most[place]) if place < 6 else (9.0, 9.0)
                for direction, value in zip(("least", "most"), values, strict=True):
                    rows.append(
                        {
                            "id": i,
                            "direction": direction,
                            "order": order,
                            "replacement": replacement,
                            "method": method,
                            "auc": 0.5 + 0.01 * value,
                        }
                    )
    return pd.DataFrame(rows)


def semantics(effect, generator):
    rows = []
    for i, against in product(IDS, ("truth", "learnt tags", "hand tags")):
        ranks = np.arange(6.0)
        if against != "truth":
            ranks = {1: ranks, -1: -ranks, 0: generator.permutation(ranks)}[effect]
        rows += [
            {
                "id": i,
                "class": name,
                "method": method,
                "regions": regions,
                "against": against,
                "mass_share": 0.5 + 0.05 * (ranks[place] if place < 6 else -place) * (1 if regions == "raw" else -1),
            }
            for name in ("bird", "animal")
            for place, method in enumerate(METHODS)
            for regions in ("raw", AVERAGED[0])
        ]
    return pd.DataFrame(rows)


def best_ious(effect, number, method, regions):
    """By grey level: where there is an effect, more photos are hits inside NAS, and up to higher levels of the map."""
    ours = regions.split(".")[0] in KINDS and method in REAL
    hit = {1: True, -1: False, 0: number % 4 in (1, 2)}[effect] if ours else number % 2 == 0
    share = 0.6 + ours * (0.15 * effect + 0.05 * noise_of(1)[number])
    share -= 0.008 * (REAL.index(method) if method in REAL else 2.5)  # a control is as good as the others on average
    return np.where(THRESHOLDS[LEVELS] < share, 0.95 if hit else 0.6, 0.1).astype(np.float32)


def curve(effect, order, number):
    """A probability that falls to half later where regions of NAS go."""
    at = 0.4 + (0.2 * effect + 0.02 * noise_of(2)[number]) * order.startswith("nas")
    return np.clip(1 - FRACTIONS / (2 * at), 0, 1)


def write_project(root, effect, network="net", dataset="made", given=None, boxes=True):
    """What all stages wrote below data, of one data set and network; `given`, other tables than `tables(effect)`."""
    for stage, table in (given or tables(effect)).items():
        write_table(table, root / "data" / stage / dataset / network / "table.parquet")
    keys = [
        (method, regions)
        for method in METHODS
        for regions in (["raw", *AVERAGED] if method != CONTROLS[-1] else ["raw"])
    ]
    located = {
        photo: {f"multi/{method}/{regions}": best_ious(effect, number, method, regions) for method, regions in keys}
        for number, photo in enumerate(IDS)
    }
    nothing = {photo: {"correct": np.array(1.0)} for photo in IDS}
    relevant = {
        photo: {f"least/{order}/mean/{method}": curve(effect, order, number) for order in ORDERS for method in METHODS}
        for number, photo in enumerate(IDS)
    }
    for stage, arrays in (("localization", located if boxes else nothing), ("relevance", relevant)):
        folder = root / "data" / stage / dataset / network
        table = (folder / "table.parquet").read_bytes()
        store(folder, arrays)
        (folder / "table.parquet").write_bytes(table)
    return root
