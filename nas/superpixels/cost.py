"""How much disk the label maps of a photo take."""


def bytes_of_superpixels(n_maps: int, size: int) -> int:
    """Bytes that the stage superpixels stores of one photo: label maps in 16 bits."""
    return n_maps * size**2 * 2
