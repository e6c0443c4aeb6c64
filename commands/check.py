"""Check params.yaml before DVC reads it, and mend what a killed DVC left; what is wrong is said in one line."""

import json
import sys
import time
from pathlib import Path

from stages.params import read

LOCKS = Path(".dvc/tmp/rwlock")  # in which DVC notes what it reads and writes
MOMENT = 0.5  # seconds, in which a DVC that lives has written it


def main() -> None:
    mend(LOCKS)
    try:
        read()
    except ValueError as error:
        sys.exit(f"error: {error}")


def mend(locks: Path) -> None:
    """Remove the notes of a DVC that was killed while it wrote them, at which every later one would stop."""
    if is_damaged(locks):
        time.sleep(MOMENT)
        if is_damaged(locks):
            locks.unlink()
            print(f"{locks}: was left half-written by a DVC that was killed; removed", file=sys.stderr)


def is_damaged(locks: Path) -> bool:
    """Whether a file is there that is no JSON."""
    try:
        json.loads(locks.read_text())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


if __name__ == "__main__":
    main()
