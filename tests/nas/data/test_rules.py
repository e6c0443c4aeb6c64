"""Rules that cannot be."""

import pytest

from nas.data.rules import Agreement, Rules


@pytest.mark.parametrize("agreement", [(0.6, 0.4), (0.0, 0.5), (0.5, 1.0), (float("nan"), 0.5)], ids=str)
def test_shares_in_the_wrong_order_or_none_are_refused(agreement):
    with pytest.raises(ValueError, match=r"^agreement.object is .*: allowed are shares between 0 and 1, not below"):
        Rules(agreement=Agreement(*agreement))


def test_one_share_may_be_both():
    assert Rules.of({"agreement": {"background": 0.5, "object": 0.5}}) == Rules(agreement=Agreement(0.5, 0.5))


def test_what_is_not_set_is_as_it_is_by_default():
    assert Rules.of({}) == Rules() and Rules.of({"squares": "object"}) == Rules(squares="object")
