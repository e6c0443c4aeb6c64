"""Every key of params.yaml with values that it cannot have: one line each, and never anything but a line."""

import copy
import math
import os
import subprocess
import sys
import time

import pytest
import yaml

from nas.parameters import ParametersError
from stages import params

WRONG = {
    "nothing": None,
    "truth": True,
    "negative": -1,
    "fraction": 0.123,
    "huge": 10**19,
    "infinite": math.inf,
    "no number": math.nan,
    "empty text": "",
    "text": "no\nsuch name",
    "empty list": [],
    "empty mapping": {},
    "list of nothing": [None],
    "list of lists": [["a"]],
    "entry twice": [2, 2],
    "key of nothing": {"": None},
}
# what is right of these, by key
MAPPINGS = ["download.root", "download.mirror", "download.split", "weights.files", "activations.depths"]
MAPPINGS += ["saliency.parameters", "paper.settings"]
OPTIONAL = ["download.limit", "download.train", "superpixels.felzenszwalb.min_size", "classes.names"]
OPTIONAL += ["classes.figure.cluster", "engine.cluster"]
SHARES = ["superpixels.edge_quantile", "superpixels.slic.compactness", "superpixels.slic.sigma"]
SHARES += ["superpixels.felzenszwalb.sigma", "convergence.reference", "relevance.blur", "claims.alpha"]
SHARES += [
    "engine.wait",
    "download.agreement.background",
    "claims.consistent_tau",
    "claims.agreeing_tau",
    "statistics.level",
]
RIGHT = {key: ["empty mapping"] for key in MAPPINGS} | {key: ["nothing"] for key in OPTIONAL}
RIGHT |= {key: ["fraction"] for key in SHARES} | {"activations.cache": ["truth"]}


def leaves(section, path=""):
    for key, value in section.items():
        if isinstance(value, dict) and value and f"{path}{key}" not in ("saliency.parameters", "paper.settings"):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def put(content, key, value):
    changed = copy.deepcopy(content)
    *sections, last = key.split(".")
    section = changed
    for name in sections:
        section = section[name]
    section[last] = value
    return changed


@pytest.fixture(scope="module")
def content(root):
    return yaml.safe_load((root / "params.yaml").read_text())


def test_every_wrong_value_of_every_key_is_a_line_and_no_right_one_is(content):
    accepted = {}
    for key in leaves(content):
        for kind, value in WRONG.items():
            began = time.monotonic()
            try:
                params.check(put(content, key, value), "some.yaml")
            except ParametersError as error:
                lines = str(error).splitlines()
                assert any(line.startswith(tuple(f"some.yaml: {key}{mark}" for mark in " .:")) for line in lines), lines
                assert all(line.startswith("some.yaml: ") and len(line) < 1500 for line in lines), lines
            else:
                accepted.setdefault(key, []).append(kind)
            assert time.monotonic() - began < 5
    assert accepted == RIGHT


@pytest.mark.parametrize("kind", ["huge", "no number", "text", "entry twice"])
@pytest.mark.parametrize("key", ["datasets", "superpixels.slic.sigma", "relevance.batch"])
def test_make_repro_says_so_and_runs_nothing(root, tmp_path, content, key, kind):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(put(content, key, WRONG[kind]), default_flow_style=True))
    command = [sys.executable, "-m", "commands.repro"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert done.stderr.startswith(f"error: params.yaml: {key}")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
