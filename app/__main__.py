"""`python -m app` is the command `eligo`."""

import sys

from app.cli.main import entry

if __name__ == "__main__":
    sys.exit(entry())
