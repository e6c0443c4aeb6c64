"""The stage with what params.yaml says."""

import numpy as np
import pytest
import yaml
from PIL import Image

from nas.data.records import read_records
from stages import choices, download, own_photos, params


@pytest.fixture
def project(tmp_path, monkeypatch, root):
    """A function that runs the stage in a new project, with changes of the section download."""
    photos = tmp_path / "mine"
    photos.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(photos / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/download.py"])

    def run(dataset, **changes):
        content = yaml.safe_load((root / "params.yaml").read_text())
        content["download"] |= changes
        (tmp_path / "params.yaml").write_text(
            yaml.safe_dump(content | {"datasets": [dataset]}, default_flow_style=True, width=1000)
        )
        for name in content["download"]["root"]:
            params.run(own_photos.main, name)
        params.run(choices.main)
        params.run(download.main, dataset)
        return read_records(tmp_path / "data" / "raw" / dataset)

    return run


def test_the_user_s_photos_in_place(project, tmp_path):
    records = project("folder", root={"folder": str(tmp_path / "mine")})
    assert [record.image for record in records] == [tmp_path / "mine" / f"{number}.png" for number in range(4)]


def test_the_limit_is_drawn_by_the_seed(project, tmp_path):
    roots = {"folder": str(tmp_path / "mine")}
    few, more = (project("folder", root=roots, limit=limit) for limit in (2, 3))
    assert len(few) == 2 and {record.id for record in few} < {record.id for record in more}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": {"floder": "mine"}}, "error: params.yaml: download.root has 'floder': allowed are"),
        ({"mirror": {"folder": "https://x"}}, "error: params.yaml: download.mirror has 'folder': allowed are base,"),
        (
            {"split": {"cub": "validation"}, "root": {"cub": "mine"}},
            "error: params.yaml: download.split.cub is 'valid",
        ),
        ({"root": {"cub": "absent"}}, "error: absent does not exist: set download.root.cub"),
        ({"root": {"cub": "mine"}}, "error: mine: holds no images.txt"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_and_leaves_no_data_set(project, tmp_path, changes, message):
    with pytest.raises(SystemExit) as caught:
        project("cub" if "cub" in str(changes) else "folder", **changes)
    assert str(caught.value.code).startswith(message) and "\n" not in caught.value.code
    assert not list((tmp_path / "data").glob("raw/*/photos/index.json"))


def test_a_prepared_data_set_is_replaced_as_a_whole(project, tmp_path):
    roots = {"folder": str(tmp_path / "mine")}
    mask = Image.new("L", (30, 20), 255)
    mask.paste(0, (0, 0, 9, 9))
    mask.save(tmp_path / "mine" / "0.mask.png")
    assert project("folder", root=roots)[0].mask is not None
    (tmp_path / "mine" / "0.mask.png").unlink()
    assert project("folder", root=roots)[0].mask is None
    assert not (tmp_path / "data" / "raw" / "folder" / "truth" / "masks").exists()
