"""Ctrl-C: one line in place of a traceback."""

import sys

EXIT_CODE = 130  # of a program that SIGINT ended, as shells have it


def end_interrupted() -> None:
    """End the program that was interrupted, with a line on stderr."""
    print("error: interrupted; what is finished is kept: run dvc repro again, and it goes on", file=sys.stderr)
    sys.exit(EXIT_CODE)
