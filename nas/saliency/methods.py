"""The saliency methods by name: one entry holds all that is known of a method.

A map is *signed* where negative values speak against the class. Attributions of the three channels become one map by
the rule that the method's own docstring states and cites. A new method is a function in a file of this package and an
entry here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.saliency.method import Method
from nas.saliency.parameters import check_values
from nas.store import Shards

TARGETS = "targets"  # the piece of the stage's work that is of no method

GAUSSIAN = "center_gaussian"  # the middle of the photo: a control that needs no network, see `center_gaussian`

METHODS: dict[str, Method] = {
    "gradient": Method("gradient", "Simonyan et al. 2013", "gradient", "gradients.gradient"),
    "input_x_gradient": Method(
        "input × gradient", "Shrikumar et al. 2016", "gradient", "gradients.input_x_gradient", signed=True
    ),
    "integrated_gradients": Method(
        "integrated gradients",
        "Sundararajan et al. 2017",
        "gradient",
        "gradients.integrated_gradients",
        signed=True,
        defaults={"n_steps": 50, "baseline": "black"},
        count="n_steps",
    ),
    "smoothgrad": Method(
        "SmoothGrad",
        "Smilkov et al. 2017",
        "gradient",
        "gradients.smoothgrad",
        defaults={"n_samples": 50, "noise_level": 0.15, "seed": 0},
        count="n_samples",
    ),
    "guided_backprop": Method(
        "guided backprop", "Springenberg et al. 2015", "propagation", "propagation.guided_backprop", signed=True
    ),
    "lrp": Method(
        "LRP",
        "Bach et al. 2015",
        "propagation",
        "propagation.lrp",
        signed=True,
        defaults={"composite": "epsilon_plus_flat", "epsilon": 1e-6},
    ),
    "grad_cam": Method("Grad-CAM", "Selvaraju et al. 2017", "activation", "cam.grad_cam", defaults={"relu": True}),
    "cam": Method("CAM", "Zhou et al. 2016", "activation", "cam.cam", signed=True),
    "rise": Method(
        "RISE",
        "Petsiuk et al. 2018",
        "perturbation",
        "rise.rise",
        defaults={"n_masks": 1000, "grid": 7, "keep": 0.5, "output": "probability", "seed": 0},
        count="n_masks",
        gradient=False,
    ),
    # equal sets of regions are scored once, so that there are at most as many as there are sets
    "lime": Method(
        "LIME",
        "Ribeiro et al. 2016",
        "region",
        "lime.lime",
        signed=True,
        defaults={
            "n_samples": 500,
            "baseline": "mean",
            "output": "probability",
            "kernel_width": 0.25,
            "alpha": 1.0,
            "seed": 0,
        },
        needs_regions=True,
        count="n_samples",
        passes=lambda count, n_regions: min(count, 1 << n_regions),
        gradient=False,
    ),
    "kernel_shap": Method(
        "KernelSHAP",
        "Lundberg and Lee 2017",
        "region",
        "kernel_shap.kernel_shap",
        signed=True,
        defaults={"n_samples": 500, "baseline": "mean", "output": "probability", "seed": 0},
        needs_regions=True,
        count="n_samples",
        passes=lambda count, n_regions: 2 + min(count, (1 << n_regions) - 2),
        gradient=False,
    ),
    "xrai": Method(
        "XRAI",
        "Kapishnikov et al. 2019",
        "region",
        "xrai.xrai",
        signed=True,
        defaults={
            "n_steps": 50,
            "scales": (50, 100, 150, 250, 500, 1200),
            "sigma": 0.8,
            "min_size": 150,
            "dilation": 5,
            "min_gain": 50,
        },
        count="n_steps",
        passes=lambda count, n_regions: 2 * count,  # from black and from white
    ),
    "random": Method("random (control)", "control", "control", "controls.random", defaults={"seed": 0}),
    "sobel": Method("Sobel (control)", "control, as in Adebayo et al. 2018", "control", "controls.sobel"),
}

# maps that know nothing of the network
CONTROLS = (*(name for name, method in METHODS.items() if method.kind == "control"), GAUSSIAN)


def check_parameters(parameters: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise a ValueError unless `explain` takes these parameters: of methods, by name and value, without regions."""
    for method, given in parameters.items():
        check_values(method, entry_of(method).defaults, given)


def entry_of(method: str) -> Method:
    """The entry of a method in the table. Raises ValueError for one that is not there."""
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown: give one of {', '.join(METHODS)}")
    return METHODS[method]


def with_maps(saliency: Path, methods: Sequence[str], key: str) -> list[str]:
    """The methods that have maps in the folder of a stage, in their order: what a network cannot do has none.

    Raises
    ------
    ValueError : none of them has, but for controls; `key` of params.yaml is where they are named
    """
    names = set(Shards(saliency).names())
    found = [method for method in methods if {f"predicted/{method}", f"true/{method}"} & names]
    if all(method in CONTROLS for method in found):
        raise ValueError(
            f"{key} is {list(methods)}: this network can do none of them, but for controls; add one it can"
        )
    return found
