"""Data: photos and what is known of them, a module per data set, and where files come from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
