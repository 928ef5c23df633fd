"""`eligo outcomes`: the trial report at a data cut-off, from the patients' files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from app.run.exits import DOUBT, REJECTED
from app.run.inputs import (
    SubjectFile,
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
from app.store.writing import drafted, made_folder
from engine.decide.decision import engine_fault, rejection
from engine.outcomes.patient import OutcomeScreener
from engine.outcomes.record import Outcome, Trial
from engine.record.shape import EngineFaultRecord, Rejection, dump_any
from engine.terms import Protocol, Span
from engine.terms.faults import EngineFault, Fault, InputRejected

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
    protocol = protocol_from(arguments.protocol)
    if protocol.outcomes is None:
        where = Span((arguments.protocol or Path("rules")).as_posix(), 1, 1)
        hint = "docs/OUTCOMES.md says how to write one"
        raise InputRejected([Fault(where, "pack-file", "the pack has no outcomes.yaml", hint)])
    files, missing = subject_files(arguments.subjects)
    print_faults(missing)
    if not files and missing:
        return REJECTED
    if not files:
        say("there is no subject file here: the report is of nobody")
    try:
        code = _report(protocol, as_of, files, form, arguments.out, arguments.jobs)
    except ProcessDied as died:
        say(str(died))
        return DOUBT
    except EngineFault as fault:
        say(f"engine fault: {fault.where}; there is no report")
        return DOUBT
    except OSError as error:
        if arguments.out is None or not error.filename:
            raise
        say(unwritable(Path(error.filename), error).text())
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
    worst = done = 0
    records: list[Outcome] = []
    others: list[Rejection | EngineFaultRecord] = []
    results = _results(protocol, as_of, files, form == "json", jobs)
    with ExitStack() as stack:
        write: Callable[[bytes], object] = hand_out
        if where is not None:
            made_folder(where.parent)
            write = stack.enter_context(drafted(where)).write
        try:
            for result in progress(results, len(files)):
                print_faults(result.faults)
                record = result.record
                if record["schema"] == "eligo.outcome/1":
                    records.append(record)
                else:
                    others.append(record)
                    code = REJECTED if record["schema"] == "eligo.rejection/1" else DOUBT
                    worst = max(worst, code)
                if form == "json":
                    write(result.line + b"\n")
                done += 1
        except ProcessDied:
            left = f"{len(files) - done} of {len(files)} subjects have no decision"
            raise ProcessDied(f"a process died; {left}; there is no report") from None
        records.sort(key=lambda record: record["subject"])
        trial = trial_of(protocol, records, as_of, len(others))
        content = _render(protocol, trial, records, others, form)
        if where is None and form == "text":
            put(content.decode(), end="")
        else:
            write(content)
    if where is not None:
        put(f"report: {path_text(where)}")
    return worst


def _render(
    protocol: Protocol,
    trial: Trial,
    records: list[Outcome],
    others: list[Rejection | EngineFaultRecord],
    form: str,
) -> bytes:
    if form == "json":
        return dump_any(trial) + b"\n"
    from reports import outcomes as report

    page = report.arrange(trial, records, protocol, others)
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


# --- patients, in this process or several -------------------------------------------------

_Twice = tuple[str, Fault] | None
_Task = tuple[SubjectFile, _Twice]


def _results(
    protocol: Protocol, as_of: date, files: Sequence[SubjectFile], lines: bool, jobs: int | None
) -> Iterator[Result]:
    """One result a file, in order."""
    twice = same_ids(files)
    tasks: list[_Task] = [(file, twice.get(file.path)) for file in files]
    processes = processes_for(jobs, len(files), MANY)
    if processes > 1:
        yield from in_processes(_Worker.started, (protocol, as_of, lines), tasks, processes)
        return
    with OutcomeScreener(protocol) as screener:
        one = _Worker(protocol, as_of, lines, screener)
        for task in tasks:
            yield one(task)


class _Worker:
    """Makes one patient's record after another with one screener."""

    @staticmethod
    def started(protocol: Protocol, as_of: date, lines: bool) -> _Worker:
        """One in a process of its own, which ends with it."""
        return _Worker(protocol, as_of, lines, OutcomeScreener(protocol))

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
            say(f"{path_text(file.path)}: engine fault: {fault.where}; nothing was concluded")
            return engine_fault(fault, subject_id), ()

    @staticmethod
    def _rejected(
        rejected: InputRejected, file: SubjectFile
    ) -> tuple[Rejection, tuple[Fault, ...]]:
        """The record names the file as it is called; the person is shown where it lies."""
        path = path_text(file.path)
        shown = tuple(replace(f, span=replace(f.span, path=path)) for f in rejected.faults)
        return rejection(rejected, rejected.subject or seeming_subject(file)), shown
