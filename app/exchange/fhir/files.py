"""The files of a FHIR import."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from pathlib import Path as FilePath

from app.exchange.fhir.read import (
    SUFFIXES,
    UNREAD_SUFFIXES,
)
from app.run.inputs import say
from engine.exchange.fhir.map import (
    FhirMap,
)
from engine.exchange.fhir.map_read import map_of
from engine.exchange.recorded import clean
from engine.read.packs import MAP_FILE
from engine.terms import Protocol, Span
from engine.terms.faults import Fault, InputRejected


def input_files(
    paths: Iterable[Path],
) -> tuple[list[tuple[Path, str]], list[tuple[str, str]]]:
    """The FHIR files named, folders walked in order, with names; and what cannot be read."""
    found: dict[Path, tuple[Path, str]] = {}
    missing: list[tuple[str, str]] = []
    for path in paths:
        if path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                relative = file.relative_to(path)
                if any(part.startswith(".") for part in relative.parts):
                    continue
                suffix = file.suffix.lower()
                if suffix in SUFFIXES:
                    found.setdefault(file.resolve(), (file, relative.as_posix()))
                elif suffix in UNREAD_SUFFIXES:
                    missing.append((clean(relative.as_posix()), f"not read: {suffix[1:]}"))
                    say(f"cannot be read as FHIR ({suffix[1:]}): {file.as_posix()}")
                else:
                    say(f"passed over, not a FHIR file: {file.as_posix()}")
        elif path.is_file():
            found.setdefault(path.resolve(), (path, path.name))
        else:
            say(f"there is no such file or folder: {path.as_posix()}")
            missing.append((clean(path.as_posix()), "not there"))
    return list(found.values()), missing


def read_map(folder: FilePath, protocol: Protocol) -> FhirMap:
    """The FHIR map of the pack in `folder`. Raises: InputRejected with every fault."""
    path = folder / MAP_FILE
    if not path.is_file():
        message = f"the pack has no `{MAP_FILE}`, which says what feeds its facts"
        raise InputRejected([Fault(Span(path.as_posix(), 1, 1), "no-file", message)])
    return map_of(path.as_posix(), path.read_bytes(), protocol)
