"""Scores that name the methods and regions of other sections."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.parameters.relations import EVERYTHING, resolve
from nas.parameters.section import Section, knob

SHIPPED = ["cam", "rise", "lime"]


class Saliency(Section):
    methods: list[str]
    counts: dict[str, int] = knob(of="saliency.methods", shipped={"rise": 4000, "lime": 1000})

    def maps(self):
        return None if not self.methods else [f"map.{method}" for method in self.methods]


class Inner(Section):
    methods: list[str] | str = knob(of="saliency.methods", also=("random",), shipped=SHIPPED)


class Scores(Section):
    inner: Inner
    one: str = knob(of="saliency.methods", shipped="cam")
    maps: list[str] = knob(of="saliency.maps")


class Figure(Section):
    methods: list[str] = knob(of="scores.inner.methods", shipped=["rise", "cam"])


class Parameters(Section):
    figure_before: int = 0
    saliency: Saliency
    scores: Scores
    figure: Figure


def parameters(methods=SHIPPED, counts=(), scored=EVERYTHING, one="cam", maps=(), drawn=("rise", "cam")):
    return Parameters(
        saliency=Saliency(methods=list(methods), counts=dict(counts)),
        scores=Scores(inner=Inner(methods=scored), one=one, maps=list(maps)),
        figure=Figure(methods=list(drawn)),
    )


def refused(found, message):
    with pytest.raises(ValueError) as caught:
        resolve(found, "some.yaml")
    assert str(caught.value) == f"some.yaml: {message}"


def test_what_is_made_may_be_named():
    found = parameters(counts={"lime": 3}, scored=["random", "rise"], one="lime", maps=["map.cam"], drawn=["random"])
    assert resolve(found, "some.yaml") == found


def test_all_stands_for_everything_that_is_made():
    found = resolve(parameters(maps=["map.rise"]), "some.yaml")
    assert found.scores.inner.methods == ["random", "cam", "rise", "lime"]
    assert found.figure.methods == ["rise", "cam"]  # of what stands there now


def test_a_key_that_is_as_shipped_names_what_is_made_of_it():
    found = resolve(parameters(["lime", "grad"], {"rise": 4000, "lime": 1000}, SHIPPED), "some.yaml")
    assert found.saliency.counts == {"lime": 1000}
    assert found.scores.inner.methods == ["lime"] and found.scores.one == "lime"
    assert found.figure.methods == ["lime"]  # nothing of it is made, so everything is taken


def test_a_key_whose_names_are_not_known_may_name_anything():
    found = parameters([], scored=["random"], one="cam", maps=["whatever"])
    assert resolve(found, "some.yaml").scores.maps == ["whatever"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"scored": ["cam", "rize"]},
            "scores.inner.methods has 'rize': allowed are random, cam, rise, lime; correct or remove it, or change "
            "saliency.methods so that it is made; did you mean rise?",
        ),
        (
            {"one": "rize"},
            "scores.one has 'rize': allowed are cam, rise, lime; correct it, or change saliency.methods so that it is "
            "made; did you mean rise?",
        ),
        (
            {"maps": ["cam"]},
            "scores.maps has 'cam': allowed are map.cam, map.rise, map.lime; correct or remove it, or change "
            "saliency.maps so that it is made; did you mean map.cam?",
        ),
        (
            {"counts": {"rise": 4000, "rize": 8}},
            "saliency.counts has 'rize': allowed are cam, rise, lime; correct or remove it, or change "
            "saliency.methods so that it is made; did you mean rise?",
        ),
        (
            {"methods": ["cam"], "counts": {"rise": 8}},  # one that is shipped, with a value of the user's
            "saliency.counts has 'rise': allowed are cam; correct or remove it, or change saliency.methods so that "
            "it is made",
        ),
        (
            {"methods": ["cam", "rise"], "scored": ["cam", "lime"]},
            "scores.inner.methods has 'lime': allowed are random, cam, rise; correct or remove it, or change "
            "saliency.methods so that it is made",
        ),
        (
            {"scored": ["cam"], "drawn": ["rise"]},
            "figure.methods has 'rise': allowed are cam; correct or remove it, or change scores.inner.methods so "
            "that it is made",
        ),
    ],
)
def test_a_name_that_nothing_makes_is_one_line(changes, message):
    refused(parameters(**changes), message)


NAMES = st.lists(st.sampled_from(["cam", "rise", "lime", "grad"]), min_size=1, unique=True)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(made=NAMES, scored=NAMES | st.just(SHIPPED))
def test_names_are_kept_in_order_where_each_is_made_or_all_are_as_shipped(made, scored):
    found = parameters(made, scored=scored, one=made[0], drawn=["rise", "cam"])
    if scored != SHIPPED and not set(scored) <= set(made):
        with pytest.raises(ValueError, match=r"^some\.yaml: scores\.inner\.methods has "):
            resolve(found, "some.yaml")
        return
    kept = [name for name in scored if name in made] or ["random", *made]
    resolved = resolve(found, "some.yaml")
    assert resolved.scores.inner.methods == kept
    assert resolved.figure.methods == ([name for name in ("rise", "cam") if name in kept] or kept)
    assert resolve(resolved, "some.yaml") == resolved
