"""`eligo check`: every fault of packs and subject files, and every finding about a pack."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from app.cli.remarks import check_subjects, close_files, print_rejected
from app.run.exits import DOUBT, FOUND, REJECTED
from app.run.inputs import (
    is_pack,
    path_text,
    protocol_from,
    say,
    stages,
    tell,
    unreadable,
    unwritable,
)
from app.run.packs import misnamed, read_all
from app.run.printing import hand_out, put
from app.store.writing import made_folder, write_file
from engine.decide.decision import Screener
from engine.read.source import Document, read_document
from engine.record.shape import dump_any
from engine.record.wording import counted
from engine.regions.asked import fitted
from engine.regions.diagrams import Effort
from engine.regions.space import Progress
from engine.terms import Protocol
from engine.terms.faults import EngineFault, Fault, InputRejected
from engine.workbench.analysis import findings
from engine.workbench.cases import Cases
from engine.workbench.findings import Finding
from engine.workbench.witness import change_lines

EVERY = 0.05
"""How often `--watch` looks at the files, in seconds."""


def run(arguments: Namespace) -> int:
    """Check packs and subjects; returns the exit code."""
    packs = [path for path in arguments.inputs if is_pack(path)]
    others = [path for path in arguments.inputs if path not in packs]
    if arguments.watch:
        if len(packs) != 1 or others or arguments.format != "text" or arguments.out:
            say("--watch takes one pack, and prints text: no --format and no --out")
            return REJECTED
        return watch(packs[0], times=arguments.effort)
    if arguments.close:
        return _close(arguments, packs, others)
    as_json = arguments.format == "json"
    worst = 0
    out = None if arguments.out is None else Witnesses(arguments.out)
    if arguments.format == "sarif":
        return _sarif(packs, others, out, arguments.effort)
    for folder in packs:
        worst = max(worst, _check_pack(folder, as_json, out, arguments.effort))
    if others:
        try:
            protocol = protocol_from(arguments.protocol)
        except InputRejected as rejected:
            print_rejected(rejected.faults, None, "the pack", as_json)
            return REJECTED
        as_of = arguments.as_of or date.today()
        worst = max(worst, check_subjects(others, protocol, as_of, as_json, date.today()))
    return worst


def _close(arguments: Namespace, packs: Sequence[Path], others: Sequence[Path]) -> int:
    if packs or arguments.format != "text" or arguments.out:
        say("--close takes subject files, and prints text: no pack, no --format and no --out")
        return REJECTED
    try:
        protocol = protocol_from(arguments.protocol)
    except InputRejected as rejected:
        print_rejected(rejected.faults, None, "the pack", False)
        return REJECTED
    today = date.today()
    return close_files(others, protocol, arguments.as_of or today, today)


def _everything(
    folder: Path,
    protocol: Protocol,
    screener: Screener,
    cases: Cases,
    progress: Progress,
    times: int,
) -> list[Finding]:
    """The findings about a pack's meaning, and those about its files.

    Raises: InputRejected, EngineFault.
    """
    found = findings(protocol, screener, cases, progress, Effort(times=times))
    try:
        unread = misnamed(folder)
    except OSError as error:
        raise InputRejected([unreadable(folder, error)]) from None
    return [*found, *(Finding(one.code, one.span, one.message, one.hint) for one in unread)]


def looked_into(folder: Path, times: int = 1) -> tuple[Protocol, list[Finding]]:
    """A pack and its findings, with so many times the usual effort.

    Raises: InputRejected, EngineFault.
    """
    protocol, cases = read_all(folder)
    with Screener(protocol) as screener, stages() as progress:
        return protocol, _everything(folder, protocol, screener, cases, progress, times)


def _check_pack(folder: Path, as_json: bool, out: Witnesses | None, times: int) -> int:
    name = path_text(folder)
    try:
        protocol, found = looked_into(folder, times)
    except InputRejected as rejected:
        print_rejected(rejected.faults, None, name, as_json)
        return REJECTED
    except EngineFault as fault:
        say(f"{name}: engine fault: {fault.where}")
        return DOUBT
    if out is not None and not out.written(found, protocol):
        return REJECTED
    if as_json:
        for finding in found:
            hand_out(dump_any(finding_record(finding, protocol)) + b"\n")
    else:
        _print_findings(found, protocol, folder)
    return FOUND if any(finding.severity != "note" for finding in found) else 0


def _print_findings(found: Sequence[Finding], protocol: Protocol, folder: Path) -> None:
    read = cache(_read_again)
    for finding in found:
        put(_text(finding, protocol, read))
    criteria, facts = len(protocol.criteria), len(protocol.facts)
    kinds = f"{criteria} criteri{'on' if criteria == 1 else 'a'}, "
    kinds += f"{facts} fact{'' if facts == 1 else 's'}"
    said = f"{len(found)} finding{'' if len(found) == 1 else 's'}" if found else "no faults"
    tell(f"{path_text(folder)}: {said} ({protocol.id} {protocol.version}: {kinds})")


def _text(finding: Finding, protocol: Protocol, read: Callable[[str], Document | None]) -> str:
    """A finding as people read it: the fault, how it is known, and its witness."""
    basis = "" if finding.basis == "read" else f" ({finding.basis})"
    fault = Fault(finding.place, finding.code, finding.message + basis, finding.hint)
    document = read(fault.span.path)
    if document is not None:
        shown = document.fault_at(fault.span, fault.code, fault.message, fault.hint)
        fault = replace(shown, span=fault.span)
    lines = [fault.text()]
    if finding.witness is not None:
        lines.append(f"  witness, as of {finding.witness.as_of.isoformat()}:")
        lines += change_lines(fitted(finding.witness.recorded, protocol), "    ")
    return "\n".join(lines)


def _read_again(path: str) -> Document | None:
    """A file of a pack, for its lines; None where it cannot be read any more."""
    try:
        return read_document(path, Path(path).read_bytes())
    except (OSError, InputRejected):
        return None


def finding_record(finding: Finding, protocol: Protocol) -> dict[str, Any]:
    """A finding as one JSON object, keys in a fixed order."""
    witness = finding.witness
    return {
        "schema": "eligo.finding/1",
        "file": finding.place.path,
        "line": finding.place.line,
        "column": finding.place.column,
        "code": finding.code,
        "severity": finding.severity,
        "basis": finding.basis,
        "message": finding.message,
        "hint": finding.hint,
        "criteria": list(finding.criteria),
        "witness": None
        if witness is None
        else {
            "as_of": witness.as_of.isoformat(),
            "verdict": witness.verdict,
            "statuses": dict(witness.statuses),
            "subject": {"subject": "WITNESS", **fitted(witness.recorded, protocol)},
        },
    }


class Witnesses:
    """The folder of `--out`: a subject file for every witness, named after its finding."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: set[str] = set()
        self.done = 0

    def written(self, found: Sequence[Finding], protocol: Protocol) -> bool:
        """Write those of one pack's findings; False if it cannot be done, which is said."""
        try:
            made_folder(self.folder)
            for finding in found:
                if finding.witness is not None:
                    text = finding.witness.text(protocol, finding.message)
                    write_file(self._free(finding), text)
                    self.done += 1
        except OSError as error:
            say(unwritable(Path(error.filename or self.folder), error).text())
            say(f"{counted(self.done, 'witness file')} written before this")
            return False
        return True

    def _free(self, finding: Finding) -> Path:
        name = stem = "-".join([finding.code, *finding.criteria[:3]])
        number = 1
        while name in self.taken:
            number += 1
            name = f"{stem}-{number}"
        self.taken.add(name)
        return self.folder / f"{name}.yaml"


def _sarif(packs: Sequence[Path], others: Sequence[Path], out: Witnesses | None, times: int) -> int:
    from reports.sarif import sarif

    if others:
        say("--format sarif takes packs; subject files have faults alone: use json")
        return REJECTED
    found: list[Finding] = []
    faults: list[Fault] = []
    code = 0
    for folder in packs:
        try:
            protocol, more = looked_into(folder, times)
            if out is not None and not out.written(more, protocol):
                return REJECTED
            found += more
        except InputRejected as rejected:
            faults += rejected.faults
            code = max(code, REJECTED)
        except EngineFault as fault:
            say(f"{path_text(folder)}: engine fault: {fault.where}")
            return DOUBT
    hand_out(dump_any(sarif(found, faults)) + b"\n")
    return max(code, FOUND if any(finding.severity != "note" for finding in found) else 0)


# --- watching ---------------------------------------------------------------------------


def watch(folder: Path, rounds: int | None = None, times: int = 1) -> int:
    """Check and test a pack whenever one of its files is saved, until interrupted.

    `rounds`: stop after so many changes (for tests). Returns the exit code of the last.
    """
    before: dict[str, tuple[int, int]] = {}
    code, done = 0, 0
    while rounds is None or done < rounds:
        now = _stamps(folder)
        if done and now != before:
            # An editor may be in the middle of it: half a file is not worth a look.
            time.sleep(EVERY)
            if _stamps(folder) != now:
                continue
        if now != before:
            before = now
            started = time.perf_counter()
            code = _again(folder, times)
            took = time.perf_counter() - started
            put(f"-- {took:.1f} s; waiting for a change (Ctrl-C ends) --")
            done += 1
        else:
            time.sleep(EVERY)
    return code


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """When each file of a pack was written, and its size."""
    found = {}
    for path in sorted(folder.rglob("*")):
        # What editors keep beside a file while it is open is none of the pack's.
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        try:
            if not hidden and path.is_file():
                status = path.stat()
                found[path_text(path)] = (status.st_mtime_ns, status.st_size)
        except OSError:
            continue  # an editor is replacing it: the next look sees it
    return found


def _again(folder: Path, times: int) -> int:
    """One round: the cases, by the reference evaluator, which is the quicker; the findings;
    and by the rules any case that came out otherwise."""
    from app.cli.test import print_failures, quickly_failing

    try:
        protocol, cases = read_all(folder)
        with Screener(protocol) as screener:
            failed = quickly_failing(protocol, cases.cases, screener)
            print_failures(failed)
            put(f"{len(cases.cases)} cases: {len(failed)} failed")
            with stages() as progress:
                found = _everything(folder, protocol, screener, cases, progress, times)
    except InputRejected as rejected:
        print_rejected(rejected.faults, None, path_text(folder), False)
        return REJECTED
    except EngineFault as fault:
        say(f"{path_text(folder)}: engine fault: {fault.where}")
        return DOUBT
    _print_findings(found, protocol, folder)
    worth = any(finding.severity != "note" for finding in found)
    return FOUND if worth or failed else 0
