from .accuracy import summaries
from .activations import Activations, StoredMaps, write_forward
from .backends import Backend
from .classifier import Classifier, load_classifier
from .cost import bytes_of_activations, seconds_of_pass
from .descriptions import build, find_network
from .extraction import difference
from .forward import Forward
from .graphs import layer_of, operation, trace, with_last_map
from .head_fitting import fit_to_photos, why_no_head
from .headed import StoredClassifier, load_headed
from .heads import Fit, read_head, write_head
from .modules import OfModules, evaluating, state_of_module, structure_of
from .passes import layers, naming_photos, read_views, run_photos
from .usable import LARGEST, check_maps, n_not_usable
from .weights import fetch_weights, load_weights

__all__ = [
    "LARGEST",
    "Activations",
    "Backend",
    "Classifier",
    "Fit",
    "Forward",
    "OfModules",
    "StoredClassifier",
    "StoredMaps",
    "build",
    "bytes_of_activations",
    "check_maps",
    "difference",
    "evaluating",
    "fetch_weights",
    "find_network",
    "fit_to_photos",
    "layer_of",
    "layers",
    "load_classifier",
    "load_headed",
    "load_weights",
    "n_not_usable",
    "naming_photos",
    "operation",
    "read_head",
    "read_views",
    "run_photos",
    "seconds_of_pass",
    "state_of_module",
    "structure_of",
    "summaries",
    "trace",
    "why_no_head",
    "with_last_map",
    "write_forward",
    "write_head",
]
