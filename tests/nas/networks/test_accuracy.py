import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.networks.accuracy import accuracy, summaries
from nas.statistics.bootstrap import interval
from nas.statistics.resampling import Resampling
from nas.store.shards import Shard, gather, write_shard

RESAMPLING = Resampling(0.9, 50, 3)
RANKS = st.none() | st.sampled_from([0, 0, 1, 7])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"label_source": st.sampled_from(["ours", "ImageNet", ""]), "rank": RANKS, "rank_cropped": RANKS}
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(ROWS)
def test_accuracy_is_the_share_of_labelled_photos_with_rank_0(rows):
    found = accuracy(pd.DataFrame(rows).astype({"rank": float, "rank_cropped": float}), RESAMPLING)
    sources = [*dict.fromkeys(row["label_source"] for row in rows), "all"]
    views = {"center crop": "rank_cropped", "squashed": "rank"}
    assert found[["labels", "view"]].to_numpy().tolist() == [[source, view] for source in sources for view in views]
    for row in found.to_dict("records"):
        ranks = [each[views[row["view"]]] for each in rows if row["labels"] in ("all", each["label_source"])]
        hits = [float(rank == 0) for rank in ranks if rank is not None]
        assert row["measure"] == "top1" and row["n"] == len(hits)
        assert row["value"] == pytest.approx(np.mean(hits) if hits else np.nan, nan_ok=True)
        expected = interval(hits, *RESAMPLING)
        np.testing.assert_array_equal([row["low"], row["high"]], [expected.low, expected.high])


def test_the_summary_is_of_the_table_of_a_folder_in_the_order_of_its_photos(tmp_path):
    photos = (("a", "ours", 3), ("b", "ImageNet", 0), ("c", "ours", 0))
    rows = [{"id": i, "label_source": source, "rank": rank, "rank_cropped": 0} for i, source, rank in photos]
    write_shard(Shard(list("abc"), {}, rows), tmp_path / "part")
    gather([tmp_path / "part"], tmp_path / "out")
    found = summaries(tmp_path / "out", RESAMPLING)
    assert list(found) == ["summary"]
    pd.testing.assert_frame_equal(found["summary"], accuracy(pd.DataFrame(rows), RESAMPLING))
    squashed = found["summary"].query("view == 'squashed'")
    assert dict(zip(squashed["labels"], squashed["value"], strict=True)) == {"ours": 0.5, "ImageNet": 1, "all": 2 / 3}
