"""Names to print: those of saliency methods are in their table, a network without one here is called by its key."""

from nas.saliency import METHODS

NAMES = {
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "resnet50": "ResNet-50",
    "vgg16": "VGG16",
    "inception_v3": "InceptionV3",
    "convnext_tiny": "ConvNeXt-Tiny",
    "nas_clusters": "NAS clusters",
    "nas_components": "NAS components",
    "slic": "SLIC",
    "felzenszwalb": "Felzenszwalb",
    "slic_few": "SLIC, few",
    "felzenszwalb_few": "Felzenszwalb, few",
    "dff": "feature factorization",
    "moved_clusters": "NAS clusters, moved",
    "moved_components": "NAS components, moved",
    **{name: method.title for name, method in METHODS.items()},
    "center_gaussian": "centre Gaussian",
    "mean": "mean of methods",
    "least": "LeRF",
    "most": "MoRF",
    "gain": "symmetric gain",
    "first": "recipe's grid",
    "image": "image grid",
    "tuned": "tuned on birds",
}

# how the regions of a caption are made
REGIONS = (
    "SLIC and Felzenszwalb are tuned per photo to the number of NAS components, or, where they are few, of NAS "
    "clusters; feature factorization has a factor for each cluster; regions that are moved are those of NAS at another "
    "place of the photo, a control."
)


def label_of(key: object) -> str:
    """Name to print for a network, method or variant."""
    return NAMES.get(str(key), str(key))


def label_of_regions(kind: object) -> str:
    """Name to print for METHOD.VARIANT."""
    method, _, variant = str(kind).partition(".")
    return label_of(method) + ("" if variant in ("", "first") else f" ({label_of(variant)})")
