from .box_accuracy import BoxAccuracy
from .boxes import THRESHOLDS, best_ious
from .by_photo import photo_values
from .evaluation import LOCALIZATION_COLUMNS, locate_photos, located, to_locate
from .pixel_precision import PixelAveragePrecision
from .scores import MEAN, summaries

__all__ = [
    "LOCALIZATION_COLUMNS",
    "MEAN",
    "THRESHOLDS",
    "BoxAccuracy",
    "PixelAveragePrecision",
    "best_ious",
    "locate_photos",
    "located",
    "photo_values",
    "summaries",
    "to_locate",
]
