"""Neuro-Activated Superpixels: segment an image by clustering a classifier's activations, and evaluate it."""

from importlib.metadata import PackageNotFoundError, version

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
try:
    __version__ = version("neuro-activated-superpixels")
except PackageNotFoundError:  # a copy of the folder, not installed
    __version__ = "0+unknown"
