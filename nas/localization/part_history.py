"""What becomes of the basins of a grey image as a threshold sweeps down: parts that live, and are absorbed.

A basin is a part of its own from its summit down to its saddle, and then in the part of the basin that absorbed it.
Only the parts that there are take memory, and not every basin at every threshold.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Table = NDArray[np.int32]
NEVER = -1


@dataclass(frozen=True)
class History:
    """The parts of all level sets, from the highest threshold down, at each in ascending order of their basins.

    Attributes
    ----------
    basins, thresholds : intp arrays, shape (n_parts,), the name of each part, see `ComponentTree.parts`
    place, starts : where the part of a basin at its k-th threshold from above is: place[starts[basin] + k]
    summits, saddles, parents : of the basins, see `ComponentTree`
    """

    basins: Indices
    thresholds: Indices
    place: Indices
    starts: Indices
    summits: Indices
    saddles: Indices
    parents: Indices

    @cached_property
    def absorbing(self) -> Indices:
        """The part at the next threshold below that takes in the last part of a basin; -1 of all other parts."""
        ends = np.flatnonzero(self.saddles[:-1] > 0)
        absorbing = np.full(len(self.place), NEVER)
        absorbing[self.find(ends, self.saddles[ends])] = self.find(ends, self.saddles[ends] - 1)
        return absorbing

    def find(self, basins: Indices, thresholds: Indices) -> Indices:
        """The parts that some basins are in at some thresholds, below their summits.

        Whoever was absorbed is in the part of whom it was absorbed by.
        """
        basins = basins.copy()
        late = np.flatnonzero(self.saddles[basins] > thresholds)
        while late.size:
            basins[late] = self.parents[basins[late]]
            late = late[self.saddles[basins[late]] > thresholds[late]]
        found: Indices = self.place[self.starts[basins] + self.summits[basins] - 1 - thresholds]
        return found

    def hand_down(self, table: Table, combine: np.ufunc, empty: int) -> None:
        """Turn what has entered at each part, in place, into what all parts hold that lie in it.

        Parameters
        ----------
        table : int32 array, shape (n_rows, n_parts + 1); what has entered in the last column is in no part
        combine : np.minimum or np.add
        empty : what changes nothing when it is combined
        """
        table[:, -1] = empty
        edges = np.flatnonzero(np.diff(self.thresholds, prepend=NEVER, append=NEVER))
        by = self._by_basin if len(self.summits) < len(edges) else self._by_threshold  # whatever is fewer steps
        by(table, combine, edges)

    def _by_basin(self, table: Table, combine: np.ufunc, _edges: Indices) -> None:
        ends = [*self.starts[1:].tolist(), len(self.place)]
        for start, end in zip(self.starts.tolist(), ends, strict=True):
            parts = self.place[start:end]
            held = combine.accumulate(table[:, parts], axis=1)
            table[:, parts] = held
            if end > start and (into := self.absorbing[parts[-1]]) != NEVER:
                table[:, into] = combine(table[:, into], held[:, -1])

    def _by_threshold(self, table: Table, combine: np.ufunc, edges: Indices) -> None:
        n_parts = len(self.basins)
        before = np.empty(n_parts, np.intp)  # the part of the same basin at the threshold above, if it was there
        before[self.place[1:]] = self.place[:-1]
        before[self.place[self.starts[self.starts < n_parts]]] = n_parts
        absorbed = np.flatnonzero(self.absorbing != NEVER)
        absorbed = absorbed[np.argsort(self.absorbing[absorbed], kind="stable")]
        absorbing = self.absorbing[absorbed]
        joints = np.searchsorted(absorbing, edges).tolist()
        steps = edges.tolist()
        for start, end, first, last in zip(steps, steps[1:], joints, joints[1:], strict=False):
            combine(table[:, start:end], table[:, before[start:end]], out=table[:, start:end])
            if last > first:
                for row in table:
                    combine.at(row, absorbing[first:last], row[absorbed[first:last]])


def history_of(summits: Indices, saddles: Indices, parents: Indices) -> History:
    """The history of basins, see `ComponentTree`; all intp arrays of shape (n,)."""
    lives = summits - saddles  # thresholds at which a basin stands for a part of its own
    starts = np.cumsum(lives) - lives
    basins = np.repeat(np.arange(len(lives)), lives)
    n_parts = len(basins)
    thresholds = summits[basins] - 1 - (np.arange(n_parts) - starts[basins])
    order = np.argsort(-thresholds.astype(np.int16), kind="stable")  # 16 bits are sorted by digits
    place = np.empty_like(order)
    place[order] = np.arange(n_parts)
    return History(basins[order], thresholds[order], place, starts, summits, saddles, parents)
