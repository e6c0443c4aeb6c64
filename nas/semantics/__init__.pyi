from .evaluation import SEMANTICS_COLUMNS, Evaluation, counts_of, evaluate_class, plain, tags_of
from .few_labels import FEW_LABELS_COLUMNS, worth_of_few_labels
from .scores import score
from .summary import summaries
from .tag_files import WORDS, check_settings, write_tag_template
from .tags import HAND, LEARNT, TRUTH, object_regions

__all__ = [
    "FEW_LABELS_COLUMNS",
    "HAND",
    "LEARNT",
    "SEMANTICS_COLUMNS",
    "TRUTH",
    "WORDS",
    "Evaluation",
    "check_settings",
    "counts_of",
    "evaluate_class",
    "object_regions",
    "plain",
    "score",
    "summaries",
    "tags_of",
    "worth_of_few_labels",
    "write_tag_template",
]
