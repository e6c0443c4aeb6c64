"""The sheet from which a person tags clusters."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from class_projects import NETWORK, run_classes

from nas.classes.stored import read_class
from nas.report.figures.class_clusters import alone
from nas.report.figures.tag_sheet import draw_tag_sheet, load_tag_sheet, tag_sheet


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_sheet_of_many_photos_has_a_strip_for_each_cluster():
    generator = np.random.default_rng(0)
    photos = list(generator.integers(0, 256, (7, 16, 16, 3), np.uint8))
    labels = list(generator.integers(0, 3, (7, 8, 8)))
    labels[6][:] = 1
    examples = {0: [0, 1, 2, 3, 4, 5], 1: [6], 2: [1]}
    figure = tag_sheet(photos, labels, examples, {cluster: f"note {cluster}" for cluster in range(3)})
    pictures = [len(ax.images) for ax in figure.axes]
    assert pictures == [0, *[1] * 6, 0, *[1] * 6, 0, *[1] * 6, 0, 1, *[0] * 5, 0, 1, *[0] * 5]
    for ax, position in zip(figure.axes[15:21], examples[0], strict=True):
        inside = np.kron(labels[position] == 0, np.ones((2, 2), dtype=bool))
        np.testing.assert_allclose(ax.images[0].get_array(), alone(photos[position], inside))
    printed = [text.get_text() for ax in figure.axes[::7] for text in ax.texts]
    assert printed == ["photos", "clusters", "0", "note 0", "1", "note 1", "2", "note 2"]
    plt.close(figure)


def test_the_sheet_of_a_class_has_shares_and_photos_of_each_cluster(new_classes, tmp_path):
    root = run_classes(new_classes())
    found = read_class(root, "folder", NETWORK, "bird")
    figure, caption = load_tag_sheet(root, found, n_examples=2)
    assert caption.startswith("The 4 clusters of all 3 photos of the class bird in folder, MobileNetV2, depths 2-3-4, ")
    assert "seed 0" in caption
    labels = found.class_clusters(found.ids)
    strips = [[ax for ax in figure.axes if ax.get_subplotspec().rowspan.start == row] for row in range(2, 6)]
    for cluster, (head, *panels) in enumerate(strips):
        shares = (labels == cluster).mean(axis=(1, 2))
        having = int((shares >= 0.01).sum())
        texts = [text.get_text() for text in head.texts]
        assert texts == [str(cluster), f"{shares.mean():.0%} of all, in\n{having} of 3 photos"]
        assert sum(len(ax.images) for ax in panels) == min(2, max(having, 1))
    path = draw_tag_sheet(root, found, tmp_path / "sheet")
    assert path.read_bytes().startswith(b"\x89PNG") and (tmp_path / "sheet.txt").exists()
    assert not (tmp_path / "sheet.svg").exists()
