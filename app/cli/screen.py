"""`eligo screen`: a decision on every subject, as records or reports."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app.run.exits import DOUBT, REJECTED
from app.run.inputs import (
    SubjectFile,
    Twice,
    in_effect,
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
from app.run.pool import ProcessDied, in_processes, processes_for
from app.run.printing import hand_out, put
from app.run.shelf import Shelf, proof_of, shelf
from app.store.shipped import shipped_pack
from app.store.writing import drafted, on_disk, write_file
from engine.decide.decision import Screener, engine_fault, rejection
from engine.log import LogFault
from engine.record.shape import Decision, Record, dump
from engine.terms import Protocol
from engine.terms.faults import EngineFault, Fault, InputRejected, clean

if TYPE_CHECKING:
    from app.cli.log import Keeper
    from engine.plan.record import Plan
    from reports.page import Logged

MANY = 200
"""From this many subjects on, a second process pays for its start."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is the same for every subject of one run."""

    protocol: Protocol
    as_of: date
    format: str | None
    trace: bool
    shelf: Shelf | None
    logged: bool = False


@dataclass(frozen=True, slots=True)
class ToLog:
    """A decision that is to be logged before it is shown: its record, the subject file's bytes
    and their form, and what it takes to show it."""

    record: Decision
    plan: Plan | None
    file: SubjectFile
    facts: bytes
    form: Literal["json", "yaml"]


@dataclass(frozen=True, slots=True)
class Result:
    """One subject's row of the summary, its text for standard output, and its faults."""

    record: Record
    text: str
    faults: tuple[Fault, ...] = ()
    to_log: ToLog | None = None


def run(arguments: Namespace) -> int:
    """Screen; returns the exit code."""
    if arguments.summary and arguments.log is not None:
        say("--summary makes a worklist and logs nothing: leave out --summary or --log")
        return REJECTED
    if arguments.summary:
        from app.cli.plan import worklist

        return worklist(arguments)
    if arguments.format in ("csv", "ics"):
        say(f"--format {arguments.format} is for the worklist: add --summary")
        return REJECTED
    if arguments.format in ("html", "pdf") and arguments.out is None:
        say(f"--format {arguments.format} writes files: say where with --out DIR")
        return REJECTED
    as_of = arguments.as_of or date.today()
    if as_of > date.today():
        say(f"note: the as-of date {as_of} is in the future")
    protocol = protocol_from(arguments.protocol)
    note = in_effect(protocol, as_of)
    if note:
        say(note)
    files, missing = subject_files(arguments.subjects)
    print_faults(missing)
    if not files and not missing:
        say("there is no subject file here: nothing was screened")
        return REJECTED
    form = arguments.format
    if form is None and (arguments.out is not None or len(files) == 1):
        form = "text"
    logged = arguments.log is not None
    if logged and not (arguments.by or "").strip():
        say("--log needs --by NAME: who screens")
        return REJECTED
    place = None
    if arguments.out is not None:
        try:
            place = shelf(arguments.out, as_of, form or "text")
        except OSError as error:
            say(unwritable(arguments.out, error).text())
            return REJECTED
    work = Work(protocol, as_of, form, arguments.trace, place, logged)
    try:
        if logged:
            from app.cli.log import keeper

            pack, key = arguments.protocol or shipped_pack(), arguments.key_file
            with keeper(arguments.log, pack, arguments.by, arguments.reason, key) as log:
                try:
                    code = _screen(work, files, arguments.jobs, log)
                except (LogFault, OSError):
                    if log.kept:
                        what = "1 decision was" if log.kept == 1 else f"{log.kept} decisions were"
                        say(f"{what} logged before this; the rest was not made")
                    raise
        else:
            code = _screen(work, files, arguments.jobs)
    except LogFault as fault:
        say(str(fault))
        return REJECTED
    except EngineFault as fault:
        say(f"engine fault: {fault.where}; no verdict was given")
        return DOUBT
    return max(code, REJECTED if missing else 0)


def _screen(
    work: Work,
    files: Sequence[SubjectFile],
    jobs: int | None,
    log: Keeper | None = None,
) -> int:
    """Screen every file, in order; standard output, files and the summary."""
    twice = same_ids(files)
    worst = done = 0
    rows: list[Record] = []
    to_stdout = work.shelf is None and work.format is not None
    results = _results(work, files, twice, jobs)
    cut_short = ""
    try:
        for result in progress(results, len(files)):
            text = result.text
            if log is not None and result.to_log is not None:
                text = _keep(work, log, result.to_log)
            if to_stdout:
                if done and work.format != "json":
                    put("\n" + "=" * 80 + "\n")
                hand_out(text)
            print_faults(result.faults)
            schema = result.record["schema"]
            code = {"eligo.rejection/1": REJECTED, "eligo.fault/1": DOUBT}.get(schema, 0)
            worst = max(worst, code)
            if work.format != "json" or work.shelf is not None:
                rows.append(result.record)
            done += 1
    except ProcessDied:
        cut_short = f"a process died; {len(files) - done} of {len(files)} subjects have no decision"
        worst = DOUBT
    except OSError as error:
        if work.shelf is None or log is not None or not error.filename:
            raise
        say(unwritable(Path(error.filename), error).text())
        several = processes_for(jobs, len(files), MANY) > 1
        least = "at least " if several else ""  # other processes were at work
        cut_short = f"{least}{done} of {len(files)} subjects were done before this, not all"
        worst = max(worst, REJECTED)
    if rows and (work.shelf is not None or len(files) > 1):
        from reports.table import summary_table

        # With JSON, nothing but records stands on standard output.
        aside = say if work.format == "json" else put
        aside(("\n" + "=" * 80 + "\n\n" if to_stdout else "") + summary_table(rows).rstrip("\n"))
        if work.shelf is not None:
            aside(f"reports: {path_text(work.shelf.folder)}")
    if cut_short:
        say(cut_short)
    return worst


def _keep(work: Work, log: Keeper, one: ToLog) -> str:
    """Log a decision, then show it: what is shown is in the log. Returns its text, if any.

    A report that is a file is logged too, and gets its name and its proof once that is done.
    """
    line = dump(one.record)
    logged = log.decision(line, one.facts, one.form)
    if work.format is None:
        return ""
    content = _content(work, one.record, one.plan, (), logged)
    if work.shelf is None:
        return content.decode()
    where = work.shelf.place(one.record["subject"])
    # The report is on the disk before the log says that it was made, and is named last.
    with drafted(where, sync=False) as file:
        file.write(content)
        on_disk(file)
        if work.format == "json":
            proof = log.proof(logged.entry)
        else:
            proof = log.report(logged.entry, content, work.format)
        write_file(proof_of(where), proof)
    work.shelf.accepted(one.record["subject"], one.file)
    return ""


def _results(
    work: Work,
    files: Sequence[SubjectFile],
    twice: Twice,
    jobs: int | None,
) -> Iterator[Result]:
    """One result a file, in order, from this process or several."""
    tasks = [(file, twice.get(file.path)) for file in files]
    processes = processes_for(jobs, len(files), MANY)
    if processes > 1:
        yield from in_processes(_Worker.started, (work,), tasks, processes)
        return
    with Screener(work.protocol) as screener:
        one = _Worker(work, screener)
        for task in tasks:
            yield one(task)


_Task = tuple[SubjectFile, tuple[str, Fault] | None]


class _Worker:
    """Screens one file after another with one screener."""

    @staticmethod
    def started(work: Work) -> _Worker:
        """One in a process of its own, which ends with it."""
        return _Worker(work, Screener(work.protocol))

    def __init__(self, work: Work, screener: Screener) -> None:
        self.work, self.screener = work, screener
        self.plan_of: Callable[..., Plan] | None = None
        self.plan: Plan | None = None
        self.data = b""
        if work.format not in (None, "json"):
            from engine.plan.plan import plan_of  # reports alone say what comes next
            from engine.plan.planner import Planner

            self.plan_of = partial(plan_of, Planner(screener))

    def __call__(self, task: _Task) -> Result:
        file, twice = task
        self.data, self.plan = b"", None
        record, faults = self._decide(file, {file.path: twice} if twice else {})
        work = self.work
        if work.logged and record["schema"] == "eligo.decision/2":
            form: Literal["json", "yaml"] = "yaml"
            if file.path.suffix.lower() == ".json":
                form = "json"
            to_log = ToLog(record, self.plan, file, self.data, form)
            return Result(_row(record), "", faults, to_log)
        if work.format is None:
            return Result(_row(record), "", faults)
        content = _content(work, record, self.plan, faults)
        if work.shelf is None:
            return Result(_row(record), content.decode(), faults)
        if record["schema"] == "eligo.decision/2":
            work.shelf.keep(record["subject"], file, content)
        else:
            work.shelf.reject(record["subject"], file, content, doubled=twice is not None)
        return Result(_row(record), "", faults)

    def _decide(self, file: SubjectFile, twice: Twice) -> tuple[Record, tuple[Fault, ...]]:
        subject_id = None
        try:
            subject, _, self.data = subject_in(file, self.work.protocol, self.work.as_of, twice)
            subject_id = subject.id
            record = self.screener.decide(subject, self.work.as_of)
            if self.plan_of is not None:
                self.plan = self.plan_of(subject, self.work.as_of, decision=record)
            return record, ()
        except InputRejected as rejected:
            return self._rejected(rejected, file)
        except EngineFault as fault:
            say(f"{path_text(file.path)}: engine fault: {fault.where}; no verdict was given")
            return engine_fault(fault, subject_id), ()

    @staticmethod
    def _rejected(rejected: InputRejected, file: SubjectFile) -> tuple[Record, tuple[Fault, ...]]:
        """The record names the file as it is called; the person is shown where it lies."""
        path = path_text(file.path)
        shown = tuple(replace(f, span=replace(f.span, path=path)) for f in rejected.faults)
        return rejection(rejected, rejected.subject or seeming_subject(file)), shown


def _content(
    work: Work,
    record: Record,
    plan: Plan | None,
    faults: Sequence[Fault],
    logged: Logged | None = None,
) -> bytes:
    """What is printed or written of a record, in the form that was asked for."""
    form = work.format
    if form == "json":
        return dump(record) + b"\n"
    if record["schema"] != "eligo.decision/2":
        if work.shelf is None:
            return b""
        if record["schema"] == "eligo.fault/1":
            return f"engine fault: {clean(record['where'])}; no verdict was given\n".encode()
        return "".join(f"{fault.text()}\n" for fault in faults).encode()
    from reports import screening

    if form == "pdf":
        return screening.as_pdf(record, trace=work.trace, plan=plan, logged=logged)
    render: Any = {
        "text": screening.as_text,
        "md": screening.as_markdown,
        "html": screening.as_html,
    }[form or "text"]
    text: str = render(record, trace=work.trace, plan=plan, logged=logged)
    return text.encode()


def _row(record: Record) -> Record:
    """What the summary needs of a record: a folder of 100,000 must fit in memory."""
    if record["schema"] != "eligo.decision/2":
        return record
    return {**record, "criteria": [], "firings": []}
