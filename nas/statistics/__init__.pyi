from .bootstrap import Estimate, interval, interval_of, paired_bootstrap, resample_counts, resample_parts
from .holm import holm_correction
from .p_values import bootstrap_p_value, sign_flip_p_value
from .rankings import (
    TauMatrix,
    check_finite,
    kendall_tau,
    pairwise_tau,
    ranking_agreement,
    ranking_replicates,
    spearman,
)
from .resampling import Resampling
from .stored import Task, store_summaries
from .summaries import summarize

__all__ = [
    "Estimate",
    "Resampling",
    "Task",
    "TauMatrix",
    "bootstrap_p_value",
    "check_finite",
    "holm_correction",
    "interval",
    "interval_of",
    "kendall_tau",
    "paired_bootstrap",
    "pairwise_tau",
    "ranking_agreement",
    "ranking_replicates",
    "resample_counts",
    "resample_parts",
    "sign_flip_p_value",
    "spearman",
    "store_summaries",
    "summarize",
]
