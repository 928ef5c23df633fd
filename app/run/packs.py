"""A pack with its cases, as every command of the workbench reads it."""

from __future__ import annotations

from pathlib import Path

from app.run.inputs import (
    path_text,
    unreadable,
)
from app.store.packs import case_files, misnamed_files, pack_files
from engine.read.packs import protocol_of
from engine.terms import Protocol, Span
from engine.terms.faults import Fault, InputRejected
from engine.workbench.cases import Cases, read_cases


def read_all(folder: Path) -> tuple[Protocol, Cases]:
    """A pack and its cases, whose faults are listed beside them.

    Raises: InputRejected with the faults of the pack itself.
    """
    try:
        protocol = _protocol(folder)
        cases = read_cases(case_files(folder), protocol, f"{path_text(folder)}/cases")
    except OSError as error:
        raise InputRejected([unreadable(folder, error)]) from None
    return protocol, cases


def _protocol(folder: Path) -> Protocol:
    """A pack without its cases; where a file of it is missing, what may be meant as that one.

    Raises: InputRejected, OSError.
    """
    try:
        return protocol_of(pack_files(folder), path_text(folder))
    except InputRejected as rejected:
        if any(fault.code == "pack-file" for fault in rejected.faults):
            raise InputRejected([*rejected.faults, *misnamed(folder)]) from None
        raise


def misnamed(folder: Path) -> list[Fault]:
    """The files of a pack that nothing reads. Raises: OSError."""
    what = "nothing reads a file of this name"
    return [
        Fault(
            Span(f"{path_text(folder)}/{path_text(Path(name))}", 1, 1), "misnamed-file", what, hint
        )
        for name, hint in misnamed_files(folder).items()
    ]
