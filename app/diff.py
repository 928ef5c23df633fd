"""`eligo diff`: what an amendment changes, and who of some subjects it concerns."""

from __future__ import annotations

import subprocess
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from app.inputs import (
    SubjectFile,
    path_text,
    print_faults,
    progress,
    say,
    stages,
    subject_files,
    unreadable,
    unwritable,
)
from app.main import DOUBT, REJECTED
from engine.decision import Screener
from engine.diff import Comparison, Flip, compare, flip, record
from engine.faults import EngineFault, Fault, InputRejected
from engine.model import Protocol, Span, Status, Verdict
from engine.packs import pack_files, protocol_of
from engine.record import dump_any
from engine.subjects import read_subject


def run(arguments: Namespace) -> int:
    """Compare; returns the exit code: 0 whether or not something differs."""
    if arguments.format == "html" and arguments.out is None:
        say("--format html writes a file: say where with --out FILE")
        return REJECTED
    try:
        old, new = version_named(arguments.old), version_named(arguments.new)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    files: list[SubjectFile] = []
    if arguments.subjects is not None:
        files, missing = subject_files([arguments.subjects])
        print_faults(missing)
        if not files:
            # Of nobody it could be said that nobody comes out differently.
            if not missing:
                say(f"{path_text(arguments.subjects)}: there is no subject file here")
            return REJECTED
    code = 0
    flips: list[Flip] | None = None
    as_of = arguments.as_of or date.today()
    try:
        with stages() as reached:
            comparison = compare(old, new, reached)
        if arguments.subjects is not None:
            flips, code = _flips(comparison, files, as_of)
    except EngineFault as fault:
        say(f"engine fault: {fault.where}")
        return DOUBT
    content = _content(arguments.format, comparison, flips, as_of)
    if arguments.out is None:
        print(content.decode(), end="")
        return code
    try:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_bytes(content)
    except OSError as error:
        say(unwritable(arguments.out, error).text())
        return REJECTED
    return code


def _content(form: str, comparison: Comparison, flips: Sequence[Flip] | None, as_of: date) -> bytes:
    found = record(comparison, flips, as_of)
    if form == "json":
        return dump_any(found) + b"\n"
    from reports import diff

    return (diff.as_html(found) if form == "html" else diff.as_text(found)).encode()


# --- versions ---------------------------------------------------------------------------


def version_named(name: str) -> Protocol:
    """The pack in a folder, or in a folder of a git revision (`REV:FOLDER`).

    Raises: InputRejected.
    """
    folder = Path(name)
    revision, colon, path = name.partition(":")
    try:
        # A drive letter is no revision, and a folder may have a colon in its name.
        if not colon or folder.exists():
            return protocol_of(pack_files(folder), folder.as_posix())
        return protocol_of(_from_git(name, revision, path), name)
    except OSError as error:
        raise InputRejected([unreadable(folder, error)]) from None


def _from_git(name: str, revision: str, path: str) -> dict[str, bytes]:
    """The files of a pack in a revision, without `cases/` and hidden files."""
    where = path.strip("/") or "."
    tree = f"{revision}:./{where}" if not path.startswith("/") else f"{revision}:{where}"
    listing = _git(name, "ls-tree", "-r", "-z", "--name-only", "--full-tree", tree)
    found = {}
    for file in listing.decode("utf-8", "surrogateescape").split("\0"):
        parts = file.split("/")
        if file and parts[0] != "cases" and not any(part.startswith(".") for part in parts):
            found[file] = _git(name, "show", f"{tree}/{file}")
    return found


def _git(name: str, *words: str) -> bytes:
    """What git answers. Raises: InputRejected, saying what it said."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)
    except FileNotFoundError:
        fault = Fault(
            Span(name, 1, 1), "no-git", "git is not installed here", "name a folder instead"
        )
        raise InputRejected([fault]) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1].removeprefix("fatal: ") if said else "no reason given"
        message = f"git cannot give `{name}`: {why}"
        hint = "write a folder, or REV:FOLDER relative to where you are"
        raise InputRejected([Fault(Span(name, 1, 1), "no-revision", message, hint)])
    return done.stdout


# --- subjects ---------------------------------------------------------------------------


def _flips(
    comparison: Comparison, files: Sequence[SubjectFile], as_of: date
) -> tuple[list[Flip], int]:
    """Who comes out differently, in order of the files, and the exit code."""
    code = 0
    found = []
    with Screener(comparison.old) as before, Screener(comparison.new) as after:
        for file in progress(iter(files), len(files)):
            try:
                data = file.path.read_bytes()
            except OSError as error:
                print_faults([unreadable(file.path, error)])
                code = REJECTED
                continue
            name, first = _decided(before, file.name, data, as_of)
            other, second = _decided(after, file.name, data, as_of)
            if first is None and second is None:
                say(f"{file.path.as_posix()}: rejected under both versions")
                code = REJECTED
                continue
            one = flip(
                comparison,
                name or other or file.name,
                file.name,
                first[1] if first else None,
                second[1] if second else None,
                (first[0] if first else None, second[0] if second else None),
            )
            if one is not None:
                found.append(one)
    return found, code


def _decided(
    screener: Screener, name: str, data: bytes, as_of: date
) -> tuple[str, tuple[Verdict, Mapping[str, Status]] | None]:
    """A subject's id, verdict and statuses; no verdict where the file is rejected."""
    try:
        subject = read_subject(data, name, screener.protocol, as_of)
    except InputRejected as rejected:
        return rejected.subject or "", None
    decision = screener.decide(subject, as_of)
    return subject.id, (decision["verdict"], {c["id"]: c["status"] for c in decision["criteria"]})
