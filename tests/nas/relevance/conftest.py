"""Areas under curves made up here."""

import numpy as np
import pandas as pd
import pytest

from nas.relevance.agreement import SETTING

METHODS = ["cam", "random", "lrp", "sobel", "gradient"]


@pytest.fixture
def areas() -> pd.DataFrame:
    """A row for each setting, photo and method, in no order, as a stage may write them."""
    settings = [("least", "pixels", "mean"), ("least", "tiles", "blur"), ("most", "pixels", "mean")]
    keys = [(*setting, i, method) for setting in settings for i in ("b", "c", "a") for method in METHODS]
    table = pd.DataFrame(keys, columns=[*SETTING, "id", "method"])
    values = np.random.default_rng(1).integers(0, 6, len(table)) / 5  # with ties
    return table.assign(auc=values).sample(frac=1, random_state=0)
