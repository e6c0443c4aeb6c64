"""Semantics: saliency scored against clusters of a class that are tagged as object."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
