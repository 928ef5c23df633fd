"""Find what the command line names: packs, and subject files in files and folders."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.shipped import shipped_pack
from engine.faults import Fault, InputRejected
from engine.model import Protocol, Span
from engine.packs import PARTS, SUFFIXES, read_pack


@dataclass(frozen=True, slots=True)
class SubjectFile:
    """A file to read: where it is, and the name records call it (no path of the machine)."""

    path: Path
    name: str


def say(text: str) -> None:
    """A remark for the person, on standard error."""
    print(text, file=sys.stderr)


def protocol_from(folder: Path | None) -> Protocol:
    """The pack named, or the shipped one. Raises: InputRejected."""
    try:
        return read_pack(folder or shipped_pack())
    except OSError as error:
        raise InputRejected([unreadable(folder or Path("rules"), error)]) from None


def unreadable(path: Path, error: OSError) -> Fault:
    """The fault of a file that the system does not let us read."""
    message = f"the file cannot be read: {(error.strerror or 'unknown error').lower()}"
    return Fault(Span(path.as_posix(), 1, 1), "unreadable", message)


def is_pack(folder: Path) -> bool:
    """Whether a folder looks like a pack: it holds one of a pack's files."""
    return folder.is_dir() and any(
        (folder / (part + suffix)).is_file() for part in PARTS for suffix in SUFFIXES
    )


def subject_files(paths: Iterable[Path]) -> tuple[list[SubjectFile], list[Fault]]:
    """The subject files named, folders walked in order of name; faults for what is not there.

    Files of other kinds inside folders are named on standard error and passed over.
    """
    found: dict[Path, SubjectFile] = {}
    faults: list[Fault] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            for file in inside:
                relative = file.relative_to(path)
                if any(part.startswith(".") for part in relative.parts):
                    continue
                if file.suffix.lower() in SUFFIXES:
                    found.setdefault(file.resolve(), SubjectFile(file, relative.as_posix()))
                else:
                    say(f"passed over, not a subject file: {file.as_posix()}")
        elif path.is_file():
            found.setdefault(path.resolve(), SubjectFile(path, path.name))
        else:
            message = "there is no such file or folder"
            faults.append(Fault(Span(path.as_posix(), 1, 1), "no-file", message))
    return list(found.values()), faults


def print_faults(faults: Iterable[Fault]) -> None:
    """Faults, as people read them, on standard error."""
    for fault in faults:
        say(fault.text())
