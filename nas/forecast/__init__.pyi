from .disk import bytes_of_activations, bytes_of_saliency
from .time import seconds_of_curve, seconds_of_maps, seconds_of_pass

__all__ = [
    "bytes_of_activations",
    "bytes_of_saliency",
    "seconds_of_curve",
    "seconds_of_maps",
    "seconds_of_pass",
]
