"""The claims of the paper, each with one test, beside rivals and controls that a claim has to hold against.

A claim is a mean over photos of a number that each photo has, held against the value that this mean has if there is
nothing to the claim. Where that value is a threshold that was chosen, the claim says which. What stands in for what the
paper means is called a proxy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nas.saliency import RAW
from nas.statistics import LEAST_PHOTOS

SUPPORTED, CONTRADICTED, UNDECIDED, NOT_MEASURED = "supported", "contradicted", "undecided", "not measured"
SMALLEST = 0.1  # of alpha: the smallest corrected p-value that there can be is at most so much
CONSISTENT, AGREEING = "consistent_tau", "agreeing_tau"
SLIC, FELZENSZWALB, MOVED, SOBEL = "slic", "felzenszwalb", "moved", "sobel"
# what NAS of a kind are held against: label maps with as many regions, and NAS's own at another place
RIVALS = {
    "nas_clusters": {SLIC: "slic_few", FELZENSZWALB: "felzenszwalb_few", MOVED: "moved_clusters"},
    "nas_components": {SLIC: "slic", FELZENSZWALB: "felzenszwalb", MOVED: "moved_components"},
}
OVER = {
    RAW: "the map as it is",
    SLIC: "SLIC with as many regions",
    FELZENSZWALB: "Felzenszwalb with as many regions",
    MOVED: "the same regions moved elsewhere (control)",
    SOBEL: "Sobel edges averaged in the same regions (control)",
}


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, or of what it has to hold against.

    Attributes
    ----------
    name : for files and links
    short : what is claimed, in a few words
    text : what is claimed
    unit : of the number that a photo has
    statistic : what is measured of a photo, in words
    figure : name of the figure or table that shows it
    kind : of NAS, or "" where the claim is about none in particular
    over : of `OVER`, what NAS of the kind are held against, or ""
    greater : whether the claim is that the mean is above its null value, or below
    threshold : the key in params.yaml of a null value that was chosen, or "" where it is 0
    """

    name: str
    short: str
    text: str
    unit: str
    statistic: str
    figure: str
    kind: str = ""
    over: str = ""
    greater: bool = True
    threshold: str = ""


# the rule was fixed before the numbers, with all methods in the mean
MEAN_OVER = (
    "mean over saliency methods, those among them that cannot gain: LIME and KernelSHAP, flat inside the clusters they "
    "are computed on; CAM and Grad-CAM count twice where they are the same map"
)
ISOLATE = Claim(
    "regions_isolate_objects",
    "Regions keep to the object",
    "The regions isolate the objects that matter to the prediction (proxy: masks of the objects).",
    "ASA",
    "achievable segmentation accuracy, NAS minus rival, mean over the grids",
    "table2",
)
MATTER = Claim(
    "regions_matter_to_prediction",
    "Regions hold what the prediction needs",
    "The regions isolate what matters to the prediction (proxy: what can go before the prediction does).",
    "share of pixels",
    "share of pixels, in whole regions, least relevant first, that can go before the predicted probability halves, NAS "
    "minus rival, mean over saliency methods and replacements",
    "figure8",
)
AVERAGED = (
    Claim(
        "localization_rises_at_0.7",
        "Boxes at IoU 0.7",
        "Averaging inside superpixels raises localization at high thresholds, of the box: IoU 0.7.",
        "BoxAcc",
        f"gain in BoxAcc at IoU 0.7, each map at the threshold that is best for the data set; {MEAN_OVER}",
        "figure6",
    ),
    Claim(
        "localization_rises_at_0.9",
        "Boxes at IoU 0.9",
        "Averaging inside superpixels raises localization at high thresholds, of the box: IoU 0.9.",
        "BoxAcc",
        f"gain in BoxAcc at IoU 0.9, each map at the threshold that is best for the data set; {MEAN_OVER}",
        "figure6",
    ),
    Claim(
        "localization_holds_at_high_map_thresholds",
        "Boxes at high thresholds of the map",
        "Averaging inside superpixels raises localization at high thresholds, of the map: from half its maximum up.",
        "BoxAcc",
        f"gain in BoxAcc, mean over map thresholds from 0.5 up and over IoU 0.5 and 0.7; {MEAN_OVER}",
        "figure6",
    ),
    Claim(
        "contrast_rises",
        "Contrast of object and background",
        "Averaging inside superpixels makes the object stand out from the background.",
        "AUROC",
        f"gain in AUROC of the map against the mask; {MEAN_OVER}",
        "figure5",
    ),
)
HIGH_MAP = AVERAGED[2].name
MATTERING = ("nas_components",)  # of clusters there are too few for a share of them
SINGLE = (
    Claim(
        "shallow_follows_edges",
        "Shallow activations follow edges",
        "The shallower the activations, the more closely superpixels follow strong image edges.",
        "τ",
        "Kendall's tau between depth, 0 to 4, and edge adherence of the photo's NAS",
        "figure3",
        greater=False,
    ),
    Claim(
        "single_and_class_agree",
        "One image and its class cluster alike",
        "Clusterings learned on one image and on all images of a class agree.",
        "ARI",
        "adjusted Rand index between the photo's own clustering and one of other photos of its class, minus its mean "
        "over shifted clusterings",
        "classes",
    ),
    Claim(
        "lerf_is_inconsistent",
        "LeRF ranks inconsistently: across settings",
        "AUC-LeRF ranks saliency methods inconsistently, photo by photo: across orders and replacements.",
        "τ",
        "Kendall's tau between the rankings of methods on the photo by two settings of LeRF, mean over pairs "
        "of settings; figure 9 compares rankings by means over photos",
        "figure9",
        greater=False,
        threshold=CONSISTENT,
    ),
    Claim(
        "lerf_disagrees_with_morf",
        "LeRF ranks inconsistently: against MoRF",
        "AUC-LeRF ranks saliency methods inconsistently, photo by photo: the least and the most relevant part first.",
        "τ",
        "Kendall's tau between the rankings of methods on the photo by LeRF and by MoRF, mean over settings",
        "figure9",
        greater=False,
        threshold=CONSISTENT,
    ),
    Claim(
        "lerf_disagrees_with_truth",
        "LeRF ranks inconsistently: against truth",
        "AUC-LeRF ranks saliency methods inconsistently, photo by photo: against what is known of the object.",
        "τ",
        "Kendall's tau between the rankings of methods on the photo by LeRF and by AUROC against the mask, or by IoU "
        "of boxes, mean over settings; maps of the predicted class there, of the labelled one here",
        "figure9",
        greater=False,
        threshold=AGREEING,
    ),
    Claim(
        "gain_is_more_consistent",
        "The symmetric gain ranks more consistently",
        "The symmetric relevance gain ranks saliency methods more consistently than LeRF (not a claim of the paper).",
        "τ",
        "Kendall's tau between the rankings of methods on the photo by two settings, mean over pairs of settings, of "
        "the gain minus of LeRF",
        "figure9",
    ),
    Claim(
        "semantics_need_few_labels",
        "Few labels rank methods as masks do",
        "Scoring against clusters tagged by few labelled photos tells saliency methods apart as masks do.",
        "τ",
        "Kendall's tau between the rankings of methods on the photo by mass share inside clusters with learnt tags and "
        "inside the mask, or boxes where there is no mask",
        "figure7",
        threshold=AGREEING,
    ),
    Claim(
        "semantics_by_hand",
        "Tags by hand rank methods as masks do",
        "Scoring against clusters that a person tagged once tells saliency methods apart as masks do.",
        "τ",
        "Kendall's tau between the rankings of methods on the photo by mass share inside clusters tagged by hand and "
        "inside the mask, or boxes where there is no mask",
        "figure7",
        threshold=AGREEING,
    ),
)


def claims_of(kinds: Sequence[str]) -> list[Claim]:
    """Every claim; those about NAS of a kind once for each, and for each rival or control that it is held against."""
    found = [_over(ISOLATE, kind, over) for kind in kinds for over in (SLIC, FELZENSZWALB)]
    found += [_over(MATTER, kind, over) for kind in kinds for over in (SLIC, FELZENSZWALB) if kind in MATTERING]
    found += SINGLE[:2]
    for claim in AVERAGED:
        controls = (MOVED, SOBEL) if claim.name == HIGH_MAP else ()
        found += [_over(claim, kind, over) for kind in kinds for over in (RAW, SLIC, FELZENSZWALB, *controls)]
    return [*found, *SINGLE[2:]]


def smallest_p_value(kinds: Sequence[str]) -> float:
    """The smallest corrected p-value that `LEAST_PHOTOS` photos can have."""
    return 2.0 ** (1 - LEAST_PHOTOS) * (len(claims_of(kinds)) + 1)


def _over(claim: Claim, kind: str, over: str) -> Claim:
    """The claim about NAS of a kind against one other: NAME.KIND.over_OTHER, without the last against raw maps."""
    ending = [] if over == RAW else [f"over_{over}"]
    return replace(claim, name=".".join([claim.name, kind, *ending]), kind=kind, over=over)
