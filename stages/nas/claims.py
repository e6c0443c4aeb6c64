"""The claims of the paper, each with a test that decides between supported, not supported and undecided.

A claim has one test per data set and network: a statistic, the value that it has if there is nothing to the claim, and
a two-sided p-value. All p-values of the report are corrected together (Holm 1979). The rule is the same for every
claim and looks at nothing but these numbers: beyond the null value on the claimed side, with a corrected p-value of
at most alpha, is *supported*; beyond it on the other side, *not supported*; anything else is *undecided*. What could
not be measured on a data set, for want of boxes, masks or tags, says nothing of the claim.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.statistics import bootstrap_p_value, holm, interval, interval_of, sign_flip_p_value

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


@dataclass(frozen=True)
class Finding:
    """A claim held against one data set and network.

    Attributes
    ----------
    claim, dataset, network : what was tested on what
    value, low, high : the statistic and its bootstrap interval
    null : its value if there is nothing to the claim
    p : two-sided p-value that the statistic equals `null`; NaN where nothing could be measured
    n : number of photos
    p_corrected, verdict : set by `decide`
    """

    claim: str
    dataset: str
    network: str
    value: float
    low: float
    high: float
    null: float
    p: float
    n: int
    p_corrected: float = math.nan
    verdict: str = UNDECIDED


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


def of_differences(claim: str, dataset: str, network: str, differences: ArrayLike, level: float, seed: int) -> Finding:
    """The test that a mean over photos is 0: bootstrap interval, sign-flip p-value; NaN are left out."""
    found = interval(differences, level, seed=seed)
    p = sign_flip_p_value(differences, seed=seed)
    return Finding(claim, dataset, network, found.mean, found.low, found.high, 0.0, p, found.n)


def of_replicates(
    claim: str, dataset: str, network: str, scores: NDArray[np.float64], null: float, n: int, level: float
) -> Finding:
    """The test that a statistic of n photos has the value `null`, from its replicates, see `interval_of`.

    Without an interval or a p-value for a single photo, and where the statistic of the sample is NaN.
    """
    kept = np.concatenate([scores[:1], scores[1:][~np.isnan(scores[1:])]])
    if n < 2 or kept.size < 2 or math.isnan(kept[0]):
        return Finding(claim, dataset, network, float(kept[0]), math.nan, math.nan, null, math.nan, n)
    found = interval_of(kept, n, level)
    return Finding(claim, dataset, network, found.value, found.low, found.high, null, bootstrap_p_value(kept - null), n)


def decide(tests: Sequence[Finding], claims: Sequence[Claim], alpha: float) -> list[Finding]:
    """The tests with corrected p-values and verdicts; those without a value are undecided and do not count."""
    greater = {claim.name: claim.greater for claim in claims}
    corrected = holm([math.nan if math.isnan(test.value) else test.p for test in tests])
    decided = []
    for test, p in zip(tests, corrected.tolist(), strict=True):
        beyond = test.value - test.null
        verdict = UNDECIDED
        if p <= alpha and beyond != 0:
            verdict = SUPPORTED if (beyond > 0) == greater[test.claim] else NOT_SUPPORTED
        decided.append(replace(test, p_corrected=p, verdict=verdict))
    return decided


def overall(tests: Sequence[Finding]) -> str:
    """The verdict on a claim over all data sets and networks.

    Supported if every test that could be measured is, not supported if one is, else undecided.
    """
    verdicts = {test.verdict for test in measured(tests)}
    if NOT_SUPPORTED in verdicts:
        return NOT_SUPPORTED
    return SUPPORTED if verdicts == {SUPPORTED} else UNDECIDED


def measured(tests: Sequence[Finding]) -> list[Finding]:
    """The tests that have a value."""
    return [test for test in tests if not math.isnan(test.value)]


def holds_everywhere(tests: Sequence[Finding], least_datasets: int, least_networks: int) -> dict[str, Any]:
    """The claim that results hold across data sets and networks, from the verdicts on others.

    Supported if every test that could be measured is, on at least so many data sets and networks; not supported if
    one is not; else undecided.
    """
    known = measured(tests)
    datasets, networks = ({getattr(test, axis) for test in known} for axis in ("dataset", "network"))
    verdict = overall(known)
    if verdict == SUPPORTED and (len(datasets) < least_datasets or len(networks) < least_networks):
        verdict = UNDECIDED
    supported = sum(test.verdict == SUPPORTED for test in known)
    return {
        "verdict": verdict,
        "tests": len(known),
        "supported": supported,
        "datasets": len(datasets),
        "networks": len(networks),
    }
