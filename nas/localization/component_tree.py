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
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.localization.part_history import History, Table, history_of

Indices = NDArray[np.intp]
Levels = NDArray[np.int16]
NOWHERE = np.iinfo(np.int32).max


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
            Each part once, from the highest threshold down: basin b stands for a part of its own at
            saddle <= t < summit.
        """
        return self._history.basins, self._history.thresholds

    def extents(self) -> Table:
        """Box around each part: least x, least y, greatest x and greatest y of its pixels.

        Returns
        -------
        int32 array, shape (n_parts, 4)
            In the order of `parts`. Not valid for a part that is open to a bright frame.
        """
        height, width = self.levels.shape
        # a pixel lies in the same part as a peak of its column, which has the same x; so with rows and y
        _, column_peaks = _turns(self.levels.T.ravel())
        x, y = np.divmod(column_peaks, height)
        table = self._table(4, NOWHERE)
        for axis, pixels, line in ((0, y * width + x, x), (1, self.peaks, self.peaks // width)):
            cells = self._cells(self._basins_of(pixels), self.levels.take(pixels))
            np.minimum.at(table[axis], cells, line.astype(np.int32))
            np.minimum.at(table[axis + 2], cells, -line.astype(np.int32))
        self._history.hand_down(table, np.minimum, NOWHERE)
        table[2:] *= -1
        return table[:, :-1].T

    def first_pixels(self) -> Table:
        """First pixel of each part, counted in reading order: int32, shape (n_parts,), in the order of `parts`."""
        table = self._table(1, NOWHERE)
        pixels = np.arange(self.levels.size, dtype=np.int32)
        np.minimum.at(table[0], self._cells(self.basins.ravel(), self.levels.ravel()), pixels)
        self._history.hand_down(table, np.minimum, NOWHERE)
        return table[0, :-1]

    def totals(self, basins: NDArray[np.int32], *marks: Levels) -> Table:
        """Number of marks in each part; a mark at a basin and a level is in the parts above all t < level.

        Parameters
        ----------
        basins : int32 array
        *marks : int16 arrays of the same shape
            Levels, one mark for each.

        Returns
        -------
        int32 array, shape (n_parts,)
            In the order of `parts`.
        """
        size = int(self.summits[-1]) + 1
        counts = np.zeros(len(self.summits) * size, np.intp)
        for levels in marks:
            counts += np.bincount((basins * size + levels).ravel(), minlength=len(counts))
        marked = np.flatnonzero(counts)
        table = self._table(1, 0)
        np.add.at(table[0], self._cells(*np.divmod(marked, size)), counts[marked].astype(np.int32))
        self._history.hand_down(table, np.add, 0)
        return table[0, :-1]

    @cached_property
    def _history(self) -> History:
        return history_of(self.summits.astype(np.intp), self.saddles.astype(np.intp), self.parents)

    def _basins_of(self, pixels: Indices) -> NDArray[np.int32]:
        return self.basin_of_run.take(self.run_of_pixel.take(pixels))

    def _cells(self, basins: NDArray[Any], levels: NDArray[Any]) -> Indices:
        """Number of the smallest part that pixels of some basins and levels are in; of pixels of level 0 the last."""
        found = np.full(len(basins), len(self._history.basins))
        above = np.flatnonzero(levels > 0)
        found[above] = self._history.find(basins.take(above).astype(np.intp), levels.take(above).astype(np.intp) - 1)
        return found

    def _table(self, n_rows: int, empty: int) -> Table:
        """One column for each part, and a last one that stays empty."""
        return np.full((n_rows, len(self._history.basins) + 1), empty, np.int32)


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
