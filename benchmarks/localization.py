"""How much faster one analysis of a map's level sets is than contour searches.

The protocol searches once for each of 1,000 thresholds; a fair rival does so once for each grey level that there is.
All give the best IoU at every threshold, for a 224 x 224 map and one true box, and it is an error if they differ in
anything. CPU time of one thread, the least of a few runs in turns (of one run for the noise, which is the worst case:
thousands of contours at most thresholds).
"""

import time
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data, segmentation, transform

from benchmarks.row import Row
from nas.localization import THRESHOLDS, best_ious
from nas.saliency import average, normalize, resize_map
from nas.superpixels import relabel

X0, Y0, X1, Y1 = BOX = (40, 50, 150, 180)
SIDE = 224


def searched(image: NDArray[np.uint8], levels: list[int], contours_used: str) -> NDArray[np.float64]:
    """The best IoU with the true box above each of some grey levels, by a search for contours at each."""
    rows = []
    for level in levels:
        _, binary = cv2.threshold(image, level, 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        if contours_used == "largest":
            contours = [max(contours, key=cv2.contourArea)]
        x0, y0, width, height = np.array([cv2.boundingRect(contour) for contour in contours]).T
        x1, y1 = np.minimum(x0 + width, SIDE - 1), np.minimum(y0 + height, SIDE - 1)
        overlap = np.maximum(np.minimum(x1, X1) - np.maximum(x0, X0) + 1, 0)
        overlap *= np.maximum(np.minimum(y1, Y1) - np.maximum(y0, Y0) + 1, 0)
        areas = (x1 - x0 + 1) * (y1 - y0 + 1)
        rows.append((overlap / (areas + (X1 - X0 + 1) * (Y1 - Y0 + 1) - overlap)).max())
    return np.array(rows)


def measure(quick: bool) -> Iterator[Row]:
    """Maps by which contours count, against both rivals."""
    cv2.setNumThreads(1)
    generator = np.random.default_rng(0)
    smooth = normalize(resize_map(generator.random((7, 7)), (SIDE, SIDE)))
    superpixels = segmentation.slic(transform.resize(data.chelsea(), (SIDE, SIDE)), n_segments=100, start_label=0)
    maps = {"smooth": (smooth, 7), "in superpixels": (normalize(average(smooth, relabel(superpixels))), 7)}
    maps |= {} if quick else {"noise": (normalize(generator.random((SIDE, SIDE))), 1)}
    for name, (saliency, rounds) in maps.items():
        image = (saliency * 255).astype(np.uint8)
        thresholds = [int(threshold * image.max()) for threshold in THRESHOLDS]
        levels = np.unique(image)[:-1]
        place = np.searchsorted(levels, thresholds, side="right") - 1
        for contours_used in ("all", "largest"):
            plain = partial(searched, image, thresholds, contours_used)
            fair = partial(searched, image, levels.tolist(), contours_used)
            fast = partial(best_ious, saliency, [list(BOX)], multi_contour=contours_used == "all")
            times = []
            for _ in range(1 if quick else rounds):
                ticks, found = [time.process_time()], []
                for way in (plain, fair, fast):
                    found.append(way())
                    ticks.append(time.process_time())
                if not (np.array_equal(found[0], found[1][place]) and np.array_equal(found[0], found[2])):
                    raise SystemExit(f"{name}, {contours_used} contours: they differ")
                times.append(1000 * np.diff(ticks))
            slow, level, quickest = np.min(times, axis=0)
            case = f"{name}, {contours_used} contours"
            yield Row("localization", case, quickest, slow, "ms", "a search per threshold", "equal")
            yield Row("localization", case, quickest, level, "ms", "a search per grey level", "equal")
