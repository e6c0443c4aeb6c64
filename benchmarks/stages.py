"""What stages over photos take per photo, in seconds and on disk, with more and more photos, and what large sets take.

The stages run one after the other with the settings of params.yaml, on all cores, with MobileNetV2, on photos made from
those of `sample`: as they are, mirrored, upside down, and both, with their masks. `ours` is a photo more, by the
difference between the most photos and the fewest. The reference is a photo of the fewest, with its share of the start;
where a cost grows faster than the photos, the ratio is below 1. Last come large data sets: hours of one network by
either cost.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from benchmarks.row import Row
from nas.data import Record, read_records
from nas.parameters import load

ROOT = Path(__file__).parent.parent
NETWORK = "mobilenet_v2"
STAGES = ("activations", "superpixels", "ablation", "saliency", "localization", "relevance")  # not those of classes
LARGE = {"imagenette, 500 photos": 500, "cub, 5,794 photos": 5794, "imagenet, 50,000 photos": 50_000}
TURNS = (np.asarray, np.fliplr, np.flipud, lambda array: np.rot90(array, 2))


def make_photos(records: list[Record], n: int, folder: Path) -> None:
    """So many photos with masks, from as many of these as there are, then from the same, turned."""
    folder.mkdir()
    for number in range(n):
        record, turn = records[number % len(records)], TURNS[number // len(records) % len(TURNS)]
        Image.fromarray(np.ascontiguousarray(turn(record.photo()))).save(folder / f"{number:03}.png")
        shape = record.photo().shape[:2]
        truth = record.truth((shape[0], shape[1]))
        if truth is not None:
            mask = np.ascontiguousarray(turn((truth > 0).astype(np.uint8) * 255))
            Image.fromarray(mask).save(folder / f"{number:03}-mask.png")


def make_project(folder: Path, photos: Path) -> None:
    """The project in a folder, on these photos."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    parameters = load(ROOT / "params.yaml")
    parameters |= {"datasets": ["folder"], "classifiers": [NETWORK]}
    parameters["download"]["root"] = {"folder": str(photos)}
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False))


def run(folder: Path, stage: str, *items: str) -> None:
    """Run a stage in a project."""
    command = [sys.executable, "-E", "-X", "utf8", "-m", "stages", stage, *items]
    done = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"stage {stage}: {done.stderr.strip()}")


def costs(n: int) -> dict[str, tuple[float, float]]:
    """Seconds and megabytes of each stage for so many photos."""
    records = read_records(ROOT / "data/raw/sample")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        folder.mkdir()
        make_photos(records, n, Path(name) / "photos")
        make_project(folder, Path(name) / "photos")
        for stage, *items in (("own_photos", "folder"), ("choices",), ("download", "folder"), ("weights", NETWORK)):
            run(folder, stage, *items)
        for stage in ("heads", *STAGES):
            run(folder, stage, "folder", NETWORK)
        seconds = json.loads((folder / "reports/timings.json").read_text())
        found = {}
        for stage in STAGES:
            files = [file for file in (folder / "data" / stage).rglob("*") if file.is_file()]
            size = sum(file.stat().st_size for file in files) / 1e6
            found[stage] = seconds[f"{stage} folder {NETWORK}"], size
        return found


def measure(quick: bool, counts: Sequence[int] = (24, 48, 96)) -> Iterator[Row]:
    """Seconds and megabytes per photo of each stage, then hours of large data sets."""
    if not (ROOT / "data/raw/sample").is_dir():
        raise SystemExit("data/raw/sample is missing; run make repro first")
    counts = (2, 3) if quick else counts
    found = {n: costs(n) for n in counts}
    least, most = counts[0], counts[-1]
    in_all = {"more": 0.0, "fewest": 0.0}
    for stage in STAGES:
        for unit, which in (("s/photo", 0), ("MB/photo", 1)):
            few, many = found[least][stage][which], found[most][stage][which]
            more = max((many - few) / (most - least), 1e-4)
            note = ", ".join(f"{n}: {each[stage][which]:.1f}" for n, each in found.items())
            yield Row("stages", stage, more, few / least, unit, f"a photo of {least}", note)
            if unit == "s/photo":
                in_all = {"more": in_all["more"] + more, "fewest": in_all["fewest"] + few / least}
    for name, n in LARGE.items():
        hours = {key: each * n / 3600 for key, each in in_all.items()}
        yield Row(
            "stages", name, hours["more"], hours["fewest"], "h", f"the cost of {least}", f"{NETWORK}, one network"
        )
