from .averaging import RAW, average
from .contrast import auroc, auroc_against_mask, check_pair, ranking_scores
from .convergence import compare_counts, counted
from .cost import bytes_of_saliency, seconds_of_maps
from .explaining import explain
from .maps import Size, center_gaussian, check_map, normalize, quantize, resize_map
from .methods import CONTROLS, GAUSSIAN, METHODS, TARGETS, check_parameters, with_maps
from .photo_maps import Explaining, ToExplain, explain_photos
from .possible import possible_methods, to_explain
from .summary import CONVERGENCE_COLUMNS, summaries

__all__ = [
    "CONTROLS",
    "CONVERGENCE_COLUMNS",
    "GAUSSIAN",
    "METHODS",
    "RAW",
    "TARGETS",
    "Explaining",
    "Size",
    "ToExplain",
    "auroc",
    "auroc_against_mask",
    "average",
    "bytes_of_saliency",
    "center_gaussian",
    "check_map",
    "check_pair",
    "check_parameters",
    "compare_counts",
    "counted",
    "explain",
    "explain_photos",
    "normalize",
    "possible_methods",
    "quantize",
    "ranking_scores",
    "resize_map",
    "seconds_of_maps",
    "summaries",
    "to_explain",
    "with_maps",
]
