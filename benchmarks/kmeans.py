"""How much faster k-means on implicit hypercolumns is than scikit-learn's on stored ones.

    python benchmarks/kmeans.py [--sizes 56 112 224] [--clusters 5 8 32]

Maps of the shapes of ResNet-50 at depths 1 to 4, smooth noise; one image, 20 iterations from the same start, one
thread, wall time, medians of runs in turns. Labels must be equal but for locations on a border between two clusters, by
rounding; their share is shown, and the memory of the stored columns beside that of the maps.
"""

import argparse
import statistics
import time
import warnings

import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch.nn.functional import interpolate

from nas.superpixels.hypercolumns import Hypercolumns
from nas.superpixels.kmeans import k_means_plus_plus, lloyd

SHAPES = ((256, 56), (512, 28), (1024, 14), (2048, 7))
parser = argparse.ArgumentParser()
parser.add_argument("--sizes", type=int, nargs="+", default=[56, 112, 224])
parser.add_argument("--clusters", type=int, nargs="+", default=[5, 8, 32])
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--iterations", type=int, default=20)
given = parser.parse_args()

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
# of a network's maps neighbours are alike, and most values are 0
maps = [
    interpolate(torch.randn(1, channels, 7, 7, generator=generator), (side, side), mode="bicubic").relu()
    for channels, side in SHAPES
]
stored = sum(m.numel() for m in maps) * 4
print(" grid   k  scikit-learn      ours  ratio other labels   columns     maps")
for size in given.sizes:
    columns = Hypercolumns(maps, (size, size))
    plain = columns.stored()[0].numpy()
    for k in given.clusters:
        places = k_means_plus_plus(columns, k, torch.rand(1, k, generator=generator))
        starts = columns.at(places)
        seconds: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(given.rounds):
            began = time.perf_counter()
            with threadpool_limits(1), warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                model = KMeans(k, init=starts[0].numpy(), n_init=1, max_iter=given.iterations, tol=0).fit(plain)
            middle = time.perf_counter()
            found = lloyd(Hypercolumns(maps, (size, size)), starts, max_iter=given.iterations, tol=0)
            seconds["plain"].append(middle - began)
            seconds["ours"].append(time.perf_counter() - middle)
        other = float((found.labels.flatten().numpy() != model.labels_).mean())
        slow, fast = (statistics.median(runs) for runs in seconds.values())
        print(
            f"{size:>5} {k:>3} {slow:>11.2f} s {fast:>7.2f} s {slow / fast:>6.1f} {other:>12.2%} "
            f"{plain.nbytes / 1e6:>6.0f} MB {stored / 1e6:>5.0f} MB"
        )
