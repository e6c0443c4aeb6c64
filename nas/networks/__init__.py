"""Networks: by name, with their depths, heads, forward passes, and stored activations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
