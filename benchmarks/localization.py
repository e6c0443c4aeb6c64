"""How much faster one analysis of a map's level sets is than one contour search for each of 1,000 thresholds.

    python benchmarks/localization.py

Both give the best IoU at every threshold, for a 224 x 224 map and one true box, and the script stops if they
differ in anything. CPU time of one thread, the least of a few runs in turns (of one run for the noise, which is
the worst case: thousands of contours at most thresholds). At least 20 times faster is expected in every row.
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

print(f"{'map':>16} {'contours':>8} {'plain':>12} {'fast':>10} {'ratio':>6}")
for name, saliency, rounds in (("smooth", smooth, 7), ("superpixelified", superpixelified, 7), ("noise", noise, 1)):
    for contours_used in ("all", "largest"):
        seconds: dict[str, list[float]] = {"plain": [], "fast": []}
        for _ in range(rounds):
            start = time.process_time()
            image = (saliency * 255).astype(np.uint8)
            rows = []
            for threshold in THRESHOLDS:
                _, binary = cv2.threshold(image, int(threshold * image.max()), 255, cv2.THRESH_BINARY)
                contours, _ = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
                if contours_used == "largest":
                    contours = [max(contours, key=cv2.contourArea)]
                boxes = [cv2.boundingRect(contour) for contour in contours]
                x0, y0, width, height = np.array(boxes).T
                x1, y1 = np.minimum(x0 + width, 223), np.minimum(y0 + height, 223)
                overlap = np.maximum(np.minimum(x1, 150) - np.maximum(x0, 40) + 1, 0)
                overlap *= np.maximum(np.minimum(y1, 180) - np.maximum(y0, 50) + 1, 0)
                areas = (x1 - x0 + 1) * (y1 - y0 + 1)
                rows.append((overlap / (areas + 111 * 131 - overlap)).max())
            middle = time.process_time()
            fast = best_ious(saliency, [[40, 50, 150, 180]], multi_contour=contours_used == "all")
            end = time.process_time()
            if not np.array_equal(rows, fast):
                raise SystemExit(f"{name}, {contours_used} contours: the two differ")
            seconds["plain"].append(middle - start)
            seconds["fast"].append(end - middle)
        plain, quick = (1000 * min(runs) for runs in seconds.values())
        print(f"{name:>16} {contours_used:>8} {plain:>9.1f} ms {quick:>7.2f} ms {plain / quick:>6.1f}")
