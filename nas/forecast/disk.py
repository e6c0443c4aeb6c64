"""How much disk the maps of a data set take, before they are computed."""

from collections.abc import Mapping

BYTES = {"float32": 4, "float16": 2}
Shape = tuple[int, int, int]


def bytes_of_activations(
    shapes: Mapping[int, Shape], size: int, n_classes: int, precision: str = "float32", cache: bool = True
) -> int:
    """Bytes that the stage activations stores of one photo: maps, the view and the logits of two views.

    Parameters
    ----------
    shapes : depth to channels, height and width
    size : side of the view, in pixels
    n_classes : number of logits
    precision : "float32" or "float16", of the maps
    cache : whether maps are stored at all
    """
    values = sum(channels * height * width for channels, height, width in shapes.values())
    return cache * values * BYTES[precision] + 3 * size**2 + 2 * n_classes * BYTES["float32"]


def bytes_of_superpixels(n_maps: int, size: int) -> int:
    """Bytes that the stage superpixels stores of one photo: label maps in 16 bits."""
    return n_maps * size**2 * 2


def bytes_of_saliency(n_methods: int, size: int) -> int:
    """Bytes, at most, that the stage saliency stores of one photo: a float32 map per method and each of two classes.

    Maps of activation methods are stored at their own, smaller size.
    """
    return 2 * n_methods * size**2 * BYTES["float32"]
