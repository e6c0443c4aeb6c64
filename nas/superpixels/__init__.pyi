from . import regions
from .ablation import ablate_photos, ablated
from .cost import bytes_of_superpixels
from .estimator import NeuroActivatedSuperpixels
from .hypercolumns import Hypercolumns, depth_weights
from .inputs import variants_with_maps
from .measures import MEASURES
from .regions import relabel
from .resizing import Resize
from .rivals import felzenszwalb, slic
from .segmentations import segment_photos
from .summary import ABLATION_MEASURES, ablation_summaries, summaries
from .variants import SEGMENTATIONS, Segmenting, Variant, read_variants, write_variants

__all__ = [
    "ABLATION_MEASURES",
    "MEASURES",
    "SEGMENTATIONS",
    "Hypercolumns",
    "NeuroActivatedSuperpixels",
    "Resize",
    "Segmenting",
    "Variant",
    "ablate_photos",
    "ablated",
    "ablation_summaries",
    "bytes_of_superpixels",
    "depth_weights",
    "felzenszwalb",
    "read_variants",
    "regions",
    "relabel",
    "segment_photos",
    "slic",
    "summaries",
    "variants_with_maps",
    "write_variants",
]
