"""What a method is known by: what its maps depend on, and not its name or cost."""

from dataclasses import replace

from nas.saliency.gradients import gradient
from nas.saliency.lime import lime
from nas.saliency.method import Method
from nas.saliency.methods import METHODS
from nas.store.given import Given

LIME = METHODS["lime"]


def digest(method):
    return Given.of(method).digest()


def test_the_function_is_found_by_its_place():
    assert LIME.function is lime and METHODS["gradient"].function is gradient


def test_what_is_printed_and_what_it_costs_does_not_change_what_a_method_is():
    other = replace(LIME, title="x", source="y", signed=not LIME.signed, passes=lambda n, _: n + 1, gradient=True)
    assert digest(other) == digest(LIME)


def test_what_maps_depend_on_does():
    changes = [{"kind": "activation"}, {"place": "rise.rise"}, {"defaults": {**LIME.defaults, "seed": 1}},
               {"needs_regions": False}, {"count": ""}]  # fmt: skip
    assert len({digest(LIME), *(digest(replace(LIME, **change)) for change in changes)}) == len(changes) + 1
    assert all(digest(method) for method in METHODS.values()) and isinstance(LIME, Method)
