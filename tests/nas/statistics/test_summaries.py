import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.statistics.resampling import Resampling
from nas.statistics.summaries import ratio_of_means, summarize, with_columns

random = settings(max_examples=25, deadline=None, derandomize=True)
NUMBERS = st.floats(-5, 5).map(lambda value: round(value, 3)) | st.just(float("nan"))
RESAMPLING = Resampling(0.9, 200, 3)


@st.composite
def measured(draw):
    """Rows of two settings, in turns, with some numbers missing."""
    n = draw(st.integers(1, 6))
    rows = [
        {"size": size, "k": k, "a": draw(NUMBERS), "b": draw(NUMBERS), "c": draw(st.floats(1, 5))}
        for _ in range(n)
        for size, k in (("first", "5"), ("image", "auto"))
    ]
    return pd.DataFrame(rows)


def test_what_was_not_measured_has_no_number():
    rows = pd.DataFrame({"k": [1, 1], "a": [0.5, 1.5]})
    found = summarize(rows, ["k"], ["a", "absent"], RESAMPLING, ratios={"ratio": ("a", "gone")})
    assert found["n"].tolist() == [2, 0, 0] and found["value"].isna().tolist() == [False, True, True]
    assert list(with_columns(rows, ["a", "absent"]).columns) == ["k", "a", "absent"]


@random
@given(rows=measured())
def test_means_are_plain_means_of_the_photos_that_have_a_number(rows):
    found = summarize(rows, ["size", "k"], ["a", "b"], RESAMPLING, ratios={"ratio": ("a", "c")})
    assert found[["size", "k", "measure"]].to_numpy().tolist() == [
        [*setting, measure] for setting in (("first", "5"), ("image", "auto")) for measure in ("a", "b", "ratio")
    ]
    for row in found.to_dict("records"):
        group = rows[rows["size"] == row["size"]]
        if row["measure"] == "ratio":
            group = group[~np.isnan(group["a"])]
            used, expected = group["a"].to_numpy(), group["a"].sum() / group["c"].sum() if len(group) else np.nan
        else:
            used = np.array([value for value in group[row["measure"]] if not np.isnan(value)])
            expected = sum(used) / len(used) if len(used) else np.nan
        assert row["n"] == len(used)
        np.testing.assert_allclose(row["value"], expected, atol=1e-9)
        if len(used) < 2:
            assert np.isnan(row["low"]) and np.isnan(row["high"])
        else:
            assert row["low"] <= row["high"]
            if row["measure"] != "ratio":
                assert used.min() - 1e-9 <= row["low"] and row["high"] <= used.max() + 1e-9


@random
@given(rows=measured())
def test_a_setting_is_summarized_from_its_own_rows_alone(rows):
    both = summarize(rows, ["size"], ["a"], RESAMPLING, ratios={"ratio": ("b", "c")})
    image = rows[rows["size"] == "image"]
    alone = summarize(image, ["size"], ["a"], RESAMPLING, ratios={"ratio": ("b", "c")})
    pd.testing.assert_frame_equal(both[both["size"] == "image"].reset_index(drop=True), alone)


def test_intervals_are_those_of_resampled_means():
    values = np.random.default_rng(0).normal(size=(40, 2)) + 3
    rows = pd.DataFrame(values, columns=["a", "b"]).assign(method="nas")
    found = summarize(rows, ["method"], ["a"], Resampling(0.8, 4000, 0), ratios={"ratio": ("a", "b")}).set_index(
        "measure"
    )
    drawn = values[np.random.default_rng(1).integers(40, size=(4000, 40))]
    means = drawn.mean(axis=1)
    for measure, replicates in (("a", means[:, 0]), ("ratio", means[:, 0] / means[:, 1])):
        expected = np.quantile(replicates, [0.1, 0.9])
        np.testing.assert_allclose(found.loc[measure, ["low", "high"]].to_numpy(float), expected, atol=0.02)


@random
@given(above=st.lists(st.floats(-5, 5), min_size=1, max_size=5), below=st.floats(1, 5))
def test_a_ratio_of_means_is_no_mean_of_ratios(above, below):
    denominators = [below * (n + 1) for n in range(len(above))]
    expected = (sum(above) / len(above)) / (sum(denominators) / len(denominators))
    found = ratio_of_means(np.array(above), np.array(denominators))
    np.testing.assert_allclose(found, expected, atol=1e-12)
