from . import (
    claims,
    classes,
    data,
    localization,
    networks,
    parameters,
    relevance,
    report,
    saliency,
    semantics,
    statistics,
    store,
    superpixels,
)
from .data import read_image
from .networks import Classifier, load_classifier
from .superpixels import NeuroActivatedSuperpixels

__version__: str

__all__ = [
    "Classifier",
    "NeuroActivatedSuperpixels",
    "claims",
    "classes",
    "data",
    "load_classifier",
    "localization",
    "networks",
    "parameters",
    "read_image",
    "relevance",
    "report",
    "saliency",
    "semantics",
    "statistics",
    "store",
    "superpixels",
]
