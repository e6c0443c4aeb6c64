from .agreement import SETTING, differences, scores_of
from .areas import area
from .cost import seconds_of_curve
from .curves import relevance_curve, relevance_curves
from .evaluation import Inputs, Settings, curve_photos, read_photo, to_rank
from .orders import SIMPLE
from .steps import compare_steps, read_counts
from .steps_summary import STEPS_COLUMNS, steps_summaries
from .summary import summaries

__all__ = [
    "SETTING",
    "SIMPLE",
    "STEPS_COLUMNS",
    "Inputs",
    "Settings",
    "area",
    "compare_steps",
    "curve_photos",
    "differences",
    "read_counts",
    "read_photo",
    "relevance_curve",
    "relevance_curves",
    "scores_of",
    "seconds_of_curve",
    "steps_summaries",
    "summaries",
    "to_rank",
]
