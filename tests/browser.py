"""Pages as a browser sees them, without a window and without a net."""

import html
import json
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@cache
def missing() -> str:
    """Why there is no browser, or ""."""
    if CHROMIUM is None:
        return "there is no chromium (Debian: apt-get install chromium)"
    with TemporaryDirectory() as scratch:
        done = subprocess.run([*_command(Path(scratch)), "about:blank"], capture_output=True, text=True)
    return "" if "<html>" in done.stdout else f"chromium does not start: {done.stderr.strip()[-200:]}"


AROUND = """<!DOCTYPE html><title>around</title><iframe src="{page}" style="width: {width}px; height: 900px"></iframe>
<script>window.addEventListener("message", (event) => {{
  const answer = document.createElement("script");
  answer.type = "application/json";
  answer.id = "seen";
  answer.textContent = event.data.replaceAll("<", "\\u003c");
  document.body.append(answer);
}});</script>"""


def seen(site: Path, name: str, width: int, scratch: Path, accessible: bool = True) -> dict[str, Any]:
    """What tests/browser.js finds of a page of a folder in a frame `width` pixels wide, as narrow as a phone.

    The page is copied with that script in it, beside what it refers to. Parameters: `accessible`, whether axe looks at
    it too, which takes seconds.
    """
    axe = Path(str(find_spec("axe_core_python").submodule_search_locations[0]), "axe.min.js")  # type: ignore[union-attr]
    scripts = [axe] * accessible + [Path(__file__).with_suffix(".js")]
    tags = "".join(f'<script src="{script.as_uri()}"></script>' for script in scripts)
    page, around = site / f"seen-{width}-{name}", site / f"around-{width}-{name}"
    page.write_text((site / name).read_text(encoding="utf-8").replace("<head>", f"<head>{tags}", 1), encoding="utf-8")
    around.write_text(AROUND.format(page=page.name, width=width), encoding="utf-8")
    try:
        dom = _dumped(scratch, around)
    finally:
        page.unlink()
        around.unlink()
    [answer] = re.findall(r'<script type="application/json" id="seen">(.*?)</script>', dom, re.DOTALL)
    found: dict[str, Any] = json.loads(html.unescape(answer))
    return found


def printed(page: Path, scratch: Path) -> str:
    """The text of a page as it is printed, column by column.

    Raises FileNotFoundError where there is no pdftotext (Debian: poppler-utils).
    """
    target = scratch / "printed.pdf"
    command = [*_command(scratch), f"--print-to-pdf={target}", "--no-pdf-header-footer", page.as_uri()]
    subprocess.run([each for each in command if each != "--dump-dom"], capture_output=True, timeout=300, check=True)
    return subprocess.run(["pdftotext", target, "-"], capture_output=True, text=True, check=True).stdout


def _dumped(scratch: Path, page: Path) -> str:
    """The page when its scripts have run; no name of a host leads anywhere."""
    done = subprocess.run([*_command(scratch), page.as_uri()], capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


def _command(scratch: Path) -> list[str]:
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command += [f"--user-data-dir={scratch / 'profile'}", "--dump-dom", "--window-size=1400,1000"]
    return [*command, "--virtual-time-budget=60000"]
