"""What the workspace survives: kill -9, a full disk, a registry that lies. Run it with `make faults`.

A pipeline of two photos and one network is killed at random moments. Before every second time that it goes on, a
parameter, an input or the weights change. On a file system that is too small it fails, and goes on when that has grown.
Each time it must end with the bytes of a run that nothing happened to. A registry on this machine cuts wheels short,
stalls, and serves other bytes: the stage must fail in one line, and succeed when the registry is honest again.
"""

import argparse
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from plain import write_network
from projects import narrowed
from small import CLASSIFIER, MAKE_REPRO, ROOT, chosen, contents, copy_tracked, environment_of, smaller, tracked_files

from nas.data.datasets.sample import FOOLBOX, SKIMAGE
from nas.data.wheels import download_wheel

PHOTOS, LONGEST = 2, 15.0  # seconds until a kill
STAGE = [sys.executable, "-E", "-X", "utf8", "-m", "stages", "download", "sample"]
MEBIBYTE, PAGE = 2**20, 2**12  # of a file system, in bytes


@dataclass
class Tally:
    """What was tried, and what went wrong."""

    tried: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def note(self, kind: str, reasons: list[str], n: int = 1) -> None:
        """Count `n` faults of a kind; they were survived unless there are reasons against it."""
        self.tried[kind] = self.tried.get(kind, 0) + n
        self.failed += [f"{kind}: {reason}" for reason in reasons]
        print(f"{kind}: {'; '.join(reasons) or 'survived'}", flush=True)


# Folders


def new_clone(folder: Path) -> Path:
    """What git tracks, in a folder, with the parameters of a small run."""
    copy_tracked(folder)
    shutil.rmtree(folder / "reports")  # those are of other photos
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text())
    parameters = smaller(parameters, chosen(ROOT, PHOTOS, parameters["seed"]))
    parameters["saliency"]["methods"] = ["gradient", "random", "smoothgrad"]
    parameters["relevance"]["n_steps"] = 2
    (folder / "params.yaml").write_text(yaml.safe_dump(narrowed(parameters), default_flow_style=True, width=1000))
    return folder


def differences(found: Path, expected: Path) -> list[str]:
    """How what the stages wrote into one folder differs from what they wrote into another."""
    ours, theirs = contents(found), contents(expected)
    names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    left = [path.name for path in found.rglob("*.part") if ".dvc" not in path.parts and ".git" not in path.parts]
    said = [f"{name} differs{where(ours.get(name, b''), theirs.get(name, b''))}" for name in names[:5]]
    return said + [f"{name} is left over" for name in left[:5]]


def where(found: bytes, expected: bytes) -> str:
    """The first place at which two files differ, with what is there."""
    at = next((n for n, (ours, theirs) in enumerate(zip(found, expected, strict=False)) if ours != theirs), 0)
    start = max(0, at - 40)
    return f" at byte {at}: {found[start : at + 80]!r} in place of {expected[start : at + 80]!r}"


def fresh(folder: Path, settings: dict[str, bytes]) -> Path:
    """A run from nothing with these files in place of those of the clone."""
    new_clone(folder)
    for name, content in settings.items():
        (folder / name).write_bytes(content)
    replicate(folder)
    return folder


def replicate(folder: Path) -> None:
    done = subprocess.run(MAKE_REPRO, cwd=folder, env=environment_of(folder), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{folder}: {(done.stdout + done.stderr)[-3000:]}")


# Kills


def set_key(folder: Path, key: str, value: Any) -> None:
    content = yaml.safe_load((folder / "params.yaml").read_text())
    section = content
    *sections, last = key.split(".")
    for name in sections:
        section = section[name]
    section[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(content, default_flow_style=True, width=1000))


def move_outlines(folder: Path, by: int) -> None:
    """Another input: every outline that was drawn by hand lies so many pixels further to the left, inside its photo."""
    content = json.loads((ROOT / "data/sample/annotations.json").read_text())
    for photo in content["photos"]:
        photo["instances"] = [
            [[[max(0, x - by), y] for x, y in ring] for ring in instance] for instance in photo["instances"]
        ]
    (folder / "data/sample/annotations.json").write_text(json.dumps(content))


def changes(weights: list[Path]) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Changes for ever, each with its name; every one differs from the one of its kind before."""
    number = 0
    while True:
        number += 1
        for key, values in (
            ("superpixels.clusters", [4, 6, 5]),
            ("saliency.parameters", [{"smoothgrad": {"n_samples": 3}}, {"smoothgrad": {"n_samples": 2}}]),
            ("weights.files", [{CLASSIFIER: str(path)} for path in weights]),
            ("relevance.n_steps", [3, 2]),
            ("seed", [1, 2]),
            ("activations.precision", ["float16", "float32"]),
            ("statistics.resamples", [150, 100]),
        ):
            value = values[number % len(values)]
            yield f"{key}: {value}", lambda folder, key=key, value=value: set_key(folder, key, value)
        yield f"outlines {number}", lambda folder, number=number: move_outlines(folder, number)


def kill_after(seconds: float, folder: Path) -> bool:
    """Replicate, and kill all that is running; whether it had not ended before.

    Raises
    ------
    SystemExit : it had failed by itself
    """
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen(
            MAKE_REPRO, cwd=folder, env=environment_of(folder), stdout=log, stderr=log, start_new_session=True
        )
        try:
            code = running.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return True
        if code:
            log.seek(0)
            sys.exit(f"it does not go on after a kill:\n{log.read()[-3000:]}")
        return False


def try_kills(place: Path, n: int, rng: random.Random, tally: Tally) -> None:
    """One run that is killed so often; what it comes to is compared with a run from nothing with the last settings."""
    weights = [write_network(place / f"weights{seed}", CLASSIFIER, seed)[0] for seed in (1, 2)]
    endless, folder, n_killed = changes(weights), new_clone(place / "killed" / "clone"), 0
    while n_killed < n:
        killed = kill_after(rng.uniform(1, LONGEST), folder)
        n_killed += killed
        said = f"kill {n_killed} of {n}" if killed else "it had ended before"
        if n_killed % 2 or not killed:
            name, change = next(endless)
            change(folder)
            said += f", then {name}"
        print(said, flush=True)
    names = ("params.yaml", "data/sample/annotations.json")
    settings = {name: (folder / name).read_bytes() for name in names}
    with ThreadPoolExecutor() as both:  # each waits for a process of its own
        expected = both.submit(fresh, place / "fresh" / "clone", settings)
        replicate(folder)
    tally.note("kill -9", differences(folder, expected.result()), n)


# Full disks


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def try_disks(place: Path, n: int, expected: Path, tally: Tally) -> None:
    """A disk that grows from almost nothing to what is needed, in `n` steps, with a run in each."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        print("full disk: skipped: a file system of its own is mounted by root alone", flush=True)
        return
    taken = sum(path.stat().st_size for path in expected.rglob("*") if path.is_file() and path.stat().st_nlink == 1)
    taken += sum(path.stat().st_size for path in (expected / ".dvc/cache").rglob("*") if path.is_file())
    start = sum(path.stat().st_size + PAGE for path in map(ROOT.joinpath, tracked_files())) + MEBIBYTE  # a clone, alone
    with small_disk(place / "disk", start) as disk:
        folder, failed = new_clone(disk / "clone"), 0
        reasons = []
        for number in range(n):
            size = start + (taken - start) * number // n
            subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
            done = subprocess.run(MAKE_REPRO, cwd=folder, env=environment_of(folder), capture_output=True, text=True)
            lines = [line for line in done.stderr.splitlines() if "Traceback" in line]
            failed += done.returncode != 0
            print(f"disk of {size / MEBIBYTE:.0f} MiB: exit code {done.returncode}", flush=True)
            if lines and "stages" in done.stderr:
                reasons.append(f"a traceback at {size} bytes: {done.stderr[-1500:]}")
        subprocess.run(["mount", "-o", f"remount,size={4 * taken}", str(disk)], check=True)
        replicate(folder)
        reasons += differences(folder, expected)
        tally.note("full disk", reasons + ([] if failed else ["no disk was too small"]), failed)


# A registry that lies


class Registry(ThreadingHTTPServer):
    """An index of two packages, which serves their wheels in the way that `lie` says."""

    def __init__(self, wheels: list[Path]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {f"/{wheel.name}": wheel.read_bytes() for wheel in wheels}
        self.lie = ""
        self.address = f"http://127.0.0.1:{self.server_port}/simple"


def other_photos(wheel: bytes) -> bytes:
    """The same wheel with other bytes in its photos: a whole file that is not what it says."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry, content[::-1] if entry.filename.endswith((".jpg", ".png")) else content)
    return made.getvalue()


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        lie, files = self.server.lie, self.server.files
        if self.path.startswith("/simple/"):
            package = self.path.split("/")[2].replace("-", "_")
            links = "".join(f'<a href="{name}">{name[1:]}</a>' for name in files if name.startswith(f"/{package}"))
            return self.answer(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
        body = files[self.path]
        if lie == "serves other photos":
            body = other_photos(body)
        if lie == "serves half of a wheel as a whole one":
            body = body[: len(body) // 2]
        if lie == "serves noise":
            body = random.Random(0).randbytes(len(body))
        if lie == "serves a page in place of a wheel":
            body = b"<html>Please log in</html>"
        if lie == "serves nothing":
            body = b""
        if lie == "answers 503":
            return self.send_error(503)
        sent = len(body) // 2 if lie in ("closes the connection", "stalls") else len(body)
        self.answer(body, "application/zip", sent)
        if lie == "stalls":
            time.sleep(20)

    def answer(self, body: bytes, kind: str, sent: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        self.close_connection = True

    def log_message(self, *_args: object) -> None:
        pass


LIES = ["closes the connection", "stalls", "answers 503", "serves half of a wheel as a whole one", "serves noise"]
LIES += ["serves other photos", "serves a page in place of a wheel", "serves nothing"]


def try_registry(place: Path, lies: list[str], expected: Path, tally: Tally) -> None:
    """One run per lie, and then an honest one in the same folder."""
    wheels = [download_wheel(package, version, place / "wheels") for package, version, _ in (FOOLBOX, SKIMAGE)]
    registry = Registry(wheels)
    threading.Thread(target=registry.serve_forever, daemon=True).start()
    pip = {"PIP_INDEX_URL": registry.address, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    pip |= {"PIP_DEFAULT_TIMEOUT": "3", "PIP_RETRIES": "1", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    for number, lie in enumerate(lies):
        folder = new_clone(place / f"registry{number}" / "clone")
        environment = environment_of(folder) | pip
        subprocess.run([*STAGE[:-2], "choices"], cwd=folder, env=environment, check=True)
        reasons = []
        for registry.lie in (lie, ""):
            done = subprocess.run(STAGE, cwd=folder, env=environment, capture_output=True, text=True)
            said = done.stderr.strip().splitlines()
            if registry.lie and (done.returncode == 0 or len(said) != 1 or not said[0].startswith("error: ")):
                reasons.append(f"exit code {done.returncode} and {said}")
            if registry.lie and (folder / "data/raw/sample/photos/index.json").exists():
                reasons.append("a data set was taken")
            if not registry.lie and done.returncode:
                reasons.append(f"afterwards {said}")
        ours, theirs = contents(folder), contents(expected)
        reasons += [f"{name} differs" for name in theirs if "data/raw" in name and ours.get(name) != theirs[name]]
        tally.note(f"a registry that {lie}", reasons)
    registry.shutdown()


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--kills", type=int, default=30)
    given.add_argument("--sizes", type=int, default=10, help="of a disk; 0 for none, as of the others")
    given.add_argument("--lies", type=int, default=len(LIES), help="of a registry")
    given.add_argument("--seed", type=int, default=int(time.time()), help="of the moments")
    asked = given.parse_args()
    started, tally, rng = time.monotonic(), Tally(), random.Random(asked.seed)
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if asked.lies or asked.sizes:
            expected = fresh(place / "expected" / "clone", {})
            print(f"a run that nothing happens to: {time.monotonic() - started:.0f} s", flush=True)
            try_registry(place, LIES[: asked.lies], expected, tally)
            if asked.sizes:
                try_disks(place, asked.sizes, expected, tally)
        if asked.kills:
            try_kills(place, asked.kills, rng, tally)
    tried = sum(tally.tried.values())
    bad = {reason.partition(":")[0] for reason in tally.failed}
    survived = sum(n for kind, n in tally.tried.items() if kind not in bad)
    print(f"\nsurvived {survived} of {tried} faults, in {(time.monotonic() - started) / 60:.0f} min")
    for reason in tally.failed:
        print(f"  {reason}")
    sys.exit(bool(tally.failed))


if __name__ == "__main__":
    main()
