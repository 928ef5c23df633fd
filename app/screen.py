"""`eligo screen`: a decision on every subject, as records or reports."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from threading import Event, Semaphore
from typing import TYPE_CHECKING, Any, Literal

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
from app.log import LogFault
from app.main import DOUBT, REJECTED
from app.shipped import shipped_pack
from engine.decision import Screener, engine_fault, rejection
from engine.faults import EngineFault, Fault, InputRejected
from engine.model import Protocol
from engine.record import Decision, Record, dump

if TYPE_CHECKING:
    from multiprocessing.pool import Pool

    from app.log.commands import Keeper
    from engine.plan.planner import Planner
    from engine.plan.record import Plan
    from reports.screening import Logged

MANY = 200
"""From this many subjects on, a second process pays for its start."""

SUFFIX = {"text": "txt", "json": "json", "html": "html", "pdf": "pdf", "md": "md"}
_UNSAFE = re.compile(r"[^\w.@+-]|^\.")
_MARKED = re.compile(r"-[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class Work:
    """What is the same for every subject of one run."""

    protocol: Protocol
    as_of: date
    format: str | None
    trace: bool
    out: Path | None
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
        from app.plan import worklist

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
    try:
        protocol = protocol_from(arguments.protocol)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    files, missing = subject_files(arguments.subjects)
    print_faults(missing)
    if not files and not missing:
        say("there is no subject file here: nothing was screened")
        return REJECTED
    form = arguments.format
    if form is None and (arguments.out is not None or len(files) == 1):
        form = "text"
    if arguments.out is not None:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            say(unwritable(arguments.out, error).text())
            return REJECTED
    logged = arguments.log is not None
    if logged and not (arguments.by or "").strip():
        say("--log needs --by NAME: who screens")
        return REJECTED
    work = Work(protocol, as_of, form, arguments.trace, arguments.out, logged)
    try:
        if logged:
            from app.log.commands import keeper

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
    worst = 0
    rows: list[Record] = []
    to_stdout = work.out is None and work.format is not None
    for number, result in enumerate(progress(_results(work, files, twice, jobs), len(files))):
        text = result.text
        if log is not None and result.to_log is not None:
            text = _keep(work, log, result.to_log)
        if to_stdout:
            if number and work.format != "json":
                print("\n" + "=" * 80 + "\n")
            sys.stdout.write(text)
        print_faults(result.faults)
        schema = result.record["schema"]
        worst = max(worst, {"eligo.rejection/1": REJECTED, "eligo.fault/1": DOUBT}.get(schema, 0))
        if work.format != "json" or work.out is not None:
            rows.append(result.record)
    if rows and (work.out is not None or len(files) > 1):
        from reports.screening import summary_table

        if to_stdout:
            print("\n" + "=" * 80 + "\n")
        # With JSON, nothing but records stands on standard output.
        aside = sys.stderr if work.format == "json" else sys.stdout
        print(summary_table(rows), end="", file=aside)
        if work.out is not None:
            print(f"reports: {path_text(work.out)}", file=aside)
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
    if work.out is None:
        return content.decode()
    where = work.out / _file_name(one.record, one.file, work.format)
    proof_at = _proof_of(where)
    # The report is on the disk before the log says that it was made, and is named last.
    with _drafted(where, content):
        if work.format == "json":
            proof = log.proof(logged.entry)
        else:
            proof = log.report(logged.entry, content, work.format)
        with _drafted(proof_at, proof.encode()):
            pass
    return ""


def _proof_of(report: Path) -> Path:
    return report.with_name(f"{report.name}.tlog-proof")


@contextmanager
def _drafted(where: Path, content: bytes) -> Iterator[None]:
    """Write a file beside its place, and move it there at the end if nothing was raised."""
    draft = where.with_name(f".{where.name}.part")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield
        draft.replace(where)
    except OSError as error:
        error.filename = error.filename or draft
        raise
    finally:
        draft.unlink(missing_ok=True)


def _results(
    work: Work,
    files: Sequence[SubjectFile],
    twice: Twice,
    jobs: int | None,
) -> Iterator[Result]:
    """One result a file, in order, from this process or several."""
    tasks = [(file, twice.get(file.path)) for file in files]
    cores = os.cpu_count() or 1
    processes = min(jobs or (cores if len(files) >= MANY else 1), len(files), 4 * cores)
    if processes <= 1:
        with Screener(work.protocol) as screener:
            one = _Worker(work, screener)
            for task in tasks:
                yield one(task)
        return
    from multiprocessing import get_context

    pool: Pool
    chunk = 16
    # What is worked out and not yet taken must fit in memory, however slow the taking.
    room, over = Semaphore(4 * processes * chunk), Event()

    def paced() -> Iterator[_Task]:
        for task in tasks:
            room.acquire()
            if over.is_set():
                return
            yield task

    with get_context("spawn").Pool(processes, _start_worker, (work,)) as pool:
        try:
            for result in pool.imap(_work, paced(), chunksize=chunk):
                room.release()
                yield result
        finally:
            over.set()
            room.release()


_Task = tuple[SubjectFile, tuple[str, Fault] | None]
_worker: Callable[[_Task], Result] | None = None


def _start_worker(work: Work) -> None:
    global _worker  # one screener a process: the engine's state cannot cross over
    _worker = _Worker(work, Screener(work.protocol))


def _work(task: _Task) -> Result:
    assert _worker is not None
    return _worker(task)


class _Worker:
    """Screens one file after another with one screener."""

    def __init__(self, work: Work, screener: Screener) -> None:
        self.work, self.screener = work, screener
        self.planner: Planner | None = None
        self.plan: Plan | None = None
        self.data = b""
        if work.format not in (None, "json"):
            from engine.plan.planner import Planner  # reports alone say what comes next

            self.planner = Planner(screener)

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
        if work.out is not None:
            where = work.out / _file_name(record, file, work.format)
            where.write_bytes(content)
            _proof_of(where).unlink(missing_ok=True)  # of a report that stood here before
            return Result(_row(record), "", faults)
        return Result(_row(record), content.decode(), faults)

    def _decide(self, file: SubjectFile, twice: Twice) -> tuple[Record, tuple[Fault, ...]]:
        subject_id = None
        try:
            subject, _, self.data = subject_in(file, self.work.protocol, self.work.as_of, twice)
            subject_id = subject.id
            record = self.screener.decide(subject, self.work.as_of)
            if self.planner is not None:
                self.plan = self.planner.plan(subject, self.work.as_of, decision=record)
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
        return rejection(rejected, rejected.subject), shown


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
        if work.out is None:
            return b""
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


def _file_name(record: Record, file: SubjectFile, form: str) -> str:
    """A safe file name for a subject's report; different ids never share one."""
    decided = record["schema"] == "eligo.decision/2"
    name = file_stem(record["subject"] if decided else None, file)
    if not decided and form != "json":
        return f"{name}.rejected.txt"
    return f"{name}.{SUFFIX[form]}"


def file_stem(subject: str | None, file: SubjectFile) -> str:
    """A safe file name, without its suffix, for a subject, or for a file that states none."""
    name = _UNSAFE.sub("_", subject or Path(file.name).stem)[:80]
    name = name.encode()[:180].decode(errors="ignore")  # a file's name has at most 255 bytes
    if subject is None or name != subject or _MARKED.search(name):
        name += "-" + sha256((subject or file.name).encode()).hexdigest()[:8]
    return name
