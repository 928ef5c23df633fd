"""`eligo plan`: when, what to collect, what would have to change. And the worklist of many."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from app.inputs import (
    SubjectFile,
    Twice,
    path_text,
    print_faults,
    progress,
    protocol_from,
    same_ids,
    say,
    subject_files,
    subject_in,
    unwritable,
)
from app.main import DOUBT, REJECTED
from app.screen import file_stem
from engine.decision import Screener, engine_fault, rejection
from engine.faults import EngineFault, InputRejected
from engine.model import Protocol
from engine.plan.planner import Planner
from engine.plan.record import Plan
from engine.record import EngineFaultRecord, Rejection, dump_any

SUFFIX = {"text": "txt", "json": "json", "html": "html", "pdf": "pdf"}
Planned = Plan | Rejection | EngineFaultRecord


def run(arguments: Namespace) -> int:
    """Plan; returns the exit code."""
    if arguments.format in ("html", "pdf") and arguments.out is None:
        say(f"--format {arguments.format} writes files: say where with --out DIR")
        return REJECTED
    if arguments.out is not None:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            say(unwritable(arguments.out, error).text())
            return REJECTED
    worst = 0
    number = 0
    for file, planned in plans(arguments, arguments.horizon):
        if planned is None:
            return max(worst, REJECTED)
        worst = max(worst, _code(planned))
        content = _content(planned, arguments.format)
        if arguments.out is not None:
            if content:
                where = arguments.out / f"{_stem(planned, file)}.{SUFFIX[arguments.format]}"
                try:
                    where.write_bytes(content)
                except OSError as error:
                    say(unwritable(where, error).text())
                    return REJECTED
            continue
        if number and arguments.format == "text" and content:
            print("\n" + "=" * 80 + "\n")
        number += bool(content)
        sys.stdout.write(content.decode())
    if arguments.out is not None:
        print(f"plans: {path_text(arguments.out)}")
    return max(worst, REJECTED if arguments.missing else 0)


def worklist(arguments: Namespace) -> int:
    """`eligo screen --summary`: what to do next for each subject, the soonest first."""
    from reports import plan as report

    if arguments.format not in (None, "text", "csv", "ics"):
        say(f"--summary is written as text, csv or ics, not as {arguments.format}")
        return REJECTED
    if arguments.format == "ics" and not _has_icalendar():
        say("--format ics needs icalendar: pip install 'eligo[calendar]'")
        return REJECTED
    worst = 0
    made: list[Plan] = []
    for _, planned in plans(arguments, None):
        if planned is None:
            return max(worst, REJECTED)
        worst = max(worst, _code(planned))
        if planned["schema"] == "eligo.plan/1":
            made.append(planned)
    if arguments.format == "ics":
        content = report.worklist_ics(made)
    elif arguments.format == "csv":
        content = report.worklist_csv(made).encode()
    else:
        content = report.worklist(made).encode()
    if arguments.out is not None:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
            suffix = arguments.format if arguments.format in ("csv", "ics") else "txt"
            where = arguments.out / f"worklist.{suffix}"
            where.write_bytes(content)
        except OSError as error:
            say(unwritable(arguments.out, error).text())
            return REJECTED
        print(f"worklist: {path_text(where)}")
    else:
        sys.stdout.write(content.decode())
    return max(worst, REJECTED if arguments.missing else 0)


def _has_icalendar() -> bool:
    from importlib.util import find_spec

    return find_spec("icalendar") is not None


def _code(planned: Planned) -> int:
    return {"eligo.rejection/1": REJECTED, "eligo.fault/1": DOUBT}.get(planned["schema"], 0)


def plans(
    arguments: Namespace, horizon: int | None
) -> Iterator[tuple[SubjectFile, Planned | None]]:
    """A plan, or why there is none, for each subject file; None: nothing can be planned.

    Sets `arguments.missing` to whether a file named is not there.
    """
    as_of = arguments.as_of or date.today()
    if as_of > date.today():
        say(f"note: the as-of date {as_of} is in the future")
    nowhere = SubjectFile(Path(), "")
    try:
        protocol = protocol_from(arguments.protocol)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        yield nowhere, None
        return
    files, missing = subject_files(arguments.subjects)
    arguments.missing = bool(missing)
    print_faults(missing)
    if not files and not missing:
        say("there is no subject file here: nothing was planned")
        yield nowhere, None
        return
    twice = same_ids(files)
    try:
        with Screener(protocol) as screener:
            planner = Planner(screener)
            each = (_plan(planner, protocol, file, as_of, horizon, twice) for file in files)
            yield from zip(files, progress(each, len(files)), strict=True)
    except EngineFault as fault:
        say(f"engine fault: {fault.where}; no plan was made")
        yield nowhere, engine_fault(fault, None)


def _plan(
    planner: Planner,
    protocol: Protocol,
    file: SubjectFile,
    as_of: date,
    horizon: int | None,
    twice: Twice,
) -> Planned:
    subject_id = None
    try:
        subject, _, _ = subject_in(file, protocol, as_of, twice)
        subject_id = subject.id
        return (
            planner.plan(subject, as_of)
            if horizon is None
            else planner.plan(subject, as_of, horizon)
        )
    except InputRejected as rejected:
        path = path_text(file.path)
        print_faults(replace(f, span=replace(f.span, path=path)) for f in rejected.faults)
        return rejection(rejected, rejected.subject)
    except EngineFault as fault:
        say(f"{path_text(file.path)}: engine fault: {fault.where}; no plan was made")
        return engine_fault(fault, subject_id)


def _stem(planned: Planned, file: SubjectFile) -> str:
    subject = planned["subject"] if planned["schema"] == "eligo.plan/1" else None
    return file_stem(subject, file) + ("" if subject is not None else ".rejected")


def _content(planned: Planned, form: str) -> bytes:
    if form == "json":
        return dump_any(planned) + b"\n"
    if planned["schema"] != "eligo.plan/1":
        return b""
    from reports import plan as report

    if form == "pdf":
        return report.as_pdf(planned)
    text = report.as_html(planned) if form == "html" else report.as_text(planned)
    return text.encode()
