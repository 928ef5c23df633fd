"""`eligo import csv`: a table with a subject a row, and tables of entries for record lists.

The columns are those of `eligo facts PACK --csv`. Nothing is guessed: dates are ISO, a
decimal comma is read where the person says so, a heading that means nothing is a fault.
Every fault names the file, the row and the column it stands in.
"""

from __future__ import annotations

import csv
import re
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.imports.folder import opened
from app.imports.recorded import Plain, Recorded
from app.imports.summary import ON_SCREEN
from app.inputs import print_faults, protocol_from, say, unreadable, unwritable
from app.main import REJECTED
from app.printing import put
from engine.faults import Fault, InputRejected, did_you_mean
from engine.model import Fact, Field, Protocol, Span
from engine.source import MAX_BYTES, Document, Num, shorten
from engine.source import Path as Place
from engine.subjects import subject_of

MAX_TABLE = 64 * MAX_BYTES
SUFFIXES = ("on", "unit", "uln", "source", "by", "note", "unknown", "voided")
NOTES = ("source", "by", "note", "voided")
DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_HEADING = re.compile(r"([A-Za-z][A-Za-z0-9_]*)(?:\[([0-9]{1,3})\])?(?:\.([a-z_]+))?")
_UNKNOWN = re.compile(r"unknown(?:\s*:\s*(pending|not_done))?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SLASHED = re.compile(
    r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2}"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written, as far as the person says."""

    delimiter: str = ""
    encoding: str = "utf-8"
    decimal: str = "point"


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by column number (from 0), and the line it begins on."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read. `lines`: the text's lines, for excerpts in faults."""

    name: str
    heading: tuple[str, ...]
    heading_line: int
    rows: tuple[Row, ...]
    lines: tuple[str, ...]
    decimal: str

    def fault(self, line: int, column: int, code: str, message: str, hint: str = "") -> Fault:
        """A fault in a cell; the message names the column by its heading."""
        heading = self.heading[column] if column < len(self.heading) else f"column {column + 1}"
        where = f"`{shorten(heading)}`: {message}" if heading else message
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        excerpt = text if len(text) <= 66 else text[:63] + "..."
        return Fault(Span(self.name, line, column + 1), code, where, hint, excerpt, 1)


def read_table(name: str, data: bytes, dialect: Dialect, first: str) -> Table:
    """The table in a file's bytes; `first` is a column that its heading must have.

    Raises: InputRejected.
    """

    def reject(line: int, code: str, message: str, hint: str = "") -> InputRejected:
        return InputRejected([Fault(Span(name, line, 1), code, message, hint)])

    if len(data) > MAX_TABLE:
        raise reject(1, "too-large", f"the file has {len(data)} bytes; the limit is {MAX_TABLE}")
    encoding = next((e for mark, e in _MARKS if data.startswith(mark)), dialect.encoding)
    try:
        text = data.decode(encoding)
    except LookupError:
        raise reject(1, "encoding", f"there is no encoding `{shorten(encoding)}`") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8, or name its encoding with --encoding"
        raise reject(line, "encoding", f"the file is not {encoding} text", hint) from None
    if bad := _FORBIDDEN.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        what = f"character U+{ord(bad.group()):04X} is not allowed in a table"
        raise reject(line, "encoding", what, "is this a CSV file?")
    lines = tuple(text.splitlines())
    delimiter = DELIMITERS.get(dialect.delimiter) or _delimiter(lines, first)
    if not delimiter:
        hint = f"the first row must name the columns, `{first}` among them"
        raise reject(1, "heading", "no heading is found, with any of the delimiters", hint)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    rows, start = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(start, tuple(cell.strip() for cell in cells)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise reject(reader.line_num, "syntax", f"not CSV: {error}", "check the quotes") from None
    if not rows or first not in rows[0].cells:
        raise reject(1, "heading", f"no column is called `{first}`")
    head, *body = rows
    table = Table(name, head.cells, head.line, tuple(body), lines, dialect.decimal)
    what = "the row has more cells than the heading"
    faults = [
        table.fault(row.line, len(head.cells), "too-many", what,
                    "is a text with the delimiter in it not quoted?")
        for row in body
        if any(cell for cell in row.cells[len(head.cells) :])
    ]  # fmt: skip
    for column, heading in enumerate(head.cells):
        if heading and heading in head.cells[:column]:
            faults.append(table.fault(head.line, column, "duplicate-key", "stands here twice"))
    if faults:
        raise InputRejected(faults)
    return table


def _delimiter(lines: tuple[str, ...], first: str) -> str:
    """The delimiter with which the first line names the column `first`; "" if none does."""
    heading = next((line for line in lines if line.strip()), "")
    for delimiter in DELIMITERS.values():
        names = [name.strip() for name in next(csv.reader([heading], delimiter=delimiter), [])]
        alone = not any(other in heading for other in DELIMITERS.values())
        if first in names and (delimiter in heading or alone):
            return delimiter
    return ""


# --- cells ------------------------------------------------------------------------------


def cell_value(table: Table, target: Fact | Field, cell: str) -> Any:
    """A cell's text as the plain value of a subject file; the engine judges it afterwards."""
    if target.type == "boolean" and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if target.type == "quantity":
        return number_text(table, cell)
    return cell


def number_text(table: Table, cell: str) -> str:
    """A number as files write it, from one with a decimal comma where the table has those."""
    if table.decimal == "comma" and "." not in cell:
        cell = cell.replace(",", ".", 1)
    elif table.decimal == "comma":
        cell = cell.replace(".", ",")  # a point there is a fault, and reads as one
    return Num(cell) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell) else cell


def hint_for(table: Table, cell: str, hint: str) -> str:
    """A better hint where a cell's form is a common one of spreadsheets."""
    if _SLASHED.fullmatch(cell):
        return "write the date as YYYY-MM-DD; the order of day and month is never guessed"
    if re.fullmatch(r"[0-9]{5}(\.0)?", cell) and "date" in hint.lower() + "YYYY":
        return hint or "write the date as YYYY-MM-DD"
    if re.fullmatch(r"[<>=]*-?[0-9]+,[0-9]+", cell) and table.decimal == "point":
        return "if this is a decimal comma, say --decimal comma"
    return hint


@dataclass(slots=True)
class Sources:
    """Where each place of a subject's value stands in a table."""

    at: dict[Place, tuple[Table, int, int]] = field(default_factory=dict)

    def faults(self, found: tuple[Fault, ...], document: Document) -> Iterator[Fault]:
        """The engine's faults about a document, moved to the cells they are about."""
        for fault in found:
            place = _place(document, fault.span)
            while place and place not in self.at:
                place = place[:-1]
            if place not in self.at:
                yield fault
                continue
            table, line, column = self.at[place]
            cell = ""
            for row in table.rows:
                if row.line == line and column < len(row.cells):
                    cell = row.cells[column]
            hint = hint_for(table, cell, fault.hint)
            yield table.fault(line, column, fault.code, fault.message, hint)


def _place(document: Document, span: Span) -> Place:
    assert document.positions is not None
    return next((place for place, where in document.positions[0].items() if where == span), ())


def traced(value: Plain) -> Document:
    """A document whose places can be told apart: each has a line of its own."""
    places: dict[Place, Span] = {}

    def walk(here: Any, place: Place) -> None:
        places[place] = Span("", len(places) + 1, 1)
        if isinstance(here, Mapping):
            for key, child in here.items():
                walk(child, (*place, key))
        elif isinstance(here, list):
            for number, child in enumerate(here):
                walk(child, (*place, number))

    walk(value, ())
    return Document("", "", value, positions=(places, places))


# --- the main table ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds: a key of a statement about a fact, or of a list's confirmation."""

    name: str
    number: int = 0
    key: str = "value"
    record: bool = False


def columns_of(table: Table, protocol: Protocol) -> dict[int, Column]:
    """What each column means. Raises: InputRejected; a heading that means nothing is a fault."""
    facts = {fact.name for fact in protocol.facts.values() if fact.derive is None}
    known = ["subject", *sorted(facts), *(f"{r}.complete_on" for r in protocol.records)]
    faults, columns = [], {}
    for at, heading in enumerate(table.heading):
        if heading == "subject":
            continue
        match = _HEADING.fullmatch(heading)
        name, number, key = (match[1], int(match[2] or 0), match[3]) if match else ("", 0, None)
        if name in facts and (key is None or key in SUFFIXES):
            columns[at] = Column(name, number, key or "value")
        elif name in protocol.records and key in ("complete_on", "complete_by", "complete_source"):
            key = key if key == "complete_on" else key.removeprefix("complete_")
            columns[at] = Column(name, 0, key, record=True)
        elif not heading and not any(len(r.cells) > at and r.cells[at] for r in table.rows):
            continue
        else:
            derived = name in protocol.facts and name not in facts
            what = "is worked out from other facts" if derived else "is not a column here"
            hint = "leave it out" if derived else did_you_mean(heading, known)
            faults.append(table.fault(table.heading_line, at, "unknown-column", what, hint))
    if faults:
        raise InputRejected(faults)
    return columns


def recorded_of(
    table: Table, row: Row, columns: Mapping[int, Column], protocol: Protocol, sources: Sources
) -> Recorded:
    """What a row records. Raises: InputRejected with faults that the engine would not see."""
    at = table.heading.index("subject")
    recorded = Recorded(row.cells[at] if at < len(row.cells) else "")
    sources.at["subject",] = (table, row.line, at)
    sources.at[()] = (table, row.line, at)
    said: dict[tuple[str, int], dict[str, tuple[Any, int]]] = {}
    for column, meaning in columns.items():
        cell = row.cells[column] if column < len(row.cells) else ""
        if not cell:
            continue
        if meaning.record:
            recorded.heads.setdefault(meaning.name, {})[meaning.key] = cell
            sources.at["records", meaning.name, meaning.key] = (table, row.line, column)
            continue
        fact = protocol.facts[meaning.name]
        value: Any = cell
        if meaning.key == "value":
            value = cell_value(table, fact, cell)
        elif meaning.key == "uln":
            value = number_text(table, cell)
        said.setdefault((meaning.name, meaning.number), {})[meaning.key] = (value, column)
    faults = []
    for (name, number), cells in sorted(said.items()):
        statement, cells = statement_of(protocol.facts[name], cells)
        if "value" not in statement and "unknown" not in statement and "voided" not in statement:
            column = min(column for _, column in cells.values())
            shown = f"`{name}`" if not number else f"`{name}[{number}]`"
            what = f"{shown} has no value, so that this says nothing"
            hint = "enter the value, or clear this cell"
            faults.append(table.fault(row.line, column, "blank", what, hint))
        index = len(recorded.facts.get(name, []))
        recorded.say(name, statement)
        first = min(column for _, column in cells.values())
        sources.at["facts", name, index] = (table, row.line, first)
        for key, (_, column) in cells.items():
            sources.at["facts", name, index, key] = (table, row.line, column)
    if faults:
        raise InputRejected(faults, recorded.subject)
    return recorded


def statement_of(
    fact: Fact, cells: dict[str, tuple[Any, int]]
) -> tuple[Plain, dict[str, tuple[Any, int]]]:
    """A statement from the cells of one fact: a value cell may say `unknown: pending`."""
    value, column = cells.get("value", (None, 0))
    codes = {choice.code for choice in fact.choices}
    match = _UNKNOWN.fullmatch(value) if isinstance(value, str) and fact.type != "text" else None
    if match and value not in codes:
        cells = {key: cell for key, cell in cells.items() if key != "value"}
        cells["unknown"] = (match[1] or "not_done", column)
        if not match[1]:
            cells.setdefault("note", ("recorded as unknown", column))
    return {key: cell for key, (cell, _) in cells.items()}, cells


# --- tables of entries ------------------------------------------------------------------


def entries_of(
    table: Table, record: str, protocol: Protocol
) -> dict[str, list[tuple[Plain, dict[str, int], int]]]:
    """By subject, the entries of a list's table: values, their columns, and the line.

    Raises: InputRejected.
    """
    fields = protocol.records[record].fields
    faults, meanings = [], {}
    for at, heading in enumerate(table.heading):
        name, _, key = heading.partition(".")
        unit = key == "unit" and name in fields and fields[name].type == "quantity"
        if heading in fields or unit or heading in NOTES or heading == "subject":
            meanings[at] = heading
        elif heading or any(len(r.cells) > at and r.cells[at] for r in table.rows):
            hint = did_you_mean(heading, [*fields, *NOTES, "subject"])
            what = f"is not a column of the entries of `{record}`"
            faults.append(table.fault(table.heading_line, at, "unknown-column", what, hint))
    if faults:
        raise InputRejected(faults)
    found: dict[str, list[tuple[Plain, dict[str, int], int]]] = {}
    for row in table.rows:
        made: Plain = {}
        at_column: dict[str, int] = {}
        subject = ""
        for at, heading in meanings.items():
            cell = row.cells[at] if at < len(row.cells) else ""
            if heading == "subject":
                subject = cell
            elif cell:
                made[heading] = cell
                at_column[heading] = at
        if not subject:
            at = table.heading.index("subject")
            faults.append(table.fault(row.line, at, "blank", "whose entry this is stands nowhere"))
        found.setdefault(subject, []).append((made, at_column, row.line))
    if faults:
        raise InputRejected(faults)
    return found


def entry_of(table: Table, fields: Mapping[str, Field], cells: Plain) -> Plain:
    """The plain value of one entry, from its cells by heading."""
    made: Plain = {}
    for heading, cell in cells.items():
        name, _, unit = heading.partition(".")
        target = fields.get(name)
        if target is None:
            made[heading] = cell
        elif unit:
            continue
        elif target.many:
            made[name] = [code.strip() for code in cell.split("|") if code.strip()]
        else:
            value = cell_value(table, target, cell)
            said_unit = cells.get(f"{name}.unit")
            made[name] = {"value": value, "unit": said_unit} if said_unit else value
    return made


# --- the command ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """What the person said: the kind of import, the names of its inputs, the form of files."""

    kind: str
    inputs: tuple[str, ...]
    form: str


@dataclass(slots=True)
class Outcome:
    """What an import of tables came to."""

    recorded: list[Recorded] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)


def run(arguments: Namespace) -> int:
    """Import a table; returns the exit code."""
    dialect = Dialect(arguments.delimiter or "", arguments.encoding, arguments.decimal)
    try:
        protocol = protocol_from(arguments.protocol)
        table = read_file(arguments.input, dialect, "subject")
        lists: dict[str, Table] = {}
        for word in arguments.list or []:
            record, _, path = word.partition("=")
            if record not in protocol.records or not path:
                known = ", ".join(f"`{name}`" for name in protocol.records)
                say(f"`--list {word}` names no record list and file; the lists are {known}")
                return REJECTED
            lists[record] = read_file(Path(path), dialect, "subject")
        outcome = import_tables(table, lists, protocol)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    names = (Path(table.name).name, *(Path(one.name).name for one in lists.values()))
    return write_all(outcome, arguments.out, protocol, Words("csv", names, arguments.format))


def read_file(path: Path, dialect: Dialect, first: str) -> Table:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRejected([unreadable(path, error)]) from None
    return read_table(path.as_posix(), data, dialect, first)


def import_tables(table: Table, lists: Mapping[str, Table], protocol: Protocol) -> Outcome:
    """The subjects of a table. A row with a fault rejects its subject, and no other.

    Raises: InputRejected if a heading or a list's table is at fault.
    """
    columns = columns_of(table, protocol)
    entries = {name: entries_of(one, name, protocol) for name, one in lists.items()}
    outcome = Outcome()
    at = table.heading.index("subject")
    ids = [row.cells[at] if at < len(row.cells) else "" for row in table.rows]
    for record, found in entries.items():
        for subject, several in found.items():
            if subject not in ids:
                one = lists[record]
                what = f"the main table has no subject `{shorten(subject)}`"
                column = one.heading.index("subject")
                outcome.faults.append(one.fault(several[0][2], column, "no-subject", what))
    for row, subject in zip(table.rows, ids, strict=True):
        sources = Sources()
        try:
            if subject and ids.count(subject) > 1:
                what = f"the subject `{shorten(subject)}` stands on {ids.count(subject)} rows"
                hint = "keep one row a subject; write further values in columns `FACT[1]`"
                raise InputRejected([table.fault(row.line, at, "duplicate-subject", what, hint)])
            recorded = recorded_of(table, row, columns, protocol, sources)
            for record, found in entries.items():
                _add_entries(
                    recorded, record, lists[record], found.get(subject, []), protocol, sources
                )
            checked(recorded, protocol, sources)
        except InputRejected as rejected:
            outcome.faults += rejected.faults
            outcome.rejected.append(subject)
        else:
            outcome.recorded.append(recorded)
    return outcome


def _add_entries(
    recorded: Recorded,
    record: str,
    table: Table,
    found: list[tuple[Plain, dict[str, int], int]],
    protocol: Protocol,
    sources: Sources,
) -> None:
    fields = protocol.records[record].fields
    for number, (cells, columns, line) in enumerate(found):
        recorded.enter(record, entry_of(table, fields, cells))
        place: Place = ("records", record, "entries", number)
        sources.at[place] = (table, line, 0)
        for heading, column in columns.items():
            name, _, unit = heading.partition(".")
            sources.at[*place, name, "unit"] = (table, line, column)
            if not unit:
                sources.at[*place, name] = (table, line, column)


def checked(recorded: Recorded, protocol: Protocol, sources: Sources) -> None:
    """Have the engine read the subject. Raises: InputRejected, with the cells at fault."""
    document = traced(recorded.plain(protocol))
    try:
        subject_of(document, protocol)
    except InputRejected as rejected:
        raise InputRejected(sources.faults(rejected.faults, document), recorded.subject) from None


def write_all(outcome: Outcome, out: Path, protocol: Protocol, words: Words) -> int:
    """Write the subjects and say what became of all; returns the exit code."""
    print_faults(
        sorted(set(outcome.faults), key=lambda f: (f.span.path, f.span.line, f.span.column))
    )
    comment = f"Imported from {words.inputs[0]} for {protocol.id} {protocol.version}."
    try:
        with opened(out, words.kind, words.inputs, protocol) as folder:
            summary = folder.summary
            for fault in outcome.faults:
                what = f"{fault.code}: {fault.message}"
                summary.note("unread", what, about=f"{fault.span.path}:{fault.span.line}")
            for subject in outcome.rejected:
                summary.refuse(subject)
            for recorded in outcome.recorded:
                try:
                    folder.write(recorded, protocol, comment, words.form)
                    summary.imported += 1
                except InputRejected as rejected:
                    print_faults(rejected.faults)
                    summary.refuse(recorded.subject)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    except OSError as error:
        say(unwritable(out, error).text())
        return REJECTED
    put(summary.text(ON_SCREEN, ON_SCREEN), end="")
    put(f"subject files: {folder.subjects.as_posix()}")
    return REJECTED if summary.refused or outcome.faults else 0
