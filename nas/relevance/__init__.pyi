from .agreement import SETTING, differences, scores_of
from .areas import area
from .cost import seconds_of_curve
from .curves import relevance_curve, relevance_curves
from .evaluation import Inputs, Settings, curve_photos, read_photo, to_rank
from .orders import SIMPLE
from .summary import summaries

__all__ = [
    "SETTING",
    "SIMPLE",
    "Inputs",
    "Settings",
    "area",
    "curve_photos",
    "differences",
    "read_photo",
    "relevance_curve",
    "relevance_curves",
    "scores_of",
    "seconds_of_curve",
    "summaries",
    "to_rank",
]
