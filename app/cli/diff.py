"""`eligo diff`: what an amendment changes, and who of some subjects it concerns."""

from __future__ import annotations

import subprocess
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from app.run.exits import DOUBT, REJECTED
from app.run.inputs import (
    SubjectFile,
    Twice,
    path_text,
    print_faults,
    progress,
    same_ids,
    say,
    stages,
    subject_files,
    subject_in,
    unreadable,
    unwritable,
)
from app.run.printing import hand_out
from app.store.packs import pack_files
from app.store.writing import made_folder, write_file
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.record.shape import Decision, dump_any
from engine.regions.asked import Plain
from engine.terms import Protocol, Span
from engine.terms.faults import EngineFault, Fault, InputRejected
from engine.workbench.changed import Comparison
from engine.workbench.diff import compare
from engine.workbench.diff_record import record
from engine.workbench.flips import Flip, Subjects, flip


def run(arguments: Namespace) -> int:
    """Compare; returns the exit code: 0 whether or not something differs."""
    if arguments.format == "html" and arguments.out is None:
        say("--format html writes a file: say where with --out FILE")
        return REJECTED
    old, new = version_named(arguments.old), version_named(arguments.new)
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
    subjects: Subjects | None = None
    as_of = arguments.as_of or date.today()
    try:
        with stages() as reached:
            comparison = compare(old, new, reached, arguments.effort)
        if arguments.subjects is not None:
            subjects, code = _compared(comparison, files, as_of)
    except EngineFault as fault:
        say(f"engine fault: {fault.where}")
        return DOUBT
    content = _content(arguments.format, record(comparison, subjects))
    if arguments.out is None:
        hand_out(content)
        return code
    try:
        made_folder(arguments.out.parent)
        write_file(arguments.out, content)
    except OSError as error:
        say(unwritable(Path(error.filename or arguments.out), error).text())
        return REJECTED
    return code


def _content(form: str, found: Plain) -> bytes:
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
        if revision.startswith("-"):
            # Git would take it for an option.
            message = f"`{revision}` is no revision: it begins with `-`"
            hint = "write a folder, or REV:FOLDER with a branch, a tag or a commit"
            raise InputRejected([Fault(Span(name, 1, 1), "no-revision", message, hint)])
        return protocol_of(_from_git(name, revision, path), name)
    except OSError as error:
        raise InputRejected([unreadable(folder, error)]) from None


def _from_git(name: str, revision: str, path: str) -> dict[str, bytes]:
    """The files of a pack in a revision, without `cases/` and hidden files.

    Links are followed as in a folder: to other files and folders of the revision, that is.
    """
    where = path.strip("/")
    folder = f"{revision}:{where}" if path.startswith("/") else f"{revision}:./{where}"
    within = folder if folder.endswith((":", "/")) else folder + "/"
    kind, tree = _followed(name, folder)
    # Of anything else git says itself that it is no folder.
    tree = tree if kind == "tree" else folder
    found = {}
    for line in _git(name, "ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0"):
        about, _, listed = line.partition(b"\t")
        file = listed.decode("utf-8", "surrogateescape")
        parts = file.split("/")
        if not file or parts[0] == "cases" or any(part.startswith(".") for part in parts):
            continue
        mode, kind, blob = about.decode().split(" ")
        if mode == LINK:
            kind, blob = _followed(name, within + file, within=file)
        if kind == "blob":
            found[file] = _git(name, "cat-file", "blob", blob)
    return found


LINK = "120000"
"""The mode that git gives a symbolic link."""


def _followed(name: str, wanted: str, within: str = "") -> tuple[str, str]:
    """The kind and id of an object, links followed; ("", "") where git knows none.

    `within`: the file of the pack, where it is one. One that links to nothing, or to itself,
    is no file.
    Raises: InputRejected.
    """
    if "\n" in wanted:
        return "", ""
    said = _git(name, "cat-file", "--batch-check", "--follow-symlinks", given=wanted + "\n")
    first, _, rest = said.decode("utf-8", "backslashreplace").partition("\n")
    words = first.split(" ")
    if len(words) == 3 and words[1] in ("tree", "blob"):
        return words[1], words[0]
    if len(words) != 2 or not words[1].isdigit():
        return "", ""
    if within and words[0] in ("dangling", "loop"):
        return "", ""
    why = {
        "symlink": f"is a symbolic link out of the repository, to `{rest.rstrip()}`",
        "dangling": "is a symbolic link to what is not there",
        "loop": "is a symbolic link that leads to itself",
    }.get(words[0])
    if why is None:
        return "", ""
    what = f"`{within}` in `{name}`" if within else f"`{name}`"
    hint = "name the folder that it stands for, or one outside git"
    raise InputRejected([Fault(Span(name, 1, 1), "no-revision", f"{what} {why}", hint)])


def _git(name: str, *words: str, given: str = "") -> bytes:
    """What git answers. Raises: InputRejected, saying what it said."""
    try:
        done = subprocess.run(
            ["git", *words],
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
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
        if name.partition(":")[2].startswith("/"):
            hint += "; a path that begins with `/` begins at the repository's root"
        raise InputRejected([Fault(Span(name, 1, 1), "no-revision", message, hint)])
    return done.stdout


# --- subjects ---------------------------------------------------------------------------


def _compared(
    comparison: Comparison, files: Sequence[SubjectFile], as_of: date
) -> tuple[Subjects, int]:
    """Who comes out differently, in order of the files, and the exit code."""
    twice = same_ids(files)
    rejected: list[str] = []
    flips: list[Flip] = []
    with Screener(comparison.old) as before, Screener(comparison.new) as after:
        for file in progress(iter(files), len(files)):
            old = _decided(before, comparison.old, file, as_of, twice)
            new = _decided(after, comparison.new, file, as_of, twice)
            if isinstance(old, InputRejected) and isinstance(new, InputRejected):
                path = path_text(file.path)
                faults = dict.fromkeys([*old.faults, *new.faults])
                print_faults(replace(f, span=replace(f.span, path=path)) for f in faults)
                say(f"{path}: rejected under both versions")
                rejected.append(file.name)
                continue
            one = _flip(comparison, file, old, new)
            if one is not None:
                flips.append(one)
    found = Subjects(as_of, len(files) - len(rejected), tuple(flips), tuple(rejected))
    return found, REJECTED if rejected else 0


def _flip(
    comparison: Comparison,
    file: SubjectFile,
    old: Decision | InputRejected,
    new: Decision | InputRejected,
) -> Flip | None:
    """How a subject stands whom at least one version accepts; None where nothing differs."""
    decisions = [None if isinstance(one, InputRejected) else one for one in (old, new)]
    subject = next(one["subject"] for one in decisions if one is not None)
    faults = [
        f"{f.span.path}:{f.span.line}:{f.span.column}: {f.code}: {f.message}"
        for one in (old, new)
        if isinstance(one, InputRejected)
        for f in one.faults
    ]
    return flip(comparison, subject, file.name, (decisions[0], decisions[1]), tuple(faults))


def _decided(
    screener: Screener, protocol: Protocol, file: SubjectFile, as_of: date, twice: Twice
) -> Decision | InputRejected:
    """What one version decides on a file, or why it rejects it. Raises: EngineFault."""
    try:
        subject, _, _ = subject_in(file, protocol, as_of, twice)
    except InputRejected as rejected:
        return rejected
    return screener.decide(subject, as_of)
