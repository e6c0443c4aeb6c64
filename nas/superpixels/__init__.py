"""Superpixels: NAS and their rivals, regions and their measures, the ablation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
