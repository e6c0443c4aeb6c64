"""Classes: one clustering over all photos of a class, and how single photos agree with it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
