"""`eligo import redcap`: the raw export of a project made from `eligo facts PACK --redcap`.

The rows of one subject are its main row, further events, and the instances of its forms. An
instance without its subject's main row is a fault; a list is confirmed by its count alone.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from app.exchange.cells import (
    DAYS,
    MISSING_LEFT,
    day_text,
    missing_of,
    number_text,
    qualified,
    whole_text,
)
from app.exchange.csv_read import Dialect, Row, Table, table_in
from app.exchange.intake import Read, Reader, Words, refuse, settle, taken_once, write_all
from app.exchange.redcap_form import Cell, Project, project_of
from app.exchange.report import Line
from app.exchange.rows import Place, Rows
from app.run.inputs import protocol_from
from engine.exchange.recorded import Plain
from engine.exchange.redcap import SIGNS
from engine.read.source import Path as Where
from engine.read.source import shorten
from engine.terms import Protocol
from engine.terms.faults import Fault, InputRejected

_RAW = "export the raw data (codes), not the labels"


def reader_of(
    table: Table, project: Project, protocol: Protocol, missing: Mapping[str, str], whole: bool
) -> Reader:
    """Reads a subject's rows. `missing`: what the project's missing-data codes say; `whole`:
    the number of rows was stated, and is right."""

    def read_rows(read: Read, places: Sequence[Place]) -> None:
        rows = taken_once(read, table, [row for _, row in places], stated=False)
        seen: dict[tuple[str, ...], Row] = {}
        for row in rows:
            key = tuple(row.cells[at] for at in project.instance)
            if key in seen and project.instrument >= 0:
                what = f"line {seen[key].line} is the same instance, and says something else"
                read.faults.append(table.fault(row, project.instrument, "duplicate-subject", what))
            seen[key] = row
            _read_row(read, table, row, project, protocol, missing)
        for record in protocol.records:
            settle(read, record, record in project.lists, f"export the form `{record}` as well")
        read.whole = read.whole and whole

    return read_rows


Owner = tuple[str, bool]
"""A fact, or a list and whether this is about one entry of it."""


def _read_row(
    read: Read,
    table: Table,
    row: Row,
    project: Project,
    protocol: Protocol,
    missing: Mapping[str, str],
) -> None:
    said: dict[Owner, dict[tuple[str, str], tuple[Any, int]]] = {}
    missed: dict[tuple[Owner, str], dict[str, tuple[str, int]]] = {}
    left: list[str] = []
    for at, column in project.columns.items():
        text, variable = row.cells[at], column.variable
        if not text or (column.ticked and text == "0"):
            continue
        owner = (variable.owner, variable.owner in protocol.records and bool(variable.field))
        key = (variable.field, variable.key)
        if (reason := missing_of(missing, text, variable.codes)) and not column.ticked:
            if variable.key == "value" and not owner[1]:
                said.setdefault(owner, {})["", "unknown"] = (reason, at)
                said[owner].setdefault(("", "note"), (f"recorded as {shorten(text)}", at))
            else:
                left.append(f"{variable.name}: `{shorten(text)}` {MISSING_LEFT}")
                missed.setdefault((owner, variable.field), {})[variable.key] = (shorten(text), at)
                if owner[1] or variable.key in ("unknown", "partial"):
                    said.setdefault(owner, {})
            continue
        try:
            value = _decoded(table, column, text)
        except ValueError as error:
            read.faults.append(table.fault(row, at, "unknown-code", str(error), _RAW))
            continue
        cells = said.setdefault(owner, {})
        if column.ticked:
            value = [*cells.get(key, ([], 0))[0], value]
        cells[key] = (value, at)
    gave: list[str] = []
    form = row.cells[project.instrument] if project.instrument >= 0 else ""
    if form in project.forms:  # an instance is an entry, also one without answers
        said.setdefault((project.forms[form], True), {})
    for owner in list(said):
        said[owner] = _doubted(owner, said[owner], missed, protocol)
        _blank_codes(project, row, said[owner])
    for (owner_name, entry), cells in said.items():
        gave += _add(read, owner_name, entry, cells, table, row, protocol)
    if form and not any(said.values()):
        left.append(f"the instance of `{shorten(form)}` has no answers")
    read.left += left
    why = "; ".join(left) or ("" if gave else "is blank")
    read.lines.append(Line(table.place(row), tuple(gave), why))


Cells = dict[tuple[str, str], tuple[Any, int]]
"""Cells of one owner, by field and key."""


def _doubted(
    owner: Owner,
    cells: Cells,
    missed: Mapping[tuple[Owner, str], Mapping[str, tuple[str, int]]],
    protocol: Protocol,
) -> Cells:
    """The cells of one owner, where some that qualify others are missing."""
    name, entry = owner
    if not entry:
        own = {key: cell for (_, key), cell in cells.items()}
        own = own if name in protocol.records else qualified(own, missed.get((owner, ""), {}))
        return {("", key): cell for key, cell in own.items()}
    fields = protocol.records[name].fields
    gone = {f for f in fields if missed.get((owner, f), {}).keys() & {"unit", "sign"}}
    if (owner, "voided") in missed and "voided" not in fields:
        gone = {*fields}  # it may count or not, so that it may be anything
    return {key: cell for key, cell in cells.items() if key[0] not in gone}


def _blank_codes(project: Project, row: Row, cells: Cells) -> None:
    """Add a code that is not recorded to those ticked, where a box is blank or not exported."""
    for key, (value, at) in cells.items():
        if not isinstance(value, list):
            continue
        own = project.columns[at].variable
        filled = sum(row.cells[i] != "" for i, c in project.columns.items() if c.variable == own)
        if filled < len(own.codes):
            cells[key] = ([*value, None], at)


def _decoded(table: Table, column: Cell, text: str) -> Any:
    """A cell's text as ours. Raises: ValueError if it is no code of its variable."""
    variable = column.variable
    if column.ticked:
        if text != "1":
            raise ValueError(f"`{shorten(text)}` is neither 1 nor 0")
        return column.ticked
    if variable.type == "yesno":
        if text not in ("0", "1"):
            raise ValueError(f"`{shorten(text)}` is neither 1 (yes) nor 0 (no)")
        return text == "1"
    if variable.codes:
        ours = {theirs: code for code, theirs in variable.codes}
        if text not in ours:
            raise ValueError(f"`{shorten(text)}` is not one of its codes")
        return ours[text]
    if variable.validation == "integer":
        return whole_text(text)
    if variable.validation == "number":
        return number_text(table, text)
    return day_text(text) if variable.validation == "date_ymd" or variable.key in DAYS else text


def _add(
    read: Read,
    owner: str,
    entry: bool,
    cells: Mapping[tuple[str, str], tuple[Any, int]],
    table: Table,
    row: Row,
    protocol: Protocol,
) -> list[str]:
    """Add what a row says of one fact, one list's confirmation, or one entry; says where."""
    first = min((at for _, at in cells.values()), default=0)
    recorded, sources = read.recorded, read.sources
    if owner in protocol.records and not entry:
        return _confirm(read, owner, cells, table, row)
    if entry:
        place: Where = ("records", owner, "entries", len(recorded.entries.get(owner, [])))
        made: Plain = {}
        for name in dict.fromkeys(field for field, _ in cells):
            own = {key: cell for (field, key), cell in cells.items() if field == name}
            value, faults = _value(own, table, row)
            read.faults += faults
            named = protocol.records[owner].fields.get(name)
            default = named.unit if named is not None and named.unit_required else None
            unit = value.pop("unit", default)  # the form's label names it
            made[name] = value.get("value", next(iter(value.values()), None))
            if unit is not None:
                made[name] = {"value": made[name], "unit": unit}
            sources.at[*place, name] = (table, row, min(at for _, at in own.values()))
        sources.at[place] = (table, row, first)
        return [recorded.enter(owner, made)]
    own = {key: cell for (_, key), cell in cells.items()}
    statement, faults = _value(own, table, row)
    read.faults += faults
    if not faults and not statement.keys() & {"value", "unknown", "voided"}:
        what = f"`{owner}` has no value, so that this says nothing"
        hint = "enter the value, or clear this cell"
        read.faults.append(table.fault(row, first, "blank", what, hint))
    if protocol.facts[owner].unit_required and "value" in statement:
        statement.setdefault("unit", protocol.facts[owner].unit)
    place = ("facts", owner, len(recorded.facts.get(owner, [])))
    sources.at[place] = (table, row, first)
    for key, (_, at) in own.items():
        key = "value" if key in ("partial", "sign") else key
        sources.at[*place, key] = (table, row, at)
    return [recorded.say(owner, statement)]


def _confirm(
    read: Read,
    record: str,
    cells: Mapping[tuple[str, str], tuple[Any, int]],
    table: Table,
    row: Row,
) -> list[str]:
    """Add what a row says of a list's confirmation. Of several rows, the latest day counts; two
    of one day that differ are a fault."""
    head = read.recorded.heads.get(record, {})
    said = {key: value for (_, key), (value, _) in cells.items()}
    if head and head != said:
        older, newer = sorted((head, said), key=lambda one: str(one.get("complete_on", "")))
        if older.get("complete_on") == newer.get("complete_on"):
            at = min(at for _, at in cells.values())
            what = f"another row confirms `{record}` otherwise"
            read.faults.append(table.fault(row, at, "both", what, "keep the one that stands"))
        words = ", ".join(f"{key} {value}" for key, value in older.items())
        read.left.append(f"{record}: the confirmation ({words}) is older than another")
        if newer is head:
            return []
    read.recorded.heads[record] = said
    for (_, key), (_, at) in cells.items():
        read.sources.at["records", record, key] = (table, row, at)
    return [f"records.{record}.{key}" for key in said]


def _value(
    cells: Mapping[str, tuple[Any, int]], table: Table, row: Row
) -> tuple[Plain, list[Fault]]:
    """Cells by key as a statement: sign and number are one value, so are day and partial day."""
    made = {key: value for key, (value, _) in cells.items() if key not in ("sign", "partial")}
    if "sign" in cells:
        sign, at = cells["sign"]
        if "value" not in made:
            what = "there is no number that this belongs to"
            return {}, [table.fault(row, at, "blank", what)]
        made["value"] = f"{SIGNS[sign]}{made['value']}"
    if "partial" in cells:
        partial, at = cells["partial"]
        if "value" in made:
            what = "the whole date is there as well; keep one of the two"
            return {}, [table.fault(row, at, "both", what)]
        made["value"] = partial
    return made, []


# --- the command ------------------------------------------------------------------------


def run(arguments: Namespace) -> int:
    """Import an export; returns the exit code."""
    dialect = Dialect(arguments.delimiter or "", arguments.encoding, arguments.decimal)
    with Rows() as rows:
        try:
            protocol = protocol_from(arguments.protocol)
            with table_in(arguments.input, dialect, "subject") as table:
                project = project_of(table, protocol, arguments.ignore)
                rows.load(table, project.is_main)
            rows.finish()
            rows.stated(arguments.rows)
        except InputRejected as rejected:
            return refuse(rejected, arguments.out)
        whole = arguments.rows is not None
        reader = reader_of(table, project, protocol, arguments.missing, whole)
        words = Words("redcap", (arguments.input,), arguments.out, arguments.format)
        return write_all(rows, reader, protocol, words, project.passed)
