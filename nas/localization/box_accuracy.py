"""Weakly supervised object localization, scored as Choe et al. 2020 do (arXiv 2001.07437, 2007.04178).

The numbers are those of the public ``wsolevaluation`` code on the same maps, as fractions of 1 instead of
percentages. The order of work:

1. `nas.saliency.resize_map` to the evaluation size, then `normalize`; true boxes go through `nas.data.resize_boxes`;
2. `BoxAccuracy` for images with boxes, `PixelAveragePrecision` for images with masks, one image at a time;
3. scores at the one threshold that is best for the whole data set. (The best threshold of each image would be
   an oracle; nothing here computes it.)
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.localization.boxes import best_ious
from nas.saliency import Size, check_map

V2_IOUS = (0.3, 0.5, 0.7)


class BoxAccuracy:
    """Box accuracy over a data set.

    BoxAcc(t, d) is the share of images whose best IoU at threshold t is at least d. One t serves all images;
    it is chosen for each d, on the images that are scored. MaxBoxAcc is `score` at d = 0.5 with `multi_contour` False,
    MaxBoxAccV2 the mean of `score` over `V2_IOUS` with it.

    Parameters
    ----------
    multi_contour : bool
        Boxes around all contours, or around the largest only (see `best_ious`).
    size : (height, width)
        Evaluation size, of maps and boxes.

    Attributes
    ----------
    best_ious_ : float32 array, shape (n_images, 1000)
        At each of `THRESHOLDS`. Precise enough for an exact comparison with any d in tenths, up to a size of
        1000 x 1000.

    Examples
    --------
    >>> from nas.saliency import center_gaussian
    >>> accuracy = BoxAccuracy(size=(32, 32))
    >>> accuracy.update(center_gaussian((32, 32)), [[8, 8, 23, 23]])
    >>> accuracy.score(0.7)
    1.0
    """

    def __init__(self, multi_contour: bool = True, size: Size = (224, 224)) -> None:
        self.multi_contour = multi_contour
        self.size = size
        self._rows: list[NDArray[np.float32]] = []

    def update(self, saliency: ArrayLike, boxes: ArrayLike) -> None:
        """Score one image.

        Parameters
        ----------
        saliency : array, of shape `size`, in [0, 1]
        boxes : array, shape (n_boxes, 4)
            True boxes, x0, y0, x1, y1 in pixels at the evaluation size (see `nas.data.resize_boxes`).

        Raises
        ------
        ValueError
            For a map of another size or range, no box, and a box that leaves the image or is inside out.
        """
        row = best_ious(check_map(saliency, self.size), boxes, multi_contour=self.multi_contour)
        self._rows.append(row.astype(np.float32))

    @property
    def best_ious_(self) -> NDArray[np.float32]:
        if not self._rows:
            raise ValueError("no image was scored; call update(saliency, boxes) for each image first")
        return np.stack(self._rows)

    def score(self, iou: float) -> float:
        """BoxAcc at the best threshold for hits of at least this IoU, in [0, 1]."""
        return float(hits_of(self.best_ious_, iou).mean(0).max())


def hits_of(best_ious: ArrayLike, iou: float) -> NDArray[np.bool_]:
    """Where the best IoU, float32, is at least `iou`."""
    return np.asarray(np.asarray(best_ious, np.float32) >= np.float32(iou))
