"""Euclidean k-means on implicit hypercolumns: Lloyd's algorithm, exactly, one clustering per image of a batch."""

from typing import NamedTuple

import torch
from torch import Tensor

from nas.superpixels.hypercolumns import Hypercolumns


class Clustering(NamedTuple):
    """Result of k-means on B images.

    labels : (B, H, W) int64
    centers : (B, K, n_features)
    inertia : (B,) float64, sum over locations of the squared distance to the nearest center
    n_iter : (B,) int64
    """

    labels: Tensor
    centers: Tensor
    inertia: Tensor
    n_iter: Tensor


class Assignment(NamedTuple):
    """Nearest centers: labels (B, H, W) int64, and squared distances to them (B, H, W)."""

    labels: Tensor
    distances: Tensor


class Nearest(NamedTuple):
    """Nearest centers: members (B, K, H, W) bool, true for one center at each location; x . c - |c|^2 / 2 (B, H, W)."""

    members: Tensor
    scores: Tensor

    def labels(self) -> Tensor:
        """The number of the center at each location, (B, H, W) int64."""
        return self.members.view(torch.uint8).argmax(dim=1)

    def distances(self, columns: Hypercolumns) -> Tensor:
        """Squared distances to them, (B, H, W)."""
        return (columns.squared_norms - 2 * self.scores).clamp_min_(0)


def nearest(columns: Hypercolumns, centers: Tensor) -> Nearest:
    """The nearest center of each location (ties: the lowest index); centers (B, K, n_features)."""
    found = []
    half_norms = centers.square().sum(dim=2)[:, :, None, None] / 2
    for rows in columns.blocks(centers.shape[1]):
        found.append(highest(columns.inner_products(centers, rows).sub_(half_norms)))
    return Nearest(*(torch.cat(parts, dim=-2) for parts in zip(*found, strict=True)))


def assign(columns: Hypercolumns, centers: Tensor) -> Assignment:
    """Assign each location to its nearest center, see `nearest`."""
    found = nearest(columns, centers)
    return Assignment(found.labels(), found.distances(columns))


def highest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Where each location of (B, K, H, W) has its maximum over K, (B, K, H, W) bool, and that maximum, (B, H, W).

    Of equals the lowest index is taken. On a CPU this is ten times as fast as `argmax` along a strided axis.
    """
    best = scores.amax(dim=1)
    members = scores == best[:, None]
    if int(members.sum()) != best.numel():
        members &= members.cumsum(dim=1) == 1
    return members, best


def cluster_sums(columns: Hypercolumns, members: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the hypercolumns of each cluster (B, K, n_features), and its number of locations (B, K) int64.

    Parameters: `members`, (B, K, H, W) bool, which locations belong to a cluster.
    """
    n_clusters = members.shape[1]
    sums = torch.zeros((columns.n_images, n_clusters, columns.n_features)).to(columns.squared_norms)
    counts = torch.zeros((columns.n_images, n_clusters), dtype=torch.int64, device=sums.device)
    for rows in columns.blocks(n_clusters):
        part = members[:, :, rows].to(sums)
        sums += columns.sums(part, rows)
        counts += part.sum(dim=(2, 3)).long()  # a block is small enough for float32 to be exact
    return sums, counts


def lloyd(columns: Hypercolumns, centers: Tensor, max_iter: int = 300, tol: float = 1e-5) -> Clustering:
    """Lloyd's algorithm from given centers (B, K, n_features), with scikit-learn's stopping rules.

    An image stops when its labels do not change, or when its centers move, in squared norm, by at most `tol`
    times the mean variance of the features. Each image stops alone, so its result does not depend on the
    others. A cluster that runs empty takes the location that is farthest from its center.
    """
    tolerance = tol * _mean_variance(columns)
    centers = centers.clone()
    n_iter = torch.zeros(columns.n_images, dtype=torch.int64, device=centers.device)
    active = torch.arange(columns.n_images, device=centers.device)
    current = columns
    previous: Tensor | None = None
    for _ in range(max_iter):
        old = centers[active]
        found = nearest(current, old)
        new = _update(current, found, old)
        centers[active] = new
        n_iter[active] += 1
        moved = (new - old).square().sum(dim=(1, 2)) > tolerance[active]
        changed = moved if previous is None else (found.members != previous).flatten(1).any(dim=1)
        keep = (moved & changed).nonzero()[:, 0]
        if len(keep) == 0:
            break
        previous = found.members
        if len(keep) < len(active):
            active, current, previous = active[keep], current.select(keep), previous[keep]
    labels, distances = assign(columns, centers)
    inertia = distances.flatten(1).sum(dim=1, dtype=torch.float64)
    return Clustering(labels, centers, inertia, n_iter)


def k_means_plus_plus(columns: Hypercolumns, n_clusters: int, uniforms: Tensor) -> Tensor:
    """Starting locations of k-means++ (Arthur and Vassilvitskii 2007), flat indices (B, K).

    The first location is uniform, each further one is drawn with probability proportional to its squared
    distance to the nearest chosen one. `uniforms` (B, K) holds the random numbers in [0, 1) to use.
    """
    first = (uniforms[:, :1] * columns.n_locations).long()
    chosen = [first]
    masses: Tensor | None = None
    for k in range(1, n_clusters):
        distances = nearest(columns, columns.at(chosen[-1])).distances(columns).flatten(1).double()
        masses = distances if masses is None else torch.minimum(masses, distances)
        chosen.append(draw(masses, uniforms[:, k : k + 1]))
    return torch.cat(chosen, dim=1)


def draw(masses: Tensor, uniforms: Tensor) -> Tensor:
    """Index of each row of `masses` (B, N), drawn with probability proportional to the mass: (B, 1).

    `uniforms` (B, 1) in [0, 1). A row without mass is drawn uniformly.
    """
    masses = masses.double()  # in float32 the largest uniforms are 1
    masses = torch.where(masses.sum(dim=1, keepdim=True) > 0, masses, torch.ones_like(masses))
    cumulative = masses.cumsum(dim=1)
    return torch.searchsorted(cumulative, uniforms.to(masses) * cumulative[:, -1:], right=True)


def _mean_variance(columns: Hypercolumns) -> Tensor:
    """Variance over the locations, averaged over the features: (B,)."""
    everywhere = torch.ones((columns.n_images, 1, *columns.size), dtype=torch.bool, device=columns.maps[0].device)
    sums, _ = cluster_sums(columns, everywhere)
    mean = sums[:, 0] / columns.n_locations
    mean_square = columns.squared_norms.mean(dim=(1, 2))
    return (mean_square - mean.square().sum(dim=1)).clamp_min(0) / columns.n_features


def _update(columns: Hypercolumns, found: Nearest, old: Tensor) -> Tensor:
    """New centers (B, K, n_features): means of the clusters, empty clusters moved to the farthest locations."""
    sums, counts = cluster_sums(columns, found.members)
    if not bool(counts.all()):
        _fill(columns, found, sums, counts)
    filled = (counts > 0)[:, :, None]
    return torch.where(filled, sums / counts.clamp_min(1)[:, :, None], old)


def _fill(columns: Hypercolumns, found: Nearest, sums: Tensor, counts: Tensor) -> None:
    """Give each empty cluster, in place, the location that is farthest from its center."""
    distances = found.distances(columns)
    for image in (counts == 0).any(dim=1).nonzero()[:, 0]:
        empty = (counts[image] == 0).nonzero()[:, 0]
        farthest = distances[image].flatten().topk(len(empty)).indices
        vectors = columns.select(image[None]).at(farthest[None])[0]
        donors = found.members[image].flatten(1)[:, farthest].view(torch.uint8).argmax(dim=0)
        sums[image].index_add_(0, donors, -vectors)
        counts[image].index_add_(0, donors, -torch.ones_like(donors))
        sums[image, empty] = vectors
        counts[image, empty] = 1
