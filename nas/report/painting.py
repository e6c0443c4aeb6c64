"""Label maps as pictures."""

from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2gray

from nas.saliency import average
from nas.superpixels import regions


def by_luminance(labels: NDArray[Any], photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Colour each region by the rank of its mean luminance in the photo: (H, W, 3) in [0, 1].

    A sequential map (viridis) keeps any number of regions apart for every reader, and bright parts of the photo
    stay bright.
    """
    contiguous = regions.relabel(labels)
    luminance = regions.means(rgb2gray(photo), contiguous)
    ranks = luminance.argsort(kind="stable").argsort(kind="stable")
    colours = mpl.colormaps["viridis"](np.linspace(0, 1, len(ranks)))[:, :3]
    painted: NDArray[np.float64] = colours[ranks][contiguous]
    return painted


def mean_colour(found: NDArray[Any], photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each region filled with its mean colour, borders in white: (2H, 2W, 3) uint8, so that borders stay thin."""
    filled = average(np.moveaxis(photo.astype(np.float32), 2, 0), found)
    large = cv2.resize(np.moveaxis(filled, 0, 2), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    borders = regions.boundaries(np.kron(found, np.ones((2, 2), found.dtype)))
    large[borders] = 255
    return large.round().astype(np.uint8)
