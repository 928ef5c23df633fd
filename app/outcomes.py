"""`eligo outcomes`: the trial report at a data cut-off, from the patients' files."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

from app.inputs import (
    SubjectFile,
    print_faults,
    progress,
    protocol_from,
    same_ids,
    say,
    subject_files,
    subject_in,
)
from app.main import DOUBT, REJECTED
from engine.decision import engine_fault, rejection
from engine.faults import EngineFault, Fault, InputRejected
from engine.model import Protocol, Span
from engine.outcomes.patient import OutcomeScreener
from engine.outcomes.record import Outcome, Trial
from engine.record import EngineFaultRecord, Rejection, dump_any

MANY = 100
"""From this many patients on, a second process pays for its start."""

NEEDS = "eligo outcomes and eligo survival need scipy: install eligo with the extra `outcomes`"
AnyRecord = Outcome | Rejection | EngineFaultRecord


@dataclass(frozen=True, slots=True)
class Result:
    """One patient's record without its proofs, its line of JSON ("" unless asked), faults."""

    record: AnyRecord
    line: bytes
    faults: tuple[Fault, ...] = ()


def run(arguments: Namespace) -> int:
    """Report; returns the exit code."""
    form: str = arguments.format
    if form in ("html", "pdf") and arguments.out is None:
        say(f"--format {form} writes a file: say where with --out FILE_OR_DIR")
        return REJECTED
    if not statistics_there():
        return REJECTED
    as_of = arguments.as_of or date.today()
    if as_of > date.today():
        say(f"note: the data cut-off {as_of} is in the future")
    try:
        protocol = protocol_from(arguments.protocol)
        if protocol.outcomes is None:
            where = Span((arguments.protocol or Path("rules")).as_posix(), 1, 1)
            hint = "docs/OUTCOMES.md says how to write one"
            raise InputRejected([Fault(where, "pack-file", "the pack has no outcomes.yaml", hint)])
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    files, missing = subject_files(arguments.subjects)
    print_faults(missing)
    if not files and missing:
        return REJECTED
    if not files:
        say("there is no subject file here: the report is of nobody")
    try:
        code = _report(protocol, as_of, files, form, arguments.out, arguments.jobs)
    except EngineFault as fault:
        say(f"engine fault: {fault.where}; there is no report")
        return DOUBT
    except BrokenPipeError:
        raise
    except OSError as error:
        place = (arguments.out or Path(".")).as_posix()
        say(f"{place}: the report cannot be written: {(error.strerror or 'error').lower()}")
        return REJECTED
    return max(code, REJECTED if missing else 0)


def statistics_there() -> bool:
    """Whether scipy is installed; says so if not."""
    from importlib.util import find_spec

    if find_spec("scipy") is None:
        say(NEEDS)
        return False
    return True


def _report(
    protocol: Protocol,
    as_of: date,
    files: Sequence[SubjectFile],
    form: str,
    out: Path | None,
    jobs: int | None,
) -> int:
    from engine.outcomes.trial import trial_of

    where = None if out is None else _file(out, form)
    worst = 0
    records: list[Outcome] = []
    others: list[Rejection | EngineFaultRecord] = []
    results = _results(protocol, as_of, files, form == "json", jobs)
    if where is not None:
        where.parent.mkdir(parents=True, exist_ok=True)
    with _Sink(where) as sink:
        for result in progress(results, len(files)):
            print_faults(result.faults)
            record = result.record
            if record["schema"] == "eligo.outcome/1":
                records.append(record)
            else:
                others.append(record)
                worst = max(worst, REJECTED if record["schema"] == "eligo.rejection/1" else DOUBT)
            if form == "json":
                sink.write(result.line + b"\n")
        records.sort(key=lambda record: record["subject"])
        trial = trial_of(protocol, records, as_of, len(others))
        sink.write(_render(protocol, trial, records, form))
    if where is not None:
        print(f"report: {where.as_posix()}")
    return worst


def _render(protocol: Protocol, trial: Trial, records: list[Outcome], form: str) -> bytes:
    if form == "json":
        return dump_any(trial) + b"\n"
    from reports import outcomes as report

    page = report.arrange(trial, records, protocol)
    if form == "pdf":
        return report.as_pdf(page)
    render: dict[str, Callable[[report.TrialPage], str]] = {
        "text": report.as_text,
        "html": report.as_html,
        "csv": report.as_csv,
    }
    return render[form](page).encode()


def _file(out: Path, form: str) -> Path:
    """The file to write: `out` itself if it is named as one, else `outcomes.FORM` in it."""
    suffix = "txt" if form == "text" else form
    named = not out.is_dir() and out.suffix.lower() in (f".{suffix}", ".jsonl", ".ndjson", ".htm")
    return out if named else out / f"outcomes.{suffix}"


class _Sink:
    """Bytes to a file, or to standard output."""

    def __init__(self, where: Path | None) -> None:
        self.where = where
        self.file: BinaryIO | None = None

    def __enter__(self) -> _Sink:
        if self.where is not None:
            self.file = self.where.open("wb")
        return self

    def write(self, data: bytes) -> None:
        if self.file is not None:
            self.file.write(data)
        else:
            sys.stdout.write(data.decode())

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()


# --- patients, in this process or several -------------------------------------------------

_Twice = tuple[str, Fault] | None
_Task = tuple[SubjectFile, _Twice]


def _results(
    protocol: Protocol, as_of: date, files: Sequence[SubjectFile], lines: bool, jobs: int | None
) -> Iterator[Result]:
    """One result a file, in order."""
    twice = same_ids(files)
    tasks: list[_Task] = [(file, twice.get(file.path)) for file in files]
    processes = jobs or (min(os.cpu_count() or 1, 8) if len(files) >= MANY else 1)
    if processes <= 1:
        with OutcomeScreener(protocol) as screener:
            one = _Worker(protocol, as_of, lines, screener)
            for task in tasks:
                yield one(task)
        return
    from multiprocessing import get_context

    with get_context("spawn").Pool(processes, _start, (protocol, as_of, lines)) as pool:
        yield from pool.imap(_work, tasks, chunksize=16)


_worker: Callable[[_Task], Result] | None = None


def _start(protocol: Protocol, as_of: date, lines: bool) -> None:
    global _worker  # one screener a process: the engine's state cannot cross over
    _worker = _Worker(protocol, as_of, lines, OutcomeScreener(protocol))


def _work(task: _Task) -> Result:
    assert _worker is not None
    return _worker(task)


class _Worker:
    """Makes one patient's record after another with one screener."""

    def __init__(
        self, protocol: Protocol, as_of: date, lines: bool, screener: OutcomeScreener
    ) -> None:
        self.protocol, self.as_of, self.lines, self.screener = protocol, as_of, lines, screener

    def __call__(self, task: _Task) -> Result:
        file, twice = task
        record, faults = self._record(file, twice)
        line = dump_any(record) if self.lines else b""
        if record["schema"] == "eligo.outcome/1":
            record["proofs"] = []  # the report needs none, and ten thousand must fit in memory
        return Result(record, line, faults)

    def _record(self, file: SubjectFile, twice: _Twice) -> tuple[AnyRecord, tuple[Fault, ...]]:
        subject_id = None
        try:
            both = {file.path: twice} if twice else {}
            subject, document, _ = subject_in(file, self.protocol, self.as_of, both)
            subject_id = subject.id
            return self.screener.outcome(subject, self.as_of, document), ()
        except InputRejected as rejected:
            return self._rejected(rejected, file)
        except EngineFault as fault:
            say(f"{file.path.as_posix()}: engine fault: {fault.where}; nothing was concluded")
            return engine_fault(fault, subject_id), ()

    @staticmethod
    def _rejected(
        rejected: InputRejected, file: SubjectFile
    ) -> tuple[Rejection, tuple[Fault, ...]]:
        """The record names the file as it is called; the person is shown where it lies."""
        path = file.path.as_posix()
        shown = tuple(replace(f, span=replace(f.span, path=path)) for f in rejected.faults)
        return rejection(rejected, rejected.subject), shown
