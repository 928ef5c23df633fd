"""`eligo check`: every fault of packs and subject files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from app.inputs import is_pack, protocol_from, say, subject_files, unreadable
from app.main import FOUND, REJECTED
from engine.decision import Screener, rejection
from engine.faults import EngineFault, Fault, InputRejected
from engine.findings import findings
from engine.model import Protocol
from engine.packs import read_pack
from engine.record import dump
from engine.source import read_document
from engine.subjects import births_checked, same_subject_twice, subject_of


def run(arguments: Namespace) -> int:
    """Check packs and subjects; returns the exit code."""
    as_json = arguments.format == "json"
    worst = 0
    packs = [path for path in arguments.inputs if is_pack(path)]
    others = [path for path in arguments.inputs if path not in packs]
    for folder in packs:
        worst = max(worst, _check_pack(folder, as_json))
    if others:
        try:
            protocol = protocol_from(arguments.protocol)
        except InputRejected as rejected:
            _print(rejected.faults, None, "the pack", as_json)
            return REJECTED
        worst = max(worst, _check_subjects(others, protocol, arguments.as_of, as_json))
    return worst


def _print(faults: Sequence[Fault], subject: str | None, name: str, as_json: bool) -> None:
    if as_json:
        print(dump(rejection(InputRejected(faults), subject)).decode())
        return
    for fault in faults:
        print(fault.text())
    print(f"{name}: {len(faults)} fault{'' if len(faults) == 1 else 's'}")


def _check_pack(folder: Path, as_json: bool) -> int:
    name = folder.as_posix()
    try:
        protocol = read_pack(folder)
    except InputRejected as rejected:
        _print(rejected.faults, None, name, as_json)
        return REJECTED
    except OSError as error:
        _print([unreadable(folder, error)], None, name, as_json)
        return REJECTED
    try:
        Screener(protocol).close()
    except EngineFault as fault:
        say(f"{name}: engine fault: {fault.where}")
        return 3
    found = findings(protocol)
    if as_json:
        for finding in found:
            print(dump(rejection(InputRejected([finding]), None)).decode())
    else:
        for finding in found:
            print(finding.text())
        kinds = f"{len(protocol.criteria)} criteria, {len(protocol.facts)} facts"
        said = f"{len(found)} finding{'' if len(found) == 1 else 's'}" if found else "no faults"
        print(f"{name}: {said} ({protocol.id} {protocol.version}: {kinds})")
    return FOUND if found else 0


def _check_subjects(
    paths: Sequence[Path], protocol: Protocol, as_of: date | None, as_json: bool
) -> int:
    files, missing = subject_files(paths)
    worst = 0
    if missing:
        _print(missing, None, "files", as_json)
        worst = REJECTED
    seen: dict[str, list[str]] = {}
    clean = 0
    for file in files:
        subject_id = None
        try:
            document = read_document(file.path.as_posix(), file.path.read_bytes())
            subject = subject_of(document, protocol)
            subject_id = subject.id
            births_checked(subject, protocol, as_of or date.today(), document)
            seen.setdefault(subject.id, []).append(file.path.as_posix())
            clean += 1
        except InputRejected as rejected:
            _print(rejected.faults, rejected.subject or subject_id, file.path.as_posix(), as_json)
            worst = REJECTED
        except OSError as error:
            _print([unreadable(file.path, error)], None, file.path.as_posix(), as_json)
            worst = REJECTED
    for subject_name, names in seen.items():
        if len(names) > 1:
            clean -= len(names)
            _print(same_subject_twice(subject_name, names), subject_name, names[0], as_json)
            worst = REJECTED
    if not as_json:
        print(f"{clean} of {len(files)} subject files have no faults")
    return worst
