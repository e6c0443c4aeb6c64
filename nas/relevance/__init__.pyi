from .agreement import SETTING, differences, scores_of
from .areas import area
from .curves import relevance_curve, relevance_curves
from .evaluation import Inputs, Settings, curve_photos, read_photo
from .orders import removal_order
from .replacements import channel_mean
from .summary import summaries

__all__ = [
    "SETTING",
    "Inputs",
    "Settings",
    "area",
    "channel_mean",
    "curve_photos",
    "differences",
    "read_photo",
    "relevance_curve",
    "relevance_curves",
    "removal_order",
    "scores_of",
    "summaries",
]
