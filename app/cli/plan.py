"""`eligo plan`: when, what to collect, what would have to change. And the worklist of many."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
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
    protocol_from,
    same_ids,
    say,
    seeming_subject,
    subject_files,
    subject_in,
    unwritable,
)
from app.run.printing import hand_out, put
from app.run.shelf import Shelf, shelf
from app.store.writing import made_folder, write_file
from engine.decide.decision import Screener, engine_fault, rejection
from engine.plan.plan import plan_of
from engine.plan.planner import Planner
from engine.plan.record import Plan
from engine.record.shape import EngineFaultRecord, Rejection, dump_any
from engine.record.wording import counted
from engine.terms import Protocol
from engine.terms.faults import EngineFault, Fault, InputRejected

Planned = Plan | Rejection | EngineFaultRecord


def run(arguments: Namespace) -> int:
    """Plan; returns the exit code."""
    if arguments.format in ("html", "pdf") and arguments.out is None:
        say(f"--format {arguments.format} writes files: say where with --out DIR")
        return REJECTED
    worst = number = done = 0
    place: Shelf | None = None
    try:
        if arguments.out is not None:
            place = shelf(arguments.out, _day(arguments), arguments.format, ".plan")
        for file, planned, faults in plans(arguments, arguments.horizon):
            if planned is None:
                return max(worst, REJECTED)
            worst = max(worst, _code(planned))
            if place is not None and file is not None:
                _shelve(place, planned, file, faults, arguments.format)
                done += 1
                continue
            content = _content(planned, arguments.format)
            if number and arguments.format == "text" and content:
                put("\n" + "=" * 80 + "\n")
            number += bool(content)
            hand_out(content)
    except OSError as error:
        if arguments.out is None or not error.filename:
            raise
        say(unwritable(Path(error.filename), error).text())
        say(f"{counted(done, 'plan')} {'was' if done == 1 else 'were'} written before this")
        return REJECTED
    if arguments.out is not None:
        put(f"plans: {path_text(arguments.out)}")
    return max(worst, REJECTED if arguments.missing else 0)


def _shelve(
    place: Shelf, planned: Planned, file: SubjectFile, faults: Sequence[Fault], form: str
) -> None:
    """Write a plan, or why there is none, where it belongs. Raises: OSError."""
    content = _content(planned, form)
    if planned["schema"] == "eligo.plan/1":
        place.keep(planned["subject"], file, content)
        return
    if form != "json":
        said = [fault.text() for fault in faults] or ["engine fault: no plan was made"]
        content = "".join(f"{one}\n" for one in said).encode()
    doubled = any(fault.code == "duplicate-subject" for fault in faults)
    place.reject(planned["subject"], file, content, doubled=doubled)


def _day(arguments: Namespace) -> date:
    day: date = arguments.as_of or date.today()
    return day


def worklist(arguments: Namespace) -> int:
    """`eligo screen --summary`: what to do next for each subject, the soonest first."""
    from reports import worklist as worklists

    if arguments.format not in (None, "text", "csv", "ics"):
        say(f"--summary is written as text, csv or ics, not as {arguments.format}")
        return REJECTED
    if arguments.format == "ics" and not _has_icalendar():
        say("--format ics needs icalendar: pip install 'eligo[calendar]'")
        return REJECTED
    worst = 0
    made: list[Plan] = []
    others: list[Rejection | EngineFaultRecord] = []
    for _, planned, _ in plans(arguments, None):
        if planned is None:
            return max(worst, REJECTED)
        worst = max(worst, _code(planned))
        if planned["schema"] == "eligo.plan/1":
            made.append(planned)
        else:
            others.append(planned)
    rows = made, others, _day(arguments).isoformat()
    if arguments.format == "ics":
        content = worklists.worklist_ics(*rows)
    elif arguments.format == "csv":
        content = worklists.worklist_csv(*rows).encode()
    else:
        content = worklists.worklist(*rows).encode()
    if arguments.out is not None:
        suffix = arguments.format if arguments.format in ("csv", "ics") else "txt"
        where = arguments.out / f"worklist.{suffix}"
        try:
            made_folder(arguments.out)
            write_file(where, content)
        except OSError as error:
            say(unwritable(Path(error.filename or where), error).text())
            return REJECTED
        put(f"worklist: {path_text(where)}")
    elif arguments.format in ("csv", "ics"):
        hand_out(content)
    else:
        put(content.decode(), end="")
    return max(worst, REJECTED if arguments.missing else 0)


def _has_icalendar() -> bool:
    from importlib.util import find_spec

    return find_spec("icalendar") is not None


def _code(planned: Planned) -> int:
    return {"eligo.rejection/1": REJECTED, "eligo.fault/1": DOUBT}.get(planned["schema"], 0)


_Faults = tuple[Fault, ...]


def plans(
    arguments: Namespace, horizon: int | None
) -> Iterator[tuple[SubjectFile | None, Planned | None, _Faults]]:
    """A plan, or why there is none with its faults, for each subject file; None: nothing can be
    planned.

    Sets `arguments.missing` to whether a file named is not there.
    """
    as_of = _day(arguments)
    if as_of > date.today():
        say(f"note: the as-of date {as_of} is in the future")
    try:
        protocol = protocol_from(arguments.protocol)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        yield None, None, ()
        return
    files, missing = subject_files(arguments.subjects)
    arguments.missing = bool(missing)
    print_faults(missing)
    if not files and not missing:
        say("there is no subject file here: nothing was planned")
        yield None, None, ()
        return
    twice = same_ids(files)
    try:
        with Screener(protocol) as screener:
            planner = Planner(screener)
            each = (_plan(planner, protocol, file, as_of, horizon, twice) for file in files)
            for file, (planned, faults) in zip(files, progress(each, len(files)), strict=True):
                yield file, planned, faults
    except EngineFault as fault:
        say(f"engine fault: {fault.where}; no plan was made")
        yield None, engine_fault(fault, None), ()


def _plan(
    planner: Planner,
    protocol: Protocol,
    file: SubjectFile,
    as_of: date,
    horizon: int | None,
    twice: Twice,
) -> tuple[Planned, _Faults]:
    subject_id = None
    try:
        subject, _, _ = subject_in(file, protocol, as_of, twice)
        subject_id = subject.id
        if horizon is None:
            return plan_of(planner, subject, as_of), ()
        return plan_of(planner, subject, as_of, horizon), ()
    except InputRejected as rejected:
        path = path_text(file.path)
        faults = tuple(replace(f, span=replace(f.span, path=path)) for f in rejected.faults)
        print_faults(faults)
        return rejection(rejected, rejected.subject or seeming_subject(file)), faults
    except EngineFault as fault:
        say(f"{path_text(file.path)}: engine fault: {fault.where}; no plan was made")
        return engine_fault(fault, subject_id), ()


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
