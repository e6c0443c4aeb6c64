"""A stage as a program: its wall time is noted, an error of the user's is one line."""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nas.parameters.interrupts import end_interrupted
from nas.parameters.reading import ParametersError
from nas.store import lacks_memory, one_line, write_json


def run_program(
    read: Callable[[], Any],
    main: Callable[..., None],
    arguments: Sequence[str] | Callable[[Any], Sequence[str]],
    timings: Path,
) -> None:
    """Run `main` with the parameters that `read` gives and arguments, which may be made from the parameters.

    An error of the user's ends the program with exit code 1; with NAS_DEBUG set, its traceback is shown.

    Parameters: `timings`, JSON file of wall times by name of the program and its arguments, in seconds.
    """
    started = time.monotonic()
    try:
        parameters = read()
        given = arguments(parameters) if callable(arguments) else arguments
        main(parameters, *given)
    except KeyboardInterrupt:
        end_interrupted()
    except ParametersError as error:
        sys.exit(f"error: {error}")
    except (ValueError, OSError) as error:
        if os.environ.get("NAS_DEBUG"):
            traceback.print_exc()
        sys.exit(f"error: {_said(error)}")
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        found = one_line(error, 200)
        sys.exit(f"error: memory is full ({found}); set the batch of this stage lower, or run fewer programs beside it")
    name = " ".join([Path(sys.argv[0]).stem, *given])
    try:
        known = _noted(timings)
        write_json(timings, dict(sorted({**known, name: round(time.monotonic() - started, 1)}.items())))
    except OSError as error:  # what the program made is whole
        print(f"the wall time is not noted: {error}", file=sys.stderr)


def _said(error: Exception) -> str:
    """An error of the user's in one line; of a file of the workspace that is missing, what makes it."""
    if isinstance(error, FileNotFoundError) and error.filename and not Path(error.filename).is_absolute():
        return one_line(f"{error.filename} is missing; run dvc repro, which makes it")
    return one_line(error)


def _noted(timings: Path) -> dict[str, float]:
    """The wall times of earlier programs; of a damaged file none, since they are a note and no result."""
    if not timings.exists():
        return {}
    try:
        return {str(name): float(seconds) for name, seconds in json.loads(timings.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError):
        print(f"{timings}: is damaged; the wall times of earlier stages are lost", file=sys.stderr)
        return {}
