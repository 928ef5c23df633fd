"""The command line: parse the words, call one module, return its exit code.

Exit codes: 0 every subject was decided, all was done; 1 a check or test found something; 2 an
input could not be read or was rejected, a file could not be written, or the words were wrong;
3 the software is at fault: it was in doubt about itself, a process died, something slipped. The
highest wins.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from app.cli.words import parser
from app.run.exits import DOUBT, REJECTED
from app.run.printing import say


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. What a command was given and cannot read at all,
    its pack for one, ends it here, with every fault."""
    arguments = parser().parse_args(argv)
    run = import_module(arguments.module).run
    from engine.terms.faults import InputRejected

    try:
        code: int = run(arguments)
    except InputRejected as rejected:
        from app.run.inputs import print_faults

        print_faults(rejected.faults)
        return REJECTED
    return code


def entry() -> int:
    """The console script: a closed pipe or an interrupt ends it quietly."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the same bytes under every locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        about = f": {error.filename}" if error.filename else ""
        return _ended(error, f"eligo: {error.strerror or error}{about}", REJECTED)
    except MemoryError as error:
        return _ended(error, "eligo: there is not enough memory for this", DOUBT)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except Exception as error:
        # The last handler: a traceback and exit code 1 would say that a check found something.
        what = f"eligo: a fault of the software, {type(error).__name__} at {_place(error)}"
        return _ended(error, f"{what}; no more was done", DOUBT)
    return code


def _place(error: Exception) -> str:
    """The line of ours that an error came from; its message might quote a patient's file."""
    root = Path(__file__).parents[2]
    place = "an unknown place"
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if any(file.is_relative_to(root / ours) for ours in ("app", "engine", "reports")):
            place = f"{file.relative_to(root).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _ended(error: Exception, said: str, code: int) -> int:
    """One line, and an exit code; with ELIGO_DEBUG set, whoever looks for the cause sees it."""
    if os.environ.get("ELIGO_DEBUG"):
        import traceback

        traceback.print_exception(error)
    with suppress(OSError):
        say(said)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left unwritten
    return code
