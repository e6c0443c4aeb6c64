"""Storage: files that are whole or absent, tables, shards, and the engine that runs a function over photos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
