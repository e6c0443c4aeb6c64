"""Relevance: curves of what a network still sees when parts go, their areas, and how settings agree."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
