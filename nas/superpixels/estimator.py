"""Neuro-Activated Superpixels (Boubekki et al. 2024, arXiv 2406.04933), as reconstructed."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nas.superpixels.collection import Collection, CollectionClustering, Maps, batches, k_means
from nas.superpixels.hypercolumns import Hypercolumns, select_depths
from nas.superpixels.kmeans import Clustering, assign, k_means_plus_plus, lloyd
from nas.superpixels.selection import AUTOMATIC, automatic_n_clusters, better, pad, renumber, row_of


class NeuroActivatedSuperpixels:
    """Segment images by clustering the activations that a classifier computes at several depths.

    Each location of a grid is described by its hypercolumn: the activations at the chosen depths, resized to
    the grid, normalized per depth, weighted and concatenated. Euclidean k-means groups the locations of an
    image, or with `scope="collection"` those of all images together: its clusters mean the same in each image.
    No coordinates, no colour, no training. The hypercolumns are never stored (`Hypercolumns`).

    Parameters
    ----------
    n_clusters : int of at least 2, or "auto"
        "auto" fits k = 3 to 10 and takes argmax(d) + 2, with d the relative successive differences of the
        inertia, d_0 that from k = 3 to k = 4.
    depths : depths of the activations that are used
    weighting : "channels" multiplies depth l by (1 + C_1) / (1 + C_l), C the channels, C_1 those of the
        shallowest depth used; None uses the depths as they are
    size : grid of the clustering: "first" (that of the shallowest depth used), "image", an int, or (H, W)
    scope : "image", each image is clustered alone; "collection", one clustering of all images (`Collection`)
    interpolation : "bicubic", "bilinear" or "nearest-exact"
    init : "k-means++", or starts that hold for every image or one set per image: indices of locations (row *
        W + column), integer, (K,) or (B, K), or centers, float, (K, n_features) or (B, K, n_features). For a
        collection one set; its locations are counted through all images.
    n_init : number of k-means++ starts, the lowest inertia wins
    max_iter, tol : as in `sklearn.cluster.KMeans`
    random_state : seed. Each image uses the same random numbers, whatever else is in the batch.

    Attributes
    ----------
    labels_ : (B, H, W) int64, numbered by first appearance in raster order
    cluster_centers_ : (B, K, n_features), numbered alike; rows of clusters that an image lacks come last
    inertia_ : (B,) float64
    n_iter_ : (B,) int64
    n_clusters_ : (B,) int64, K as asked for or found

    With `scope="collection"`, `cluster_centers_` is (K, n_features), on the CPU, and the last three are scalars,
    tensors of shape (). Clusters are numbered through all images; `labels_` is there after a fit to one mapping.

    Examples
    --------
    >>> activations = {2: torch.rand(4, 8, 28, 28), 3: torch.rand(4, 16, 14, 14)}
    >>> model = NeuroActivatedSuperpixels(n_clusters=5, depths=(2, 3), random_state=0)
    >>> model.fit_predict(activations).shape
    torch.Size([4, 28, 28])
    >>> together = NeuroActivatedSuperpixels(n_clusters=9, depths=(2, 3), scope="collection")
    >>> together.fit([activations, activations]).cluster_centers_.shape
    torch.Size([9, 24])
    """

    def __init__(
        self,
        n_clusters: int | str = 5,
        *,
        depths: Sequence[int] = (2, 3, 4),
        weighting: str | None = "channels",
        size: str | int | tuple[int, int] = "first",
        scope: str = "image",
        interpolation: str = "bicubic",
        init: str | np.ndarray | Tensor = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        tol: float = 1e-5,
        random_state: int = 0,
    ) -> None:
        if n_clusters != "auto" and (not isinstance(n_clusters, int | np.integer) or n_clusters < 2):
            raise ValueError(f"n_clusters is {n_clusters!r}: allowed are integers of at least 2, and 'auto'")
        if scope not in ("image", "collection"):
            raise ValueError(f"scope is {scope!r}: allowed are 'image' and 'collection'")
        if isinstance(init, str) and init != "k-means++":
            raise ValueError(f"init is {init!r}: allowed are 'k-means++' and an array of starts")
        if n_init < 1 or max_iter < 1:
            raise ValueError(f"n_init is {n_init} and max_iter {max_iter}: both are at least 1")
        self.n_clusters = n_clusters
        self.depths = tuple(depths)
        self.weighting = weighting
        self.size = size
        self.scope = scope
        self.interpolation = interpolation
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def columns(self, activations: Maps | Hypercolumns, image_size: tuple[int, int] | None = None) -> Hypercolumns:
        """The implicit hypercolumns that `fit` clusters; fits that differ in k or seed can share them."""
        if isinstance(activations, Hypercolumns):
            return activations
        maps = select_depths(activations, self.depths)
        return Hypercolumns(maps, self._grid(maps[0], image_size), self.weighting, self.interpolation)

    @torch.no_grad()
    def fit(
        self,
        activations: Maps | Hypercolumns | Iterable[Maps],
        image_size: tuple[int, int] | None = None,
        checkpoint: Path | None = None,
    ) -> "NeuroActivatedSuperpixels":
        """Cluster a batch of images, or a collection of any size.

        Parameters
        ----------
        activations : mapping from depth to (B, C, h, w), or the hypercolumns that `columns` made of it; with
            `scope="collection"` also a list of mappings, or any object that gives them anew each time it is iterated
        image_size : (height, width) of the images, needed for `size="image"`
        checkpoint : folder in which the fit to a collection notes how far it is. After a kill, the same fit goes on
            from its last pass; the folder must be of these images and settings alone.

        Raises
        ------
        ValueError : a depth that is missing, more clusters than locations, a start that does not fit
        """
        if self.scope == "collection":
            return self._fit_collection(activations, image_size, checkpoint)
        columns = self.columns(_single(activations), image_size)
        largest = max(AUTOMATIC) if self.n_clusters == "auto" else int(self.n_clusters)
        if largest > columns.n_locations:
            height, width = columns.size
            raise ValueError(
                f"n_clusters is {self.n_clusters!r}, up to {largest} clusters: the grid of {height} x {width} "
                f"has {columns.n_locations} locations; take fewer clusters or a larger size"
            )
        starts = self._given_starts(columns)
        parts = []
        for batch, part in batches(columns, largest):
            given = None if starts is None else starts[batch]
            if self.n_clusters == "auto":
                parts.append(self._fit_automatic(part))
            else:
                parts.append(self._fit(part, int(self.n_clusters), given))
        width = max(found.centers.shape[1] for found in parts)
        self.labels_ = torch.cat([found.labels for found in parts])
        self.cluster_centers_ = torch.cat([pad(found.centers, width) for found in parts])
        self.inertia_ = torch.cat([found.inertia for found in parts])
        self.n_iter_ = torch.cat([found.n_iter for found in parts])
        self.n_clusters_ = (~self.cluster_centers_.isnan().any(dim=2)).sum(dim=1)
        return self

    def fit_predict(
        self,
        activations: Maps | Hypercolumns,
        image_size: tuple[int, int] | None = None,
    ) -> Tensor:
        """`fit` to one batch of images, then the labels (B, H, W) int64."""
        return self.fit(_single(activations), image_size).labels_

    @torch.no_grad()
    def predict(self, activations: Maps | Hypercolumns, image_size: tuple[int, int] | None = None) -> Tensor:
        """Assign the locations of B images to the centers learnt: (B, H, W) int64.

        Images that were clustered alone have centers each: B is as in `fit`, and in the same order. The centers of a
        collection are for any images.
        """
        columns = self.columns(activations, image_size)
        centers = self.cluster_centers_
        if self.scope == "collection":
            centers = centers.to(columns.squared_norms).expand(columns.n_images, -1, -1)
        if columns.n_images != len(centers):
            raise ValueError(f"activations has {columns.n_images} images: the model was fitted on {len(centers)}")
        centers = centers.nan_to_num(torch.finfo(centers.dtype).max ** 0.25)
        parts = [assign(part, centers[batch]).labels for batch, part in batches(columns, centers.shape[1])]
        return torch.cat(parts)

    def _fit_collection(
        self,
        activations: Maps | Hypercolumns | Iterable[Maps],
        image_size: tuple[int, int] | None,
        checkpoint: Path | None,
    ) -> "NeuroActivatedSuperpixels":
        collection = Collection(activations, partial(self.columns, image_size=image_size))
        if self.n_clusters == "auto":
            inertia = [self._cluster(collection, k, checkpoint).inertia for k in AUTOMATIC]
            n_clusters = int(automatic_n_clusters(torch.tensor(inertia, dtype=torch.float64)[:, None]))
        else:
            n_clusters = int(self.n_clusters)
        found = self._cluster(collection, n_clusters, checkpoint)
        self.cluster_centers_ = found.centers
        self.inertia_ = torch.tensor(found.inertia, dtype=torch.float64)
        self.n_iter_ = torch.tensor(found.n_iter)
        self.n_clusters_ = torch.tensor(n_clusters)
        if isinstance(activations, Mapping | Hypercolumns):
            self.labels_ = self.predict(activations, image_size)
        else:
            self.__dict__.pop("labels_", None)
        return self

    def _cluster(self, collection: Collection, n_clusters: int, checkpoint: Path | None) -> CollectionClustering:
        """One clustering of a collection: from the start that was given, or the best of `n_init`."""
        given = self._collection_start(collection)
        generator = np.random.default_rng(self.random_state)
        found = []
        for number in range(1 if given is not None else self.n_init):
            place = None if checkpoint is None else checkpoint / f"k{n_clusters}-start{number}.safetensors"
            uniforms = [] if given is not None else generator.random(n_clusters).tolist()
            found.append(
                k_means(
                    collection,
                    uniforms=uniforms,
                    init=given,
                    max_iter=self.max_iter,
                    tol=self.tol,
                    checkpoint=place,
                )
            )
        return min(found, key=lambda clustering: clustering.inertia)

    def _collection_start(self, collection: Collection) -> Tensor | None:
        """Centers that the user gave, (K, n_features), or those at the locations that she gave, or None."""
        if isinstance(self.init, str):
            return None
        given = torch.as_tensor(self.init).cpu()
        first = next(collection.batches(1))
        shape = (self.n_clusters, first.n_features) if given.is_floating_point() else (self.n_clusters,)
        if given.shape != shape:
            raise ValueError(
                f"init has shape {tuple(given.shape)}: for a collection it must be n_clusters={self.n_clusters} "
                f"locations, counted through all images, or centers of {first.n_features} features"
            )
        return given.to(first.maps[0].dtype) if given.is_floating_point() else collection.at(given)

    def _grid(self, first: Tensor, image_size: tuple[int, int] | None) -> tuple[int, int]:
        size = self.size
        if size == "first":
            return first.shape[2], first.shape[3]
        if size == "image":
            if image_size is None:
                raise ValueError("size is 'image': give image_size=(height, width) to fit")
            return image_size
        grid = (size, size) if isinstance(size, int) else size
        if not isinstance(grid, tuple | list) or len(grid) != 2 or any(not isinstance(n, int) or n < 1 for n in grid):
            raise ValueError(f"size is {size!r}: allowed are 'first', 'image', a positive integer, and (height, width)")
        return grid[0], grid[1]

    def _given_starts(self, columns: Hypercolumns) -> Tensor | None:
        """Starts that the user gave, locations (B, K) or centers (B, K, n_features), or None."""
        if isinstance(self.init, str):
            return None
        given = torch.as_tensor(self.init).to(columns.maps[0].device)
        per_location = not given.is_floating_point()
        shared = given.ndim == (1 if per_location else 2)
        init = given.expand(columns.n_images, *given.shape) if shared else given
        expected = (columns.n_images, self.n_clusters) + (() if per_location else (columns.n_features,))
        if init.shape != expected or (per_location and not 0 <= init.min() <= init.max() < columns.n_locations):
            values = f" and values {given.min()} to {given.max()}" if per_location and given.numel() else ""
            raise ValueError(
                f"init has shape {tuple(given.shape)}{values}: it must be n_clusters={self.n_clusters} locations below "
                f"{columns.n_locations}, or centers of {columns.n_features} features, for all images or each"
            )
        return init.long() if per_location else init.to(columns.maps[0])

    def _fit(self, columns: Hypercolumns, n_clusters: int, starts: Tensor | None = None) -> Clustering:
        if starts is not None:
            centers = starts if starts.is_floating_point() else columns.at(starts)
            return renumber(lloyd(columns, centers, self.max_iter, self.tol))
        generator = np.random.default_rng(self.random_state)
        best: Clustering | None = None
        for _ in range(self.n_init):
            uniforms = torch.from_numpy(generator.random(n_clusters)).to(columns.maps[0].device)
            locations = k_means_plus_plus(columns, n_clusters, uniforms.expand(columns.n_images, -1))
            found = lloyd(columns, columns.at(locations), self.max_iter, self.tol)
            best = found if best is None else better(best, found)
        if best is None:
            raise ValueError(f"n_init is {self.n_init}: it is at least 1")
        return renumber(best)

    def _fit_automatic(self, columns: Hypercolumns) -> Clustering:
        inertia = torch.stack([self._fit(columns, k).inertia for k in AUTOMATIC])
        chosen = automatic_n_clusters(inertia)
        results = {int(k): self._fit(columns, int(k)) for k in chosen.unique()}
        width = max(results)
        rows = [row_of(results[int(k)], image, width) for image, k in enumerate(chosen)]
        return Clustering(*(torch.stack(field) for field in zip(*rows, strict=True)))


def _single(activations: Maps | Hypercolumns | Iterable[Maps]) -> Maps | Hypercolumns:
    """One batch of images, or an error that says what takes more."""
    if not isinstance(activations, Mapping | Hypercolumns):
        raise ValueError(
            f"activations is a {type(activations).__name__}: give a mapping from depth to (B, C, h, w); many of them "
            "are for fit with scope='collection', and then predict for each"
        )
    return activations
