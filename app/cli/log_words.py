"""The words of `eligo log` and `eligo replay`: parsed here, carried out by `commands`.

Kept apart so that the help of every command stays light.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any


def add_commands(commands: Any, day: Callable[[str], date]) -> None:
    """Add both commands to the parsers of the command line; `day` reads a date."""
    log = commands.add_parser(
        "log",
        help="the decision log: make one, read it, prove what is in it",
        description="Make a decision log, read it, verify it, and prove to others what is in it.",
    )
    log.set_defaults(module="app.cli.log")
    acts = log.add_subparsers(dest="act", required=True, metavar="WHAT")

    def act(name: str, says: str, *, writes: bool = False) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = acts.add_parser(name, help=says, description=says)
        parser.add_argument("log", type=Path, metavar="LOG", help="the log's folder")
        if writes:
            parser.add_argument("--by", required=True, metavar="NAME", help="who does this")
            parser.add_argument("--key-file", type=Path, metavar="FILE", help="the private key")
        return parser

    init = act("init", "make an empty log")
    init.add_argument("--name", metavar="NAME", help="what to call it; default: made up")
    init.add_argument("--key-file", type=Path, metavar="FILE", help="keep the private key there")

    listing = act("list", "list decisions")
    listing.add_argument("--subject", default="", metavar="ID")
    verdicts = ("eligible", "ineligible", "undetermined")
    listing.add_argument("--verdict", default="", choices=verdicts)
    listing.add_argument(
        "--criterion", default="", metavar="ID", help="that determined the verdict"
    )
    listing.add_argument("--since", type=day, metavar="DATE", help="logged on that day or later")
    listing.add_argument("--until", type=day, metavar="DATE", help="logged on that day or before")
    listing.add_argument("--by", default="", metavar="NAME", help="by whom; a part will do")

    show = act("show", "one decision: what was known, by whom, what changed since the last")
    show.add_argument("index", type=_index, metavar="INDEX")

    verify = act("verify", "verify a log or an export: every entry, content and signature")
    verify.add_argument("--key", metavar="KEY", help="the public key, or the file that holds it")
    verify.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="one that was kept elsewhere; may be given several times",
    )

    act("checkpoint", "print the latest checkpoint, to be kept elsewhere")

    prove = act("prove", "prove that an entry is in the log")
    prove.add_argument("index", type=_index, metavar="INDEX")
    prove.add_argument("--out", type=Path, metavar="FILE", help="write the proof there")

    says = "check a proof and the report it is of, with no log"
    check = acts.add_parser("check-proof", help=says, description=says)
    check.add_argument("proof", type=Path, metavar="FILE", help="the .tlog-proof")
    check.add_argument(
        "report", nargs="?", type=Path, metavar="REPORT", help="the report's file, or the record"
    )
    check.add_argument("--key", required=True, metavar="KEY", help="the public key, or its file")

    says = "prove that a log continues a checkpoint, or check such a proof"
    consistency = acts.add_parser("consistency", help=says, description=says)
    consistency.add_argument("old", type=Path, metavar="CHECKPOINT", help="the one kept")
    consistency.add_argument("new", type=Path, metavar="LOG_OR_PROOF")
    consistency.add_argument("--key", metavar="KEY", help="the public key, or its file")
    consistency.add_argument("--out", type=Path, metavar="FILE", help="write the proof there")

    export = act("export", "write a folder that can be verified without this software")
    export.add_argument("--out", type=Path, required=True, metavar="DIR")

    sign = act("sign", "sign a decision", writes=True)
    sign.add_argument("index", type=_index, metavar="INDEX")
    meanings = ("authorship", "review", "approval", "responsibility")
    sign.add_argument("--meaning", required=True, choices=meanings)

    redact = act("redact", "remove a subject's data, by an entry that says why", writes=True)
    what = redact.add_mutually_exclusive_group(required=True)
    what.add_argument("--subject", metavar="ID", help="every decision on this subject")
    what.add_argument("--index", type=_index, action="append", metavar="N", help="one decision")
    redact.add_argument("--reason", required=True, metavar="TEXT", help="stays in the log for good")

    clear = act("clear", "clear what a redaction left in the log's file, if it was disturbed")
    clear.add_argument("--key-file", type=Path, metavar="FILE", help="the private key")

    replay = commands.add_parser(
        "replay",
        help="decide again from a log alone, and compare byte for byte",
        description="Decide again from a log alone, under the recorded pack, and compare byte for "
        "byte.",
    )
    replay.add_argument("log", type=Path, metavar="LOG", help="the log's folder")
    which = replay.add_mutually_exclusive_group()
    which.add_argument("--index", type=_index, metavar="N", help="one decision")
    which.add_argument("--all", action="store_true", help="every decision; the default")
    replay.add_argument("--pack", type=Path, metavar="NEW", help="decide under this pack instead")
    replay.set_defaults(module="app.cli.log", act="replay")


def _index(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise argparse.ArgumentTypeError(f"`{text}` is not the index of an entry")
    return int(text)
