"""Component trees: the connected parts of every level set of a grey image, found at once.

A threshold that sweeps down over an image uncovers the summits of the grey landscape first; the parts
around them grow, and where two parts meet at a saddle, the one with the lower summit is absorbed by the
other. The history of all thresholds is therefore a forest of *basins*, one per summit: the max-tree of
Salembier et al. 1998 (doi 10.1109/83.663500), written down by the elder rule of persistent homology. It
replaces one search for connected parts per threshold: the image is read a fixed number of times, however
many thresholds there are.

The image is first cut, row after row, into *runs* that rise to a peak and fall to the next valley. Whatever
is left of a run above a threshold is connected through its peak, so a graph of runs takes the place of a
graph of pixels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.intp]
Levels = NDArray[np.int16]
Table = NDArray[np.int16 | np.int32]


@dataclass(frozen=True)
class ComponentTree:
    """Basins of a grey image, numbered in ascending order of their summits.

    Attributes
    ----------
    levels : int16 array, shape (H, W)
        The image.
    peaks : intp array, shape (n_peaks,)
        Pixels, counted in reading order, that are peaks of their row, one for each plateau.
    run_of_pixel : intp array, shape (H * W,)
    basin_of_run : int32 array, shape (n_runs,)
        Basin of each run, 0 to n - 1. At every threshold below its own level, a pixel lies in the same part
        as the summit of the basin of its run.
    summits : int16 array, shape (n,)
        Level of each summit.
    saddles : int16 array, shape (n,)
        Level at which each basin is absorbed, lower than its summit; 0 for the last one, which never is.
    parents : intp array, shape (n,)
        The basin that absorbs it, of a higher number; the last one is its own parent.
    """

    levels: Levels
    peaks: Indices
    run_of_pixel: Indices
    basin_of_run: NDArray[np.int32]
    summits: Levels
    saddles: Levels
    parents: Indices

    @cached_property
    def basins(self) -> NDArray[np.int32]:
        """Basin of each pixel, int32, shape (H, W)."""
        return self.basin_of_run.take(self.run_of_pixel).reshape(self.levels.shape)

    def parts(self) -> tuple[Indices, Indices]:
        """Every part of every level set {pixels > t}, t >= 0, named by its highest basin.

        Returns
        -------
        basins, thresholds : intp arrays, shape (n_parts,)
            Each part once: basin b stands for a part of its own at saddle <= t < summit.
        """
        thresholds = np.arange(self.summits[-1])
        alone = (self.saddles[:, None] <= thresholds) & (thresholds < self.summits[:, None])
        basins, above = np.nonzero(alone)
        return basins, above

    def extents(self) -> Table:
        """Box around each part.

        Returns
        -------
        int16 array (int32 for sides beyond 32767), shape (n, 4, n_thresholds)
            At [b, :, t] the least x, least y, greatest x and greatest y of the pixels in the part of basin b
            above t. Valid where `parts` has (b, t), but for a part that is open to a bright frame.
        """
        height, width = self.levels.shape
        # a pixel lies in the same part as a peak of its column, which has the same x; so with rows and y
        _, column_peaks = _turns(self.levels.T.ravel())
        x, y = np.divmod(column_peaks, height)
        table = self._table(4, np.int16 if max(height, width) < 2**15 else np.int32)
        for axis, pixels, line in ((0, y * width + x, x), (1, self.peaks, self.peaks // width)):
            self._enter(table, axis, pixels, line)
            self._enter(table, axis + 2, pixels, -line)
        self._hand_down(table, np.minimum)
        table[:, 2:] *= -1
        return table[..., 1:]

    def first_pixels(self) -> Table:
        """First pixel of each part, counted in reading order.

        Returns
        -------
        int32 array, shape (n, n_thresholds)
            Valid where `parts` has (b, t).
        """
        table = self._table(1, np.int32)
        pixels = np.arange(self.levels.size)
        self._enter(table, 0, pixels, pixels)
        self._hand_down(table, np.minimum)
        return table[:, 0, 1:]

    def totals(self, basins: NDArray[np.int32], *marks: Levels) -> Table:
        """Number of marks in each part; a mark at a basin and a level is in the parts above all t < level.

        Parameters
        ----------
        basins : int32 array
        *marks : int16 arrays of the same shape
            Levels, one mark for each.

        Returns
        -------
        int32 array, shape (n, n_thresholds)
            Valid where `parts` has (b, t).
        """
        n, size = len(self.summits), int(self.summits[-1]) + 1
        counts = np.zeros(n * size, np.intp)
        for levels in marks:
            cells = basins * size
            cells += levels
            counts += np.bincount(cells.ravel(), minlength=n * size)
        table = counts.astype(np.int32).reshape(n, 1, size)
        self._hand_down(table, np.add)
        return table[:, 0, 1:]

    def _table(self, n_values: int, kind: type[np.int16] | type[np.int32]) -> Table:
        shape = (len(self.summits), n_values, int(self.summits[-1]) + 1)
        return np.full(shape, np.iinfo(kind).max, kind)

    def _enter(self, table: Table, row: int, pixels: Indices, values: Indices) -> None:
        """Enter values of pixels at their basins and levels, and keep the least."""
        _, n_values, size = table.shape
        basins = self.basin_of_run.take(self.run_of_pixel.take(pixels)).astype(np.intp)
        cells = (basins * n_values + row) * size + self.levels.take(pixels)
        np.minimum.at(table.reshape(-1), cells, values.astype(table.dtype))

    def _hand_down(self, table: Table, combine: np.ufunc) -> None:
        """Turn entries of single levels, in place, into those of all levels from there up, absorbed basins
        included."""
        downwards = table[..., ::-1]
        combine.accumulate(downwards, axis=-1, out=downwards)
        ends = self.saddles.astype(np.intp) + 1
        for basin, (parent, end) in enumerate(zip(self.parents[:-1].tolist(), ends.tolist(), strict=False)):
            joint = table[parent, :, :end]
            combine(joint, table[basin, :, :end], out=joint)


def component_tree(levels: ArrayLike, connectivity: int, outside: int) -> ComponentTree:
    """Component tree of the level sets {pixels > t}, t >= 0.

    Parameters
    ----------
    levels : int array, shape (H, W)
        Grey levels, 0 to 32766.
    connectivity : {4, 8}
        Neighbours of a pixel: those that share a side, or also those that share a corner.
    outside : int
        Level of the frame, one pixel wide, that is laid around the image. 0 leaves the parts as they are; a
        level above all others joins everything that touches the border to the last basin.

    Returns
    -------
    ComponentTree
        Of the framed image, shape (H + 2, W + 2).
    """
    levels = np.asarray(levels)
    framed = np.full((levels.shape[0] + 2, levels.shape[1] + 2), outside, np.int16)
    framed[1:-1, 1:-1] = levels
    flat = framed.ravel()

    valleys, peaks = _turns(flat)
    starts = np.append(0, valleys)
    tops = np.maximum.reduceat(flat, starts)
    ascending = np.argsort(tops, kind="stable")
    summits = tops[ascending]
    rank = np.empty_like(ascending)
    rank[ascending] = np.arange(len(starts))
    run_of_pixel = rank.repeat(np.diff(starts, append=flat.size))

    here, there, height = _passes(flat, framed.shape[1], starts, connectivity)
    parents, saddles = _absorb(len(starts), run_of_pixel.take(here), run_of_pixel.take(there), height)

    # a run that is absorbed at its own peak is a shoulder or a piece of a plateau, never a part of its own
    real = saddles < summits
    real[-1] = True
    heirs = _chase(np.where(real, np.arange(len(starts)), parents))
    basin_of_run = (np.cumsum(real, dtype=np.int32) - 1)[heirs]
    parents = basin_of_run[parents[real]].astype(np.intp)
    return ComponentTree(framed, peaks, run_of_pixel, basin_of_run, summits[real], saddles[real], parents)


def _turns(flat: Levels) -> tuple[Indices, Indices]:
    """Last pixel of each valley, and of each peak, of a row of levels; its two ends are neither."""
    steps = np.flatnonzero(flat[1:] != flat[:-1])
    rises = (flat[1:] > flat[:-1]).take(steps)
    turns = steps.take(np.flatnonzero(rises[1:] != rises[:-1]) + 1)
    first = int(rises[:1].sum())  # a row that starts with a rise turns at a peak first
    return turns[first::2], turns[1 - first :: 2]


def _passes(flat: Levels, width: int, starts: Indices, connectivity: int) -> tuple[Indices, Indices, Levels]:
    """Neighbouring pixels where runs meet, as pairs, and the lower level of each pair.

    Of two runs that lie along each other in two rows, each common stretch gives its highest pair.
    """
    left, right = starts[1:] - 1, starts[1:]
    # no valley lies in the first row, which is frame
    along = np.sort(np.concatenate((starts, starts[1:] - width)))
    along = along[(np.diff(along, prepend=-1) > 0) & (along < flat.size - width)]
    here, there = [left, along], [right, along + width]
    above, below = flat[:-width], flat[width:]
    height = [np.minimum(flat[left], flat[right]), np.maximum.reduceat(np.minimum(above, below), along)]
    if connectivity == 8:
        # a diagonal pair adds something only where it is higher than both pixels beside it
        falling = np.minimum(above[:-1], below[1:])
        rising = np.minimum(above[1:], below[:-1])
        for pair, beside, a, b in (
            (falling, np.maximum(above[1:], below[:-1]), 0, width + 1),
            (rising, np.maximum(above[:-1], below[1:]), 1, width),
        ):
            squares = np.flatnonzero(pair > beside)
            here.append(squares + a)
            there.append(squares + b)
            height.append(pair[squares])
    return np.concatenate(here), np.concatenate(there), np.concatenate(height)


def _absorb(n: int, a: Indices, b: Indices, height: Levels) -> tuple[Indices, Levels]:
    """Parents and saddles of n runs, in ascending order of their peaks, that meet at passes (a, b, height).

    A run stands alone above its highest pass. If that leads to a higher peak, the run is absorbed there and
    hands its other passes over; if not, it waits for the next round, as in Boruvka's spanning tree.
    """
    parents, saddles = np.arange(n), np.zeros(n, np.int16)
    while a.size:
        best = np.full(n, -1, np.intp)
        above = height.astype(np.intp) * n
        np.maximum.at(best, a, above + b)
        np.maximum.at(best, b, above + a)
        level, partner = np.divmod(best, n)
        absorbed = np.flatnonzero((best >= 0) & (partner > np.arange(n)))
        parents[absorbed], saddles[absorbed] = partner[absorbed], level[absorbed]
        heirs = np.arange(n)
        heirs[absorbed] = partner[absorbed]
        heirs = _chase(heirs)
        a, b = heirs.take(a), heirs.take(b)
        apart = np.flatnonzero(a != b)
        a, b, height = a.take(apart), b.take(apart), height.take(apart)
    return parents, saddles


def _chase(pointers: Indices) -> Indices:
    """Follow pointers to their ends, doubling the stride."""
    while True:
        ends = pointers.take(pointers)
        pointers = ends.take(ends)
        if np.array_equal(pointers, ends):
            return ends
