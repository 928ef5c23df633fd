"""`eligo import csv`: a table with a subject a row, and tables of entries for record lists.

The columns are those of `eligo facts PACK --csv`. Nothing is guessed: dates are ISO, a
decimal comma is read where the person says so, a heading that means nothing is a fault.
Every fault names the file, the row and the column it stands in.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.exchange.cells import (
    DAYS,
    MISSING_LEFT,
    cell_value,
    day_text,
    missing_of,
    number_text,
    qualified,
    unread,
    whole_text,
)
from app.exchange.csv_read import Dialect, Row, Table, table_in
from app.exchange.intake import (
    AGAIN,
    Read,
    Reader,
    Words,
    ignored_columns,
    refuse,
    settle,
    taken_once,
    write_all,
)
from app.exchange.report import Line
from app.exchange.rows import Place, Rows
from app.run.exits import REJECTED
from app.run.inputs import protocol_from, say
from engine.exchange.recorded import Plain
from engine.read.source import Path as Where
from engine.read.source import shorten
from engine.terms import Fact, Field, Protocol
from engine.terms.faults import Fault, InputRejected, did_you_mean
from engine.terms.spellings import unit_code
from engine.terms.units import UnitError, conversion

SUFFIXES = ("on", "not_after", "unit", "uln", "source", "by", "note", "unknown", "voided")
NOTHING: Mapping[str, str] = {}
NOTES = ("source", "by", "note", "voided")
HEADS = {"complete_on": "complete_on", "complete_by": "by", "complete_source": "source",
         "count": "count"}  # fmt: skip
"""What a column of a list says of it, by the name behind the dot."""

_HEADING = re.compile(
    r"([A-Za-z][A-Za-z0-9_]*)(?:\[([0-9]{1,3})\])?(?:\s*\[([^\[\]]+)\]|\.([a-z_]+))?"
)
_UNKNOWN = re.compile(r"unknown(?:\s*:\s*(pending|not_done))?")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds: a key of a statement about a fact, or of a list's confirmation.

    `unit`: the unit that its heading names.
    """

    name: str
    number: int = 0
    key: str = "value"
    record: bool = False
    unit: str = ""


# --- headings ---------------------------------------------------------------------------


def columns_of(
    table: Table, protocol: Protocol, ignored: Collection[str] = ()
) -> dict[int, Column]:
    """What each column means. Raises: InputRejected; a heading that means nothing is a fault."""
    facts = {fact.name: fact for fact in protocol.facts.values() if fact.derive is None}
    known = ["subject", *sorted(facts), *(f"{r}.complete_on" for r in protocol.records)]
    faults, columns = [], {}
    for at, heading in enumerate(table.heading.cells):
        if heading in ("subject", "") or heading in ignored:
            continue
        match = _HEADING.fullmatch(heading)
        name, number, unit, key = match.groups() if match else ("", None, None, None)
        if name in facts and (key is None or key in SUFFIXES):
            columns[at] = Column(name, int(number or 0), key or "value", unit=unit or "")
            if unit and (wrong := unfit_unit(facts[name], unit)):
                faults.append(table.fault(table.heading, at, "unit", wrong))
        elif name in protocol.records and key in HEADS and number is None:
            columns[at] = Column(name, 0, HEADS[key], record=True)
        else:
            derived = name in protocol.facts and name not in facts
            what = "is worked out from other facts" if derived else "is not a column here"
            near = "" if derived else did_you_mean(heading, known)
            hint = near if near.startswith("did") else unread(heading)
            faults.append(table.fault(table.heading, at, "unknown-column", what, hint))
    if faults:
        raise InputRejected(faults)
    return columns


def entry_columns_of(
    table: Table, record: str, protocol: Protocol, ignored: Collection[str] = ()
) -> dict[int, Column]:
    """What each column of a list's table means. Raises: InputRejected."""
    fields = protocol.records[record].fields
    faults, columns = [], {}
    for at, heading in enumerate(table.heading.cells):
        if heading in ("subject", "") or heading in ignored:
            continue
        match = _HEADING.fullmatch(heading)
        name, number, unit, key = match.groups() if match else ("", None, None, None)
        quantity = name in fields and fields[name].type == "quantity"
        if heading in fields:
            columns[at] = Column(heading)
        elif quantity and number is None and (unit or key == "unit"):
            columns[at] = Column(name, key=key or "value", unit=unit or "")
            if unit and (wrong := unfit_unit(fields[name], unit)):
                faults.append(table.fault(table.heading, at, "unit", wrong))
        elif heading in NOTES:
            columns[at] = Column(heading, key="note")
        else:
            near = did_you_mean(heading, [*fields, *NOTES, "subject"])
            hint = near if near.startswith("did") else unread(heading)
            what = f"is not a column of the entries of `{record}`"
            faults.append(table.fault(table.heading, at, "unknown-column", what, hint))
    if faults:
        raise InputRejected(faults)
    return columns


def unfit_unit(target: Fact | Field, unit: str) -> str:
    """Why a heading cannot name this unit; "" if it can."""
    if target.type != "quantity":
        return f"names a unit, and `{target.name}` has none"
    try:
        unit_code(unit, target.unit, target.molar_mass, target.also_in)
    except UnitError as error:
        return str(error)
    return ""


def other_unit(target: Fact | Field, said: str, named: str) -> bool:
    """Whether a cell says another unit than the heading of its value names."""
    if not said or not named or unfit_unit(target, said):
        return bool(said and named) and said != named
    goal = (target.unit, target.molar_mass, target.also_in)
    return len({conversion(unit_code(one, *goal), *goal) for one in (said, named)}) > 1


# --- rows -------------------------------------------------------------------------------


def reader_of(
    main: Table,
    lists: Mapping[str, Table],
    protocol: Protocol,
    missing: Mapping[str, str] = NOTHING,
    ignored: Collection[str] = (),
) -> Reader:
    """Reads a subject's rows: of the main table, which is number 0, and of the lists' tables in
    their order. `missing`: what missing-data codes say; `ignored`: the columns not to be read.

    Raises: InputRejected if a heading is at fault.
    """
    columns = columns_of(main, protocol, ignored)
    entries = [(r, one, entry_columns_of(one, r, protocol, ignored)) for r, one in lists.items()]

    def read_rows(read: Read, places: Sequence[Place]) -> None:
        mains = list({row.cells: row for number, row in reversed(places) if number == 0}.values())
        if len(mains) > 1:
            at = main.heading.cells.index("subject")
            what = f"the subject stands on {len(mains)} rows that differ"
            hint = "keep one row a subject; write further values in columns `FACT[1]`"
            read.faults += [main.fault(r, at, "duplicate-subject", what, hint) for r in mains]
            return
        _read_main(read, main, mains[0], columns, protocol, missing)
        for row in [row for number, row in places if number == 0 and row is not mains[0]]:
            read.lines.append(Line(main.place(row), left=AGAIN))
            read.again += 1
        for number, (record, table, meanings) in enumerate(entries, start=1):
            own = [row for at, row in places if at == number]
            stated = str(read.recorded.heads.get(record, {}).get("count", ""))
            for row in taken_once(read, table, own, stated == str(len(own))):
                _read_entry(read, table, row, record, meanings, protocol, missing)
        for record in protocol.records:
            lost = f"give the table of its entries with --list {record}=FILE"
            settle(read, record, record in lists, lost)

    return read_rows


def _read_main(
    read: Read,
    table: Table,
    row: Row,
    columns: Mapping[int, Column],
    protocol: Protocol,
    missing: Mapping[str, str],
) -> None:
    said: dict[tuple[str, int], dict[str, tuple[Any, int]]] = {}
    missed: dict[tuple[str, int], dict[str, tuple[str, int]]] = {}
    recorded, gave, left = read.recorded, [], []
    for at, column in columns.items():
        cell = row.cells[at]
        if not cell:
            continue
        if cell in missing:
            codes = () if column.record else protocol.facts[column.name].choices
            if reason := missing_of(missing, cell, [choice.code for choice in codes]):
                if column.key == "value":
                    cells = said.setdefault((column.name, column.number), {})
                    cells["unknown"] = (reason, at)
                    cells.setdefault("note", (f"recorded as {cell}", at))
                else:
                    left.append(f"{table.heading.cells[at]}: `{shorten(cell)}` {MISSING_LEFT}")
                    missed.setdefault((column.name, column.number), {})[column.key] = (cell, at)
                    if column.key == "unknown":
                        said.setdefault((column.name, column.number), {})
                continue
        value: Any = day_text(cell) if column.key in DAYS else cell
        if column.record:
            value = whole_text(cell) if column.key == "count" else value
            recorded.heads.setdefault(column.name, {})[column.key] = value
            read.sources.at["records", column.name, column.key] = (table, row, at)
            gave.append(f"records.{column.name}.{column.key}")
            continue
        if column.key == "value":
            value = cell_value(table, protocol.facts[column.name], cell)
        elif column.key == "uln":
            value = number_text(table, cell)
        cells = said.setdefault((column.name, column.number), {})
        cells[column.key] = (value, at)
        if column.unit and "unit" not in cells:
            cells["unit"] = (column.unit, at)
    for (name, number), cells in sorted(said.items()):
        if "unit" in cells and "value" in cells:
            (unit, at), named = cells["unit"], columns[cells["value"][1]].unit
            if other_unit(protocol.facts[name], unit, named):
                read.faults.append(_two_units(table, row, at, unit, named))
        cells = qualified(unknown_of(protocol.facts[name], cells), missed.get((name, number), {}))
        statement: Plain = {key: cell for key, (cell, _) in cells.items()}
        first = min(at for _, at in cells.values())
        if "value" not in statement and "unknown" not in statement and "voided" not in statement:
            shown = f"`{name}`" if not number else f"`{name}[{number}]`"
            what = f"{shown} has no value, so that this says nothing"
            hint = "enter the value, or clear this cell"
            read.faults.append(table.fault(row, first, "blank", what, hint))
        place: Where = ("facts", name, len(recorded.facts.get(name, [])))
        gave.append(recorded.say(name, statement))
        read.sources.at[place] = (table, row, first)
        for key, (_, at) in cells.items():
            read.sources.at[*place, key] = (table, row, at)
    _line(read, table, row, gave, left)


def _line(read: Read, table: Table, row: Row, gave: Sequence[str], left: Sequence[str]) -> None:
    read.left += left
    read.lines.append(Line(table.place(row), tuple(gave), "; ".join(left)))


def _two_units(table: Table, row: Row, at: int, unit: str, named: str) -> Fault:
    what = f"says `{shorten(unit)}`, and the heading of the value says `{named}`"
    return table.fault(row, at, "unit", what, "keep one of the two")


def unknown_of(fact: Fact, cells: dict[str, tuple[Any, int]]) -> dict[str, tuple[Any, int]]:
    """The cells of one statement: a value cell may say `unknown: pending`."""
    value, column = cells.get("value", (None, 0))
    codes = {choice.code for choice in fact.choices}
    match = _UNKNOWN.fullmatch(value) if isinstance(value, str) and fact.type != "text" else None
    if match and value not in codes:
        cells = {key: cell for key, cell in cells.items() if key != "value"}
        cells["unknown"] = (match[1] or "not_done", column)
        if not match[1]:
            cells.setdefault("note", ("recorded as unknown", column))
    return cells


def _read_entry(
    read: Read,
    table: Table,
    row: Row,
    record: str,
    columns: Mapping[int, Column],
    protocol: Protocol,
    missing: Mapping[str, str],
) -> None:
    fields = protocol.records[record].fields
    place: Where = ("records", record, "entries", len(read.recorded.entries.get(record, [])))
    made: Plain = {}
    units = {c.name: (row.cells[at], at) for at, c in columns.items() if c.key == "unit"}
    doubted = {name for name, (unit, _) in units.items() if missing_of(missing, unit, ())}
    read.sources.at[place] = (table, row, 0)
    left, anything = [], False
    for at, column in columns.items():
        cell, name = row.cells[at], column.name
        if not cell or (column.key == "unit" and name not in doubted):
            continue
        codes = fields[name].choices if name in fields else ()
        if missing_of(missing, cell, [choice.code for choice in codes]):
            left.append(f"{table.heading.cells[at]}: `{shorten(cell)}` {MISSING_LEFT}")
            if column.key == "note" and name == "voided":
                anything = True  # it may count or not
            continue
        read.sources.at[*place, name] = (table, row, at)
        if column.key == "note":
            made[name] = cell
        elif fields[name].many:
            made[name] = [code.strip() or None for code in cell.split("|")]
        else:
            made[name] = cell_value(table, fields[name], cell)
            unit, unit_at = units.get(name, ("", at))
            if other_unit(fields[name], unit, column.unit):
                read.faults.append(_two_units(table, row, unit_at, unit, column.unit))
            if unit or column.unit:
                made[name] = {"value": made[name], "unit": unit or column.unit}
                read.sources.at[*place, name, "unit"] = (table, row, unit_at)
    for name, (unit, at) in units.items():
        if unit and name not in made and name not in doubted:
            what = f"`{name}` has no value, so that this says nothing"
            read.faults.append(
                table.fault(row, at, "blank", what, "enter the value, or clear this cell")
            )
    gone = fields.keys() if anything else doubted
    made = {name: value for name, value in made.items() if name not in gone}
    _line(read, table, row, [read.recorded.enter(record, made)], left)


# --- the command ------------------------------------------------------------------------


def run(arguments: Namespace) -> int:
    """Import a table; returns the exit code."""
    dialect = Dialect(arguments.delimiter or "", arguments.encoding, arguments.decimal)
    paths: dict[str, Path] = {}
    with Rows() as rows:
        try:
            protocol = protocol_from(arguments.protocol)
            for word in arguments.list or []:
                record, _, path = word.partition("=")
                if record not in protocol.records or not path or record in paths:
                    known = ", ".join(f"`{name}`" for name in protocol.records)
                    twice = "a second table for a list"
                    what = twice if record in paths else "no record list and file"
                    say(f"`--list {word}` names {what}; the lists are {known}")
                    return REJECTED
                paths[record] = Path(path)
            with ExitStack() as stack:
                main = stack.enter_context(table_in(arguments.input, dialect, "subject"))
                lists = {
                    record: stack.enter_context(table_in(path, dialect, "subject"))
                    for record, path in paths.items()
                }
                reader = reader_of(main, lists, protocol, arguments.missing, arguments.ignore)
                load(rows, main, lists)
                rows.stated(arguments.rows)
        except InputRejected as rejected:
            return refuse(rejected, arguments.out)
        words = Words("csv", (arguments.input, *paths.values()), arguments.out, arguments.format)
        return write_all(rows, reader, protocol, words, ignored_columns(rows, arguments.ignore))


def load(rows: Rows, main: Table, lists: Mapping[str, Table]) -> None:
    """Read the tables to their ends. Raises: InputRejected."""
    rows.load(main, lambda row: True)
    for table in lists.values():
        rows.load(table, lambda row: False)
    rows.finish()
