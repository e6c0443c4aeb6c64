"""Colours and markers that readers can tell apart, in any sight and in grey."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from nas.report import looks
from nas.saliency import CONTROLS, METHODS

# from linear RGB to what is seen, Machado, Oliveira and Fernandes 2009 (doi 10.1109/TVCG.2009.113), severity 1
SIGHT = {
    "all cones": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
OF_REGIONS = {**looks.REGIONS, "tuned": looks.TUNED}
KINDS = {"regions": OF_REGIONS, "methods": looks.METHODS, "verdicts": looks.VERDICTS}


def seen(colour, sight):
    """The colour in CIELAB as it is seen."""
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    found = np.clip(np.asarray(SIGHT[sight]) @ linear, 0, 1)
    return rgb2lab(np.where(found <= 0.0031308, found * 12.92, 1.055 * found ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("kind", KINDS)
def test_colours_of_a_kind_are_apart(kind, sight):
    for (one, a), (other, b) in combinations(KINDS[kind].items(), 2):
        if a.color != b.color:  # controls and verdicts that share one differ in the marker
            controls = {one, other} & {*CONTROLS}  # dashed, real ones are not
            distance = deltaE_ciede2000(seen(a.color, sight), seen(b.color, sight))
            assert distance >= (5 if controls else 10), (one, other, distance)


@pytest.mark.parametrize("kind", KINDS)
def test_in_grey_markers_or_dashes_differ(kind):
    found = [(look.marker, look.linestyle, look.color) for look in KINDS[kind].values()]
    marks = {(marker, str(dashes)) for marker, dashes, _ in found}
    assert len(marks) >= len(found) - (kind == "verdicts")  # supported is filled, undecided hollow


def test_a_kind_of_regions_looks_alike_in_any_number_and_grid():
    assert looks.of_regions("slic_few.first") == looks.of_regions("slic.first") == looks.REGIONS["slic"]
    kinds = ["slic.first", "slic_few.first", "slic.image", "nas_clusters.first", "nas_clusters.image", "mine.first"]
    found = looks.of_kinds(kinds)
    assert len({str(look) for look in found.values()}) == len(kinds)
    assert len({look.color for kind, look in found.items() if kind.startswith("slic")}) == 1
    assert looks.of_regions("nas_clusters.tuned") == looks.TUNED != looks.of_regions("nas_clusters.first")
    assert looks.of_regions("raw") == looks.REGIONS["raw"]


def test_every_method_has_a_look_and_one_of_the_users_gets_one_that_does_not_depend_on_the_others():
    assert set(METHODS) <= set(looks.METHODS)
    both, alone = looks.of_methods(["mine", "rise"]), looks.of_methods(["mine"])
    assert both["mine"] == alone["mine"] and both["rise"] == looks.METHODS["rise"]
    assert looks.line_of(both["rise"])["color"] == looks.METHODS["rise"].color
