"""Rules that cannot be."""

import pytest

from nas.data.rules import Agreement, Rules


@pytest.mark.parametrize(
    ("agreement", "message"),
    [
        ((0.6, 0.4), "^agreement.object is 0.4: allowed is no less than agreement.background, which is 0.6$"),
        ((0.0, 0.5), "^agreement.background is 0.0: allowed are shares between 0 and 1$"),
        ((0.5, 1.0), "^agreement.object is 1.0: allowed are shares"),
        ((float("nan"), 0.5), "^agreement.background is nan: allowed are shares"),
    ],
    ids=str,
)
def test_shares_in_the_wrong_order_or_none_are_refused(agreement, message):
    with pytest.raises(ValueError, match=message):
        Rules(agreement=Agreement(*agreement))


def test_one_share_may_be_both():
    assert Rules.of({"agreement": {"background": 0.5, "object": 0.5}}) == Rules(agreement=Agreement(0.5, 0.5))


def test_what_is_not_set_is_as_it_is_by_default():
    assert Rules.of({}) == Rules() and Rules.of({"squares": "object"}) == Rules(squares="object")


def test_kinds_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match=r"^squares is 'obejct': allowed are ignored, object$"):
        Rules(squares="obejct")
    with pytest.raises(ValueError, match=r"^masks is 'sofd': allowed are auto, object, soft, instances$"):
        Rules(masks="sofd")
