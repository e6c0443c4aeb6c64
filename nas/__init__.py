"""Neuro-Activated Superpixels: segment an image by clustering a classifier's activations, and evaluate it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
