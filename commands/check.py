"""Check params.yaml before DVC reads it: nothing, or one line that says what is wrong."""

import sys

from stages.params import read


def main() -> None:
    try:
        read()
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
