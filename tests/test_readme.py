"""The code of the README runs as it stands there, from top to bottom."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_code_is_found():
    assert blocks("a\n```python\nx = 1\n```\nb\n```\ny\n```\n```python\nz\n```\n") == ["x = 1\n", "z\n"]


def test_the_code_of_the_readme_runs(tmp_path, root):
    readme = root / "README.md"
    if not readme.exists():
        pytest.skip("there is no README.md")
    code = "\n".join(blocks(readme.read_text()))
    assert "import nas" in code or "from nas" in code
    photos = re.findall(r"""["']([\w/.-]+\.(?:jpg|jpeg|png))["']""", code)
    for photo in photos:
        (tmp_path / photo).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)).save(tmp_path / photo)
    (tmp_path / "readme.py").write_text(code)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "MPLBACKEND": "agg"}
    environment.pop("PYTHONPATH", None)  # the installed nas is found without
    done = subprocess.run([sys.executable, "readme.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_the_evidence_is_that_of_its_ledger(root):
    text = (root / "docs/evidence.md").read_text()
    ledger = json.loads((root / "docs/evidence/claims.json").read_text())
    rows = [line.split(" | ") for line in text.splitlines() if line.count(" | ") == 3 and line.startswith("| ")]
    stated = [(row[0].removeprefix("| "), row[2], row[3].removesuffix(" |")) for row in rows[1:]]
    assert stated == [(claim["text"], claim["verdict"], claim["sentence"]) for claim in ledger["claims"]]
    for picture in re.findall(r"\((evidence/[\w.]+)\)", text):
        assert (root / "docs" / picture).is_file()
