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


def assign(columns: Hypercolumns, centers: Tensor) -> Assignment:
    """Assign each location to its nearest center (ties: the lowest index); centers (B, K, n_features)."""
    labels, distances = [], []
    half_norms = centers.square().sum(dim=2)[:, :, None, None] / 2
    for rows in columns.blocks(centers.shape[1]):
        scores = columns.inner_products(centers, rows).sub_(half_norms)
        best, label = highest(scores)
        labels.append(label)
        distances.append(columns.squared_norms[:, rows] - 2 * best)
    return Assignment(torch.cat(labels, dim=1), torch.cat(distances, dim=1).clamp_min_(0))


def highest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Maximum over K of (B, K, H, W), and the lowest index that reaches it (int64): each (B, H, W).

    One pass per k over contiguous maps: on a CPU many times faster than `argmax` along a strided axis.
    """
    best = scores[:, 0].clone()
    label = torch.zeros_like(best, dtype=torch.int64)
    for k in range(1, scores.shape[1]):
        label.masked_fill_(scores[:, k] > best, k)
        torch.maximum(best, scores[:, k], out=best)
    return best, label


def cluster_sums(columns: Hypercolumns, labels: Tensor, n_clusters: int) -> tuple[Tensor, Tensor]:
    """Sum of the hypercolumns of each cluster (B, K, n_features), and its number of locations (B, K)."""
    shape = (columns.n_images, n_clusters, columns.n_features)
    sums = torch.zeros(shape).to(columns.squared_norms)
    clusters = torch.arange(n_clusters, device=labels.device)[None, :, None, None]
    for rows in columns.blocks(n_clusters):
        memberships = (labels[:, None, rows] == clusters).to(sums)
        sums += columns.sums(memberships, rows)
    return sums, count(labels, n_clusters)


def count(labels: Tensor, n_clusters: int) -> Tensor:
    """Number of locations in each cluster: (B, H, W) to (B, K) int64."""
    counts = torch.zeros((len(labels), n_clusters), dtype=torch.int64, device=labels.device)
    flat = labels.flatten(1)
    return counts.scatter_add_(1, flat, torch.ones_like(flat))


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
    previous = torch.full((columns.n_images, *columns.size), -1, device=centers.device)
    for _ in range(max_iter):
        old = centers[active]
        labels, distances = assign(current, old)
        new = _update(current, labels, distances, old)
        centers[active] = new
        n_iter[active] += 1
        moved = (new - old).square().sum(dim=(1, 2)) > tolerance[active]
        changed = (labels != previous).flatten(1).any(dim=1)
        keep = (moved & changed).nonzero()[:, 0]
        if len(keep) == 0:
            break
        if len(keep) < len(active):
            active, current, labels = active[keep], current.select(keep), labels[keep]
        previous = labels
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
    nearest: Tensor | None = None
    for k in range(1, n_clusters):
        distances = assign(columns, columns.at(chosen[-1])).distances.flatten(1).double()
        nearest = distances if nearest is None else torch.minimum(nearest, distances)
        chosen.append(draw(nearest, uniforms[:, k : k + 1]))
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
    everywhere = torch.zeros((columns.n_images, *columns.size), dtype=torch.int64).to(columns.maps[0].device)
    sums, _ = cluster_sums(columns, everywhere, 1)
    mean = sums[:, 0] / columns.n_locations
    mean_square = columns.squared_norms.mean(dim=(1, 2))
    return (mean_square - mean.square().sum(dim=1)).clamp_min(0) / columns.n_features


def _update(columns: Hypercolumns, labels: Tensor, distances: Tensor, old: Tensor) -> Tensor:
    """New centers (B, K, n_features): means of the clusters, empty clusters moved to the farthest locations."""
    n_clusters = old.shape[1]
    sums, counts = cluster_sums(columns, labels, n_clusters)
    for image in (counts == 0).any(dim=1).nonzero()[:, 0]:
        empty = (counts[image] == 0).nonzero()[:, 0]
        farthest = distances[image].flatten().topk(len(empty)).indices
        vectors = columns.select(image[None]).at(farthest[None])[0]
        donors = labels[image].flatten()[farthest]
        sums[image].index_add_(0, donors, -vectors)
        counts[image].index_add_(0, donors, -torch.ones_like(donors))
        sums[image, empty] = vectors
        counts[image, empty] = 1
    filled = (counts > 0)[:, :, None]
    return torch.where(filled, sums / counts.clamp_min(1)[:, :, None], old)
