from .boxes import check_boxes, resize_boxes
from .catalogue import DATASETS
from .images import read_image
from .label_maps import IGNORED, resize_labels, shows_object
from .preparing import BASE, mirrored, prepare, split_of
from .records import TRAIN, Record, is_prepared, read_records
from .rules import Rules
from .sources import Https, Pypi, SourceError
from .taken import Taken, read_taken
from .truth import truth_in_words, truth_of

__all__ = [
    "BASE",
    "DATASETS",
    "IGNORED",
    "TRAIN",
    "Https",
    "Pypi",
    "Record",
    "Rules",
    "SourceError",
    "Taken",
    "check_boxes",
    "is_prepared",
    "mirrored",
    "prepare",
    "read_image",
    "read_records",
    "read_taken",
    "resize_boxes",
    "resize_labels",
    "shows_object",
    "split_of",
    "truth_in_words",
    "truth_of",
]
