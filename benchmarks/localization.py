"""How much faster one analysis of a map's level sets is than contour searches.

    python benchmarks/localization.py

The protocol searches once for each of 1,000 thresholds (plain); a fair rival does so once for each grey level that
there is (levels). All give the best IoU at every threshold, for a 224 x 224 map and one true box, and the script stops
if they differ in anything. CPU time of one thread, the least of a few runs in turns (of one run for the noise, which is
the worst case: thousands of contours at most thresholds). At least 20 times faster than plain is expected in every row.
"""

import time

import cv2
import numpy as np
from skimage import data, segmentation, transform

from nas.localization import THRESHOLDS, best_ious
from nas.saliency import average, normalize, resize_map
from nas.superpixels import relabel

cv2.setNumThreads(1)
generator = np.random.default_rng(0)
smooth = normalize(resize_map(generator.random((7, 7)), (224, 224)))
photo = transform.resize(data.chelsea(), (224, 224))
superpixels = segmentation.slic(photo, n_segments=100, start_label=0)
superpixelified = normalize(average(smooth, relabel(superpixels)))
noise = normalize(generator.random((224, 224)))


def searched(image: np.ndarray, levels: list[int], contours_used: str) -> np.ndarray:
    """The best IoU with the true box above each of some grey levels, by a search for contours at each."""
    rows = []
    for level in levels:
        _, binary = cv2.threshold(image, level, 255, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        if contours_used == "largest":
            contours = [max(contours, key=cv2.contourArea)]
        x0, y0, width, height = np.array([cv2.boundingRect(contour) for contour in contours]).T
        x1, y1 = np.minimum(x0 + width, 223), np.minimum(y0 + height, 223)
        overlap = np.maximum(np.minimum(x1, 150) - np.maximum(x0, 40) + 1, 0)
        overlap *= np.maximum(np.minimum(y1, 180) - np.maximum(y0, 50) + 1, 0)
        areas = (x1 - x0 + 1) * (y1 - y0 + 1)
        rows.append((overlap / (areas + 111 * 131 - overlap)).max())
    return np.array(rows)


print(f"{'map':>16} {'contours':>8} {'plain':>12} {'levels':>10} {'fast':>10} {'plain/fast':>10} {'levels/fast':>11}")
maps = (("smooth", smooth, 7), ("superpixelified", superpixelified, 7), ("noise", noise, 1))
for name, saliency, rounds in maps:
    image = (saliency * 255).astype(np.uint8)
    thresholds = [int(threshold * image.max()) for threshold in THRESHOLDS]
    levels = np.unique(image)[:-1]
    place = np.searchsorted(levels, thresholds, side="right") - 1
    for contours_used in ("all", "largest"):
        seconds: dict[str, list[float]] = {"plain": [], "levels": [], "fast": []}
        for _ in range(rounds):
            times, found = [time.process_time()], []
            for way in (
                lambda: searched(image, thresholds, contours_used),  # noqa: B023 - called at once
                lambda: searched(image, levels.tolist(), contours_used)[place],  # noqa: B023
                lambda: best_ious(saliency, [[40, 50, 150, 180]], multi_contour=contours_used == "all"),  # noqa: B023
            ):
                found.append(way())
                times.append(time.process_time())
            if not all(np.array_equal(found[0], each) for each in found):
                raise SystemExit(f"{name}, {contours_used} contours: they differ")
            for each, took in zip(seconds.values(), np.diff(times), strict=True):
                each.append(1000 * took)
        plain, fair, quick = (min(runs) for runs in seconds.values())
        print(
            f"{name:>16} {contours_used:>8} {plain:>9.1f} ms {fair:>7.2f} ms {quick:>7.2f} ms {plain / quick:>10.1f} "
            f"{fair / quick:>11.1f}"
        )
