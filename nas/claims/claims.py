"""The claims of the paper, each with a test that decides between supported, not supported and undecided.

A claim has one test per data set and network: a statistic, the value that it has if there is nothing to the claim, and
a two-sided p-value. All p-values of the report are corrected together (Holm 1979). The rule is the same for every
claim and looks at nothing but these numbers: beyond the null value on the claimed side, with a corrected p-value of
at most alpha, is *supported*; beyond it on the other side, *not supported*; anything else is *undecided*. What could
not be measured on a data set, for want of boxes, masks or tags, says nothing of the claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "undecided"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes
    ----------
    name : short, for files and links
    text : what the paper says
    statistic : what is measured, in words
    figure : name of the figure or table that shows it
    averaged : whether it is about maps averaged inside superpixels, and so held for each kind of them
    regions : which kind
    greater : whether the claim is that the statistic is above its null value, or below
    """

    name: str
    text: str
    statistic: str
    figure: str
    averaged: bool = False
    regions: str = ""
    greater: bool = True


# the rule was fixed before the numbers, with all methods in the mean
MEAN_OVER = (
    ", those among them that cannot gain: LIME and KernelSHAP, flat inside the clusters they are computed on; CAM and "
    "Grad-CAM count twice where they are the same map"
)
CLAIMS = (
    Claim(
        "regions_isolate_objects",
        "The regions isolate the objects that matter to the prediction.",
        "achievable segmentation accuracy of NAS components minus that of SLIC with as many regions",
        "table2",
    ),
    Claim(
        "shallow_follows_edges",
        "The shallower the activations, the more closely superpixels follow strong image edges.",
        "Kendall's tau between depth, 0 to 4, and edge adherence of a photo's NAS",
        "figure3",
        greater=False,
    ),
    Claim(
        "single_and_class_agree",
        "Clusterings learned on one image and on all images of a class agree.",
        "adjusted Rand index between the two, minus its mean over shifted clusterings; the photo is one of its class",
        "figure4",
    ),
    Claim(
        "localization_rises_at_0.7",
        "Averaging inside superpixels raises localization at high thresholds: IoU 0.7.",
        "gain in BoxAcc at IoU 0.7, mean over saliency methods" + MEAN_OVER,
        "figure6",
        averaged=True,
    ),
    Claim(
        "localization_rises_at_0.9",
        "Averaging inside superpixels raises localization at high thresholds: IoU 0.9.",
        "gain in BoxAcc at IoU 0.9, mean over saliency methods" + MEAN_OVER,
        "figure6",
        averaged=True,
    ),
    Claim(
        "contrast_rises",
        "Averaging inside superpixels makes the object stand out from the background.",
        "gain in AUROC of the map against the mask, mean over saliency methods" + MEAN_OVER,
        "figure5",
        averaged=True,
    ),
    Claim(
        "lerf_is_inconsistent",
        "AUC-LeRF ranks saliency methods inconsistently.",
        "Kendall's tau between the rankings of methods by two settings of LeRF, mean over pairs of settings; "
        "resampling lowers tau, so that its interval leans to low values",
        "figure9",
        greater=False,
    ),
    Claim(
        "semantics_need_few_labels",
        "Scoring against clusters tagged by few labelled photos tells saliency methods apart as masks do.",
        "Kendall's tau between the rankings of methods by mass share inside clusters with learnt tags and inside "
        "masks, or boxes where there is no mask; resampling lowers tau",
        "figure7",
    ),
    Claim(
        "semantics_by_hand",
        "Scoring against clusters that a person tagged once tells saliency methods apart as masks do.",
        "Kendall's tau between the rankings of methods by mass share inside clusters tagged by hand and inside "
        "masks, or boxes where there is no mask; resampling lowers tau",
        "figure7",
    ),
)


def claims_of(regions: Sequence[str]) -> list[Claim]:
    """The claims, those about averaging once for each kind of regions, by the name CLAIM.KIND."""
    found: list[Claim] = []
    for claim in CLAIMS:
        kinds = regions if claim.averaged else [""]
        found += [replace(claim, name=".".join(filter(None, [claim.name, kind])), regions=kind) for kind in kinds]
    return found
