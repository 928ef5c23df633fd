"""Find what the command line names: packs, and subject files in files and folders."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import category, normalize

from app.run.printing import say as say
from app.run.printing import tell as tell
from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from app.store.writing import unfinished_at
from engine.read.packs import PARTS, SUFFIXES
from engine.read.source import Document, scan_document
from engine.read.subjects import same_subject_twice, subject_of
from engine.terms import Protocol, Span, Subject
from engine.terms.agents import ALIKE
from engine.terms.faults import Fault, InputRejected, first_faults

T = TypeVar("T")

ACCOUNT = "import-report"
"""The folder beside subject files in which an import says what became of its input."""


@dataclass(frozen=True, slots=True)
class SubjectFile:
    """A file to read: where it is, and the name records call it (no path of the machine)."""

    path: Path
    name: str


def path_text(path: Path) -> str:
    """A path as text; bytes that are not UTF-8 stand as escapes."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def protocol_from(folder: Path | None) -> Protocol:
    """The pack named, or the shipped one. Raises: InputRejected."""
    try:
        return read_pack(folder or shipped_pack())
    except OSError as error:
        raise InputRejected([unreadable(folder or Path("rules"), error)]) from None


def in_effect(protocol: Protocol, as_of: date) -> str:
    """A note where a pack is used before it is in effect; else nothing."""
    if protocol.effective is None or protocol.effective <= as_of:
        return ""
    named = f"{protocol.id} {protocol.version}"
    return f"note: {named} is in effect from {protocol.effective}, after the as-of date"


def unreadable(path: Path, error: OSError) -> Fault:
    """The fault of a file that the system does not let us read."""
    message = f"the file cannot be read: {(error.strerror or 'unknown error').lower()}"
    return Fault(Span(path_text(path), 1, 1), "unreadable", message)


def bounded(path: Path, most: int) -> bytes:
    """A file's bytes, of which no more than `most` are read. Raises: InputRejected."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputRejected([unreadable(path, error)]) from None
    if len(data) > most:
        what = f"the file has more than {most} bytes"
        raise InputRejected([Fault(Span(path_text(path), 1, 1), "too-large", what)])
    return data


def unwritable(path: Path, error: OSError) -> Fault:
    """The fault of a file or folder that the system does not let us write."""
    message = f"this cannot be written: {(error.strerror or 'unknown error').lower()}"
    return Fault(Span(path_text(path), 1, 1), "unwritable", message)


def is_pack(folder: Path) -> bool:
    """Whether a folder looks like a pack: it holds one of a pack's files."""
    return folder.is_dir() and any(
        (folder / (part + suffix)).is_file() for part in PARTS for suffix in SUFFIXES
    )


def subject_files(paths: Iterable[Path]) -> tuple[list[SubjectFile], list[Fault]]:
    """The subject files named, folders walked in order of name; faults for what is not there.

    Files of other kinds inside folders are named on standard error and passed over. Where one
    of the folders is unfinished there is no file at all: of some subjects nobody would know.
    """
    found: dict[Path, SubjectFile] = {}
    faults: list[Fault] = []
    cut_short: dict[Path, Fault] = {}
    for path in paths:
        if (mark := unfinished_at(path)) is not None:
            cut_short[mark] = unfinished_fault(mark)
        elif path.is_dir():
            for file in _inside(path, cut_short):
                relative = file.relative_to(path)
                found.setdefault(file.resolve(), SubjectFile(file, path_text(relative)))
        elif path.is_file():
            found.setdefault(path.resolve(), SubjectFile(path, path_text(Path(path.name))))
        else:
            message = "there is no such file or folder"
            faults.append(Fault(Span(path_text(path), 1, 1), "no-file", message, _meant(path)))
    if cut_short:
        return [], [*faults, *cut_short.values()]
    return list(found.values()), faults


def unfinished_fault(mark: Path) -> Fault:
    """The fault of a folder that holds the note that it is not whole."""
    what = "this folder is unfinished: what wrote into it was cut short, or is still at work"
    hint = f"run that import again; `{mark.name}` in the folder goes away when it is done"
    return Fault(Span(path_text(mark.parent), 1, 1), "unfinished", what, hint)


def _meant(path: Path) -> str:
    """The hint that offers a subject file whose name was given without its end."""
    try:
        there = sorted(
            entry
            for entry in path.parent.iterdir()
            if entry.suffix.lower() in SUFFIXES
            and entry.is_file()
            and (
                entry.stem == path.name or entry.stem.startswith((f"{path.name}-", f"{path.name}_"))
            )
        )
    except (OSError, ValueError):
        return ""
    return f"did you mean `{path_text(there[0])}`?" if there else ""


def print_faults(faults: Iterable[Fault]) -> None:
    """Faults, as people read them, on standard error."""
    for fault in first_faults(faults):
        say(fault.text())


def _inside(folder: Path, cut_short: dict[Path, Fault]) -> Iterator[Path]:
    """The subject files below a folder, in order of name; the rest is named, not read."""
    if (mark := unfinished_at(folder)) is not None:
        cut_short[mark] = unfinished_fault(mark)
        return
    for entry in sorted(folder.iterdir()):
        hidden = entry.name.startswith(".")
        if entry.is_dir() and not entry.is_symlink() and not hidden:
            if entry.name != ACCOUNT or not (entry / "manifest.txt").is_file():
                yield from _inside(entry, cut_short)
        elif entry.suffix.lower() == ".json" and not hidden and _is_ours(entry):
            say(f"passed over, not a subject file: {path_text(entry)}")
        elif (
            (entry.is_file() or not entry.exists())  # a link to nothing is a subject that is lost
            and entry.suffix.lower() in SUFFIXES
            and not hidden
        ):
            yield entry
        else:
            say(f"passed over, not a subject file: {path_text(entry)}")


_OURS = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"schema"\s*:\s*"eligo\.')
"""How a record, a report or an account of Eligo begins."""


def _is_ours(file: Path) -> bool:
    """Whether a file was written by Eligo, and so is about subjects and not of one."""
    try:
        with file.open("rb") as stream:
            return _OURS.match(stream.read(200)) is not None
    except OSError:
        return False


Twice = dict[Path, tuple[str, Fault]]
"""By file, the subject id that others state too, and the fault that says so."""

_IN_JSON = re.compile(r'"subject"\s*:\s*"([^"\\]*)"')
_IN_YAML = re.compile(r"""^subject[ \t]*:[ \t]*["']?([^"'#\n]*)""", re.MULTILINE)


def same_ids(files: Sequence[SubjectFile]) -> Twice:
    """The files that state one subject id together: each of them is rejected."""
    groups: dict[str, list[SubjectFile]] = {}
    for file in files if len(files) > 1 else ():
        subject = _quick_id(file)
        if subject is not None:
            groups.setdefault(subject, []).append(file)
    found: Twice = {}
    for subject, group in groups.items():
        stated = [(file, _stated_id(file)) for file in group if len(group) > 1]
        together = [(file, one) for file, one in stated if one and looks_like(one[0]) == subject]
        if len(together) > 1:
            faults = same_subject_twice(together[0][1][0], [one[1:] for _, one in together])
            for (file, one), fault in zip(together, faults, strict=True):
                found[file.path] = (one[0], fault)
    return found


def looks_like(subject: str) -> str:
    """One form for ids that look alike: composed, and without signs that nobody sees."""
    return "".join(
        char for char in normalize("NFKC", subject.strip()) if category(char) not in ("Cf", "Cc")
    )


def may_be_one(subject: str) -> str:
    """One form for ids that may be meant for one person: they differ in case, width, leading
    zeros, blanks, letters of one shape or signs that nobody sees alone."""
    folded = looks_like(subject).casefold().translate(ALIKE)
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", "".join(folded.split()))


def _quick_id(file: SubjectFile) -> str | None:
    """What a file may state as its id; an inner key may be taken for it, but none is missed."""
    try:
        data = file.path.read_bytes()
        if file.path.suffix.lower() == ".json" and b"\\" not in data:
            plain = _IN_JSON.findall(data.decode("utf-8-sig"))
            if len(plain) == 1 and data.count(b'"subject"') == 1:
                return looks_like(plain[0])
    except (OSError, UnicodeDecodeError):
        pass
    stated = _stated_id(file)
    return looks_like(stated[0]) if stated else None


def _stated_id(file: SubjectFile) -> tuple[str, Document, Span] | None:
    """The id that a file states, and where; a file that cannot be read states what it seems to.

    So a correction with a slip in it does not leave the file that it corrects to decide on.
    """
    try:
        data = file.path.read_bytes()
    except OSError:
        return None
    try:
        document = scan_document(file.name, data)
    except InputRejected:
        text = data.decode("utf-8", "replace")
        found = _IN_YAML.search(text) or _IN_JSON.search(text)
        if found is None:
            return None
        at = found.start(1)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        return found[1].strip(), Document(file.name, text, None), Span(file.name, line, column)
    stated = document.value.get("subject") if isinstance(document.value, dict) else None
    if not isinstance(stated, str):
        return None
    return stated.strip(), document, document.span(("subject",))


def seeming_subject(file: SubjectFile) -> str | None:
    """The id of the subject that a file is about, as far as it can be made out."""
    stated = _stated_id(file)
    return stated[0] if stated and 0 < len(stated[0]) <= 200 else None


def subject_in(
    file: SubjectFile, protocol: Protocol, as_of: date, twice: Twice, today: date | None = None
) -> tuple[Subject, Document, bytes]:
    """The subject in a file as of a date, its document, and the file's bytes.

    `today`: where data are entered; nothing was observed after it.

    Raises: InputRejected, with every fault: also where the file cannot be read, or others
    state the same id (`twice`).
    """
    subject_id, also = twice.get(file.path, (None, None))
    try:
        data = file.path.read_bytes()
        document = scan_document(file.name, data)
        digest = "sha256:" + sha256(data).hexdigest()
        subject = subject_of(document, protocol, digest, as_of, today)
    except OSError as error:
        raise InputRejected([unreadable(Path(file.name), error)], subject_id) from None
    except InputRejected as rejected:
        if also is None:
            raise
        raise InputRejected([*rejected.faults, also], subject_id) from None
    if also is not None:
        raise InputRejected([also], subject_id)
    return subject, document, data


def progress(results: Iterator[T], count: int) -> Iterator[T]:
    """A progress bar on a terminal, for work that a person waits for."""
    if count < 2 or not sys.stderr.isatty():
        yield from results
        return
    from tqdm import tqdm

    yield from tqdm(results, total=count, unit="subject", ncols=78, file=sys.stderr, leave=False)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal for work of several stages; elsewhere nothing.

    What it gives is told the stage, how much of it is done, and how much there is.
    """
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from tqdm import tqdm

    bar: Any = None
    shown = ""

    def reached(stage: str, done: int, total: int) -> None:
        nonlocal bar, shown
        if bar is None or shown != stage:
            if bar is not None:
                bar.close()
            shown, form = stage, "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}]"
            bar = tqdm(
                desc=stage, total=total, ncols=78, file=sys.stderr, leave=False, bar_format=form
            )
        bar.update(done - bar.n)

    try:
        yield reached
    finally:
        if bar is not None:
            bar.close()
