"""One look for all figures, and how they are saved."""

from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage.color import rgb2gray

from nas import regions
from nas.shards import write_bytes

WIDTH = 7.2  # inches, the text width of a two-column page
INK, MUTED, ACCENT = "#222222", "#6b7280", "#d55e00"
NAMES = {
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "resnet50": "ResNet-50",
    "vgg16": "VGG16",
    "inception_v3": "InceptionV3",
    "convnext_tiny": "ConvNeXt-Tiny",
    "nas_clusters": "NAS clusters",
    "nas_components": "NAS components",
    "slic": "SLIC",
    "felzenszwalb": "Felzenszwalb",
    "gradient": "gradient",
    "input_x_gradient": "input × gradient",
    "integrated_gradients": "integrated gradients",
    "smoothgrad": "SmoothGrad",
    "guided_backprop": "guided backprop",
    "grad_cam": "Grad-CAM",
    "cam": "CAM",
    "lrp": "LRP",
    "rise": "RISE",
    "xrai": "XRAI",
    "lime": "LIME",
    "kernel_shap": "KernelSHAP",
    "random": "random (control)",
    "sobel": "Sobel (control)",
    "center_gaussian": "centre Gaussian",
    "least": "LeRF",
    "most": "MoRF",
    "first": "recipe's grid",
    "image": "image grid",
    "tuned": "tuned on birds",
}


def name(key: object) -> str:
    """Name to print for a network, method or grid."""
    return NAMES.get(str(key), str(key))


def kind_name(kind: object) -> str:
    """Name to print for METHOD.GRID."""
    method, _, grid = str(kind).partition(".")
    return name(method) + ("" if grid in ("", "first") else f" ({name(grid)})")


def use() -> None:
    """Set the style for the figures that follow."""
    sns.set_theme(context="paper", style="ticks", palette="colorblind")
    mpl.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.dpi": 200,
            "savefig.bbox": "tight",
            "savefig.pad_inches": 0.04,
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 7,
            "legend.frameon": False,
            "text.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "nas",
            "svg.fonttype": "none",
        }
    )


def save(figure: Figure, caption: str, stem: Path, photographs: bool = False) -> Path:
    """Write `stem`.png, .svg and the caption as .txt, the same bytes for the same figure; returns the .png.

    Of a page of `photographs` only the .png is written, at fewer dots: a drawing would be larger and no sharper.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    if not photographs:
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Creator": None}, dpi=90)
    figure.savefig(stem.with_suffix(".png"), metadata={"Software": None}, dpi=110 if photographs else 200)
    plt.close(figure)
    write_bytes(stem.with_suffix(".txt"), (" ".join(caption.split()) + "\n").encode())
    return stem.with_suffix(".png")


def nothing(reason: str) -> Figure:
    """A figure that says why there is nothing to show."""
    figure = plt.figure(figsize=(WIDTH, 0.8))
    figure.text(0.5, 0.5, f"Nothing to show: {reason}", ha="center", va="center", color=MUTED)
    return figure


def bare(axes: Axes) -> None:
    """No ticks, no frame: for pictures."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


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
    filled = regions.average(np.moveaxis(photo.astype(np.float32), 2, 0), found)
    large = cv2.resize(np.moveaxis(filled, 0, 2), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    borders = regions.boundaries(np.kron(found, np.ones((2, 2), found.dtype)))
    large[borders] = 255
    return large.round().astype(np.uint8)
