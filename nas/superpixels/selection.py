"""What is kept of several clusterings: the better start, the number of clusters, numbers that no start decides."""

import torch
from torch import Tensor

from nas.superpixels.kmeans import Clustering

AUTOMATIC = range(3, 11)


def automatic_n_clusters(inertia: Tensor) -> Tensor:
    """Number of clusters from the inertia at k = 3 to 10, (8, B): argmax(d) + 2, (B,) int64.

    d_j = (I_j - I_{j+1}) / I_j, j counted from 0. The rule is the reconstruction's; it can give k = 2.
    """
    differences = (inertia[:-1] - inertia[1:]) / inertia[:-1].clamp_min(torch.finfo(inertia.dtype).tiny)
    return differences.argmax(dim=0) + 2


def renumber(clustering: Clustering) -> Clustering:
    """Number clusters by first appearance in raster order; clusters without a location come last."""
    labels, centers = clustering.labels, clustering.centers
    n_clusters, n_locations = centers.shape[1], labels[0].numel()
    flat = labels.flatten(1)
    position = torch.arange(n_locations, device=flat.device).expand_as(flat)
    first = torch.full((len(flat), n_clusters), n_locations, device=flat.device)
    first = first.scatter_reduce(1, flat, position, reduce="amin")
    order = first.argsort(dim=1, stable=True)
    return clustering._replace(
        labels=order.argsort(dim=1).gather(1, flat).view_as(labels),
        centers=centers.gather(1, order[:, :, None].expand_as(centers)),
    )


def better(a: Clustering, b: Clustering) -> Clustering:
    """Of each image the clustering of lower inertia, of equal ones that of `a`."""
    improved = b.inertia < a.inertia
    choose = [torch.where(improved.view(-1, *[1] * (x.ndim - 1)), y, x) for x, y in zip(a, b, strict=True)]
    return Clustering(*choose)


def row_of(clustering: Clustering, image: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Labels, centers, inertia and passes of one image, its centers filled up to `width`."""
    centers = pad(clustering.centers[image][None], width)[0]
    return clustering.labels[image], centers, clustering.inertia[image], clustering.n_iter[image]


def pad(centers: Tensor, width: int) -> Tensor:
    """Fill up to `width` centers with NaN."""
    return torch.nn.functional.pad(centers, (0, 0, 0, width - centers.shape[1]), value=torch.nan)
