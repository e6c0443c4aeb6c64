from .bootstrap import Estimate, interval, interval_of, paired_bootstrap, resample_counts, resample_parts
from .holm import holm_correction
from .p_values import bootstrap_p_value, sign_flip_p_value
from .pooled import Pooled, detectable, heterogeneity, photos_needed, pool
from .rankings import (
    TauMatrix,
    check_finite,
    kendall_tau,
    pairwise_tau,
    photo_taus,
    ranking_agreement,
    ranking_replicates,
    spearman,
)
from .resampling import LEAST_PHOTOS, POWER, ROUNDING, Resampling
from .stored import Task, store_summaries
from .summaries import summarize

__all__ = [
    "LEAST_PHOTOS",
    "POWER",
    "ROUNDING",
    "Estimate",
    "Pooled",
    "Resampling",
    "Task",
    "TauMatrix",
    "bootstrap_p_value",
    "check_finite",
    "detectable",
    "heterogeneity",
    "holm_correction",
    "interval",
    "interval_of",
    "kendall_tau",
    "paired_bootstrap",
    "pairwise_tau",
    "photo_taus",
    "photos_needed",
    "pool",
    "ranking_agreement",
    "ranking_replicates",
    "resample_counts",
    "resample_parts",
    "sign_flip_p_value",
    "spearman",
    "store_summaries",
    "summarize",
]
