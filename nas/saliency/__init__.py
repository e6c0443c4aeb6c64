"""Saliency: one map per image that says where a classifier found evidence for a class; averages in regions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
