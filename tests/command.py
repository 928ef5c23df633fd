"""Run the command line in this process, as tests do."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

from app.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Standard error without its line breaks: they move with the length of a path."""
        return " ".join(self.err.split())


def eligo(*words: str) -> Ran:
    """Run `eligo WORDS`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as stop:  # argparse ends this way
            code = int(stop.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())
