"""The program for photos of one's own, with a network of random weights."""

import subprocess
import sys
from importlib.metadata import version

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from skimage import data

import nas
from nas.__main__ import MADE, main
from nas.networks import Classifier, build, find_network
from nas.report import exploring


@pytest.fixture(scope="module")
def classifier():
    network = find_network("resnet18")
    return Classifier("resnet18", build(network), network, device="cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch, classifier):
    """Two photos and a file that is none; networks are the one above."""
    monkeypatch.setattr(exploring, "network_of", lambda name, root: classifier)
    monkeypatch.chdir(tmp_path)
    for name, photo in (("b.png", data.coffee()), ("A.JPG", data.chelsea())):
        Image.fromarray(photo).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no photo")
    yield tmp_path
    plt.close("all")


def run(capsys, *given):
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in given])
    return ended.value.code, *capsys.readouterr()


def test_every_photo_of_a_folder_gets_a_picture_beside_it(folder, capsys):
    code, out, err = run(capsys, folder, "-k", 3, "--depths", "3,2", "--method", "gradient")
    assert (code, out.split()) == (0, [str(folder / f"A{MADE}"), str(folder / f"b{MADE}")])
    assert err.startswith("mobilenet_v2: its official weights are used")
    made = {path.name: path.read_bytes() for path in folder.glob(f"*{MADE}")}
    with Image.open(folder / f"A{MADE}") as picture:
        assert picture.size[0] > 900 and np.asarray(picture).std() > 20
    run(capsys, folder, "-k", 3, "--depths", "2-3", "--method", "gradient")
    assert {
        path.name: path.read_bytes() for path in folder.glob(f"*{MADE}")
    } == made  # and none of pictures made before


def test_a_picture_goes_where_it_is_said(folder, capsys):
    assert run(capsys, folder / "b.png", "--out", folder / "x.png", "--grid", "image")[:2] == (0, f"{folder}/x.png\n")
    (folder / "o").mkdir()
    assert run(capsys, folder / "b.png", "--out", folder / "o")[:2] == (0, f"{folder}/o/b{MADE}\n")


def test_a_photo_that_is_none_is_named_and_the_others_are_drawn(folder, capsys):
    code, out, err = run(capsys, folder / "notes.txt", folder / "b.png")
    assert (
        code == 1 and out == f"{folder}/b{MADE}\n" and err.splitlines()[-1].startswith(f"error: {folder}/notes.txt is")
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["b.png", "--depths", "9"], "--depths has 9: mobilenet_v2 has the depths 0, 1, 2, 3, 4"),
        (["b.png", "--method", "magic"], "--method is 'magic': allowed are gradient, "),
        (["b.png", "A.JPG", "--out", "x.png"], "--out is x.png and there are 2 photos: give a folder that is there"),
        (["empty"], "empty: has no photos; endings that are known: .bmp, .jpeg"),
    ],
)
def test_what_cannot_be_is_one_line(folder, capsys, given, said):
    (folder / "empty").mkdir()
    code, _, _ = run(capsys, *given)
    assert code.startswith(f"error: {said}") and not list(folder.glob(f"*{MADE}"))


@pytest.mark.parametrize("given", [["b.png", "-k", "1"], ["b.png", "--depths", "x"], []])
def test_what_is_no_setting_is_said_before_anything_is_loaded(given):
    done = subprocess.run([sys.executable, "-m", "nas", *given], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.splitlines()[-1].startswith("nas: error: ")


def test_the_library_says_its_version_and_its_names():
    assert nas.__version__ == version("neuro-activated-superpixels")
    assert {"load_classifier", "read_image", "NeuroActivatedSuperpixels", "saliency"} <= set(dir(nas))
