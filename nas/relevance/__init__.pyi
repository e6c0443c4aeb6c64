from .agreement import GAIN, SETTING, Scores, differences, directions, scores_of, with_gains
from .areas import area, removable_shares
from .cost import seconds_of_curve
from .curves import relevance_curve, relevance_curves
from .evaluation import Inputs, Settings, curve_photos, read_photo, to_rank
from .orders import SIMPLE
from .steps import compare_steps, read_counts
from .steps_summary import STEPS_COLUMNS, steps_summaries
from .summary import summaries

__all__ = [
    "GAIN",
    "SETTING",
    "SIMPLE",
    "STEPS_COLUMNS",
    "Inputs",
    "Scores",
    "Settings",
    "area",
    "compare_steps",
    "curve_photos",
    "differences",
    "directions",
    "read_counts",
    "read_photo",
    "relevance_curve",
    "relevance_curves",
    "removable_shares",
    "scores_of",
    "seconds_of_curve",
    "steps_summaries",
    "summaries",
    "to_rank",
    "with_gains",
]
