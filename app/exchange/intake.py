"""From rows to subject files: what tables and REDCap exports share once their cells are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from app.exchange.cells import Sources, traced
from app.exchange.csv_read import Row, Table
from app.exchange.folder import MANIFEST, Folder, opened
from app.exchange.report import Line, Patient, Report
from app.exchange.rows import MOST_ROWS, Place, Rows, Stood
from app.run.exits import REJECTED
from app.run.inputs import ACCOUNT, may_be_one, path_text, print_faults, say, unwritable
from app.run.printing import put
from engine.exchange.recorded import Recorded, clean
from engine.exchange.summary import ON_SCREEN
from engine.read.source import Num, shorten
from engine.read.subjects import subject_of
from engine.terms import Protocol
from engine.terms.faults import Fault, InputRejected

MOST_FAULTS = 20
"""How many faults are printed; the report names every one."""


@dataclass(slots=True)
class Read:
    """What became of one subject: `recorded`, unless `faults` refuse it.

    `lines`: a line a row; `left`: what of the rows the file does not carry, and why;
    `unconfirmed`: the lists whose confirmation does not count, and why; `again`: how many rows
    stood there before, cell by cell; `whole`: whether nothing can have been lost unseen.
    """

    subject: str
    recorded: Recorded
    sources: Sources = field(default_factory=Sources)
    faults: list[Fault] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unconfirmed: list[tuple[str, str]] = field(default_factory=list)
    again: int = 0
    whole: bool = True


UNCLAIMED = "rows of the input are nobody's, and may be anybody's"
AGAIN = "the same row once more, taken once"

Reader = Callable[[Read, Sequence[Place]], None]
"""Fills a `Read` from the rows of its subject."""


def intake(
    rows: Rows, reader: Reader, protocol: Protocol, origin: str, today: date | None
) -> Iterator[Read]:
    """Every subject of the tables, in their order, read and judged."""
    unclaimed = rows.somebodys()
    for stood in rows.subjects():
        places = rows.of(stood.subject)
        read = Read(stood.subject, Recorded(stood.subject))
        table, row = rows.tables[places[0][0]], places[0][1]
        at = table.heading.cells.index("subject")
        read.sources.at["subject",] = read.sources.at[()] = (table, row, at)
        if found := _identity(stood):
            read.faults.append(table.fault(row, at, *found))
        if stood.rows > MOST_ROWS:
            what = f"the subject has {stood.rows} rows; the limit is {MOST_ROWS}"
            read.faults.append(table.fault(row, at, "too-large", what))
            places = places[:1]
        for number, one in places:
            if misfit := rows.tables[number].misfit(one):
                read.faults.append(misfit)
        if not read.faults:
            reader(read, places)
            if unclaimed:
                _unclaimed(read)
        if not read.faults:
            _judge(read, protocol, origin, today)
        if read.faults:
            read.lines = [Line(rows.tables[n].place(one), left="refused") for n, one in places]
        yield read


def _identity(stood: Stood) -> tuple[str, str, str] | None:
    """What is wrong with an id: the code, what, and how to mend it."""
    shown = shorten(clean(stood.subject))
    if not stood.subject:
        return "blank", "whose row this is stands nowhere", "enter the study id"
    if not stood.main:
        what = f"there is no main row of `{shown}`, so that this is nobody's"
        return "no-subject", what, "correct the id, or add the subject's row"
    if stood.as_well:
        what = f"`{shown}` stands here in two spellings that look the same"
        return "duplicate-subject", what, "copy the id from one row to the others"
    if stood.near:
        near = shorten(clean(stood.near))
        what = f"rows without a subject's row of their own are called `{near}`"
        return "no-subject", what, f"is `{near}` the same as `{shown}`? write one of them"
    return None


def _judge(read: Read, protocol: Protocol, origin: str, today: date | None) -> None:
    """Have the engine read the subject; its faults are those of the cells."""
    recorded = read.recorded
    recorded.imported = {"from": origin, "whole": read.whole}
    if read.left:
        recorded.imported["left_out"] = Num(str(len(read.left)))
    document = traced(recorded.plain(protocol))
    try:
        subject_of(document, protocol, today=today)
    except InputRejected as rejected:
        read.faults += read.sources.faults(rejected.faults, document)


def taken_once(read: Read, table: Table, rows: Sequence[Row], stated: bool) -> Sequence[Row]:
    """Rows of which those that are the same, cell by cell, are taken once.

    Two of them may be one that was exported twice. `stated`: somebody says that they are as
    many as stand there, and so they are.
    """
    if stated:
        return rows
    kept = {row.cells: row for row in reversed(rows)}
    again = [row for row in rows if kept[row.cells] is not row]
    read.again += len(again)
    read.lines += [Line(table.place(row), left=AGAIN) for row in again]
    return [row for row in rows if kept[row.cells] is row]


def settle(read: Read, record: str, given: bool, lost: str) -> None:
    """Whether a list's confirmation may stand: it says how many entries it confirms.

    `given`: the input has a place for the list's entries, each on a row that may be lost unseen;
    `lost`: what to do where it has none.
    """
    head = read.recorded.heads.get(record, {})
    confirmed = "complete_on" in head
    if "count" in head:
        if not given:
            read.sources.hints["records", record, "count"] = lost
        entries = len(read.recorded.entries.get(record, []))
        if confirmed and isinstance(head["count"], Num) and int(head["count"]) < entries:
            read.unconfirmed.append((record, "it has more entries than were confirmed"))
        return
    read.whole = read.whole and not given and not confirmed
    if confirmed:
        why = "how many entries were confirmed is not stated"
        why += ", so that some may be missing" if given else ", and none were given"
        _unconfirm(read, record, why)


def _unclaimed(read: Read) -> None:
    """Confirm no list: the input has rows of somebody who is not known, who may be this one."""
    read.whole = False
    for record in [name for name, head in read.recorded.heads.items() if "complete_on" in head]:
        read.unconfirmed = [one for one in read.unconfirmed if one[0] != record]
        _unconfirm(read, record, UNCLAIMED)


def _unconfirm(read: Read, record: str, why: str) -> None:
    """Leave out what confirms a list, and say why."""
    head = read.recorded.heads.get(record, {})
    read.unconfirmed.append((record, why))
    said = ", ".join(f"{key} {value}" for key, value in head.items())
    gone = f"{record}: the confirmation ({said}) is left out: {why}"
    read.left.append(gone)
    del read.recorded.heads[record]
    places = {f"records.{record}.{key}" for key in head}
    read.lines = [
        replace(line, gave=tuple(g for g in line.gave if g not in places),
                left="; ".join(filter(None, (line.left, gone))))
        if places & set(line.gave) else line
        for line in read.lines
    ]  # fmt: skip


def ignored_columns(rows: Rows, ignored: Collection[str]) -> list[Line]:
    """The columns that somebody said are not to be read, for the account."""
    return [
        Line(f"{Path(table.name).name} column {clean(heading)}", left="not to be read, as was said")
        for table in rows.tables
        for heading in table.heading.cells
        if heading in ignored
    ]


# --- the command ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """What the person said: the kind of import, its inputs, where to, and the form of files."""

    kind: str
    inputs: tuple[Path, ...]
    out: Path
    form: str

    @property
    def origin(self) -> str:
        return clean(", ".join(path.name for path in self.inputs))


def refuse(rejected: InputRejected, out: Path) -> int:
    """Say why nothing was imported, and what stands in the folder; returns the exit code."""
    print_faults(rejected.faults)
    if (out / ACCOUNT / MANIFEST).is_file():
        say(f"nothing was imported; {path_text(out)} holds what the import before it wrote")
    return REJECTED


def write_all(
    rows: Rows, reader: Reader, protocol: Protocol, words: Words, passed: Sequence[Line] = ()
) -> int:
    """Write what was read and say what became of it; returns the exit code.

    `passed`: the columns that say nothing about a subject, and why.
    """
    names = [clean(path.name) for path in words.inputs]
    shown: list[Fault] = []
    found = 0
    try:
        if nobodys := rows.nobodys():
            number, row = nobodys
            table = rows.tables[number]
            what = "whose this is stands nowhere, so that it may be anybody's"
            at = table.heading.cells.index("subject")
            raise InputRejected([table.fault(row, at, "blank", what, "enter the study id")])
        with (
            opened(words.out, words.kind, names, protocol) as folder,
            Report(folder, protocol) as report,
        ):
            ids: dict[str, str] = {}
            for read in intake(rows, reader, protocol, words.origin, folder.today):
                _write(read, folder, report, protocol, words)
                other = ids.setdefault(may_be_one(read.subject), read.subject)
                if other != read.subject:
                    what = "ids that differ in case, width, leading zeros, blanks or script alone"
                    about = f"{clean(other)} and {clean(read.subject)}"
                    hint = "are they one person? the import takes them for several"
                    folder.summary.note("remark", what, about=about, hint=hint)
                found += len(read.faults)
                shown += read.faults[: MOST_FAULTS - len(shown)]
            if passed:
                report.others(lambda: passed, "Columns that say nothing about a subject")
    except InputRejected as rejected:
        return refuse(rejected, words.out)
    except OSError as error:
        say(unwritable(Path(error.filename or words.out), error).text())
        return REJECTED
    print_faults(sorted(shown, key=lambda f: (f.span.path, f.span.line, f.span.column)))
    if found > len(shown):
        say(f"and {found - len(shown)} more faults; the report names each")
    for (level, what), group in folder.summary.groups.items():
        if level != "refused":
            say(f"note: {group.count} x {what}")
    put(folder.summary.text(ON_SCREEN, ON_SCREEN), end="")
    put(f"subject files: {folder.subjects.as_posix()}")
    put(f"what became of each row: {(folder.account / 'report.txt').as_posix()}")
    return REJECTED if folder.summary.refused else 0


def _write(read: Read, folder: Folder, report: Report, protocol: Protocol, words: Words) -> None:
    summary = folder.summary
    patient = Patient(clean(read.subject) or "(no id)", read.subject)
    if not read.faults:
        comment = f"Imported from {words.origin} for {protocol.id} {protocol.version}."
        try:
            patient.file = folder.put(read.recorded.plain(protocol), comment, words.form)
        except InputRejected as rejected:
            read.faults += rejected.faults
    for fault in read.faults:
        place = f"{Path(fault.span.path).name}:{fault.span.line}:{fault.span.column}"
        patient.refused.append(f"{place}: {fault.code}: {fault.message}")
        column, _, message = fault.message.partition("`: ")
        what = f"{place.partition(':')[0]}: {fault.code} in `{column.lstrip('`')}`"
        about, example = clean(read.subject), message or fault.message
        summary.note("refused", what, about=about, hint=fault.hint, example=example)
    if not read.faults:
        if read.again:
            what = "rows that stand there again, cell by cell, and were taken once"
            summary.note("remark", what, about=clean(read.subject), times=read.again)
        for record, why in read.unconfirmed:
            column = f"{record}.count" if words.kind == "csv" else f"{record}_count"
            hint = f"state their number in `{column}`, 0 for none"
            hint = "give these rows their subject" if why == UNCLAIMED else hint
            summary.note("unconfirmed", f"{record}: {why}", about=clean(read.subject), hint=hint)
    patient.remarks += read.left
    report.patient(patient, lambda: read.lines)
