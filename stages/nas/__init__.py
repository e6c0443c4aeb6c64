"""Neuro-Activated Superpixels: segment an image by clustering a classifier's activations, and evaluate it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.classifiers import Classifier, load_classifier
    from nas.images import read_image
    from nas.superpixels import NeuroActivatedSuperpixels

_PUBLIC = {
    "Classifier": "nas.classifiers",
    "load_classifier": "nas.classifiers",
    "read_image": "nas.images",
    "NeuroActivatedSuperpixels": "nas.superpixels",
}
_MODULES = ("agreement", "images", "regions", "statistics")

__all__ = [
    "Classifier",
    "NeuroActivatedSuperpixels",
    "load_classifier",
    "read_image",
]


def __getattr__(name: str) -> Any:
    """Import on first use: `import nas` stays fast, and a stage loads only what it uses."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _MODULES:
        return import_module(f"nas.{name}")
    raise AttributeError(f"module 'nas' has no attribute {name!r}")
