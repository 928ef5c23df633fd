"""Cells as the plain values of a subject file, and the way back from a value to its cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.exchange.csv_read import Row, Table
from engine.exchange.recorded import Plain
from engine.read.source import Document, Num
from engine.read.source import Path as Place
from engine.terms import Fact, Field, Span
from engine.terms.faults import Fault

DAYS = ("on", "not_after", "complete_on")
"""Keys that hold a day."""

_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00(:00([.,]0+)?)?")
_WHOLE = re.compile(r"([0-9]{1,9})([.,]0+)?")
_SLASHED = re.compile(
    r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2}"
)
MISSING_LEFT = "says that it is missing"


def missing_of(missing: Mapping[str, str], cell: str, codes: Iterable[Any]) -> str:
    """Why there is no value, where a cell holds a missing-data code; "" where it does not.

    `codes`: those of a choice, as they stand in the table; they come first.
    """
    reason = missing.get(cell, "")
    return reason if cell not in {str(c[1]) if isinstance(c, tuple) else c for c in codes} else ""


Missed = Mapping[str, tuple[str, int]]
"""Of a value's cells those that hold a missing-data code, by key: the code, and the column."""

_DOUBTED = ("unit", "sign", "unknown", "voided")


def qualified(cells: Mapping[str, tuple[Any, int]], missed: Missed) -> dict[str, tuple[Any, int]]:
    """The cells of one statement, where some that qualify its value are missing.

    Without its unit, its sign, or whether it counts at all, a value is not known; without its
    limit of normal it has none, and without its day it is of no day. Where there is no value,
    and why is missing, it is not known either.
    """
    made = dict(cells)
    if "value" not in made and "partial" not in made:
        why = missed.get("unknown") or missed.get("partial")
        if why and not made.keys() & {"unknown", "voided"}:
            made["unknown"] = ("pending", why[1])
        return made
    if key := next((key for key in _DOUBTED if key in missed), ""):
        for gone in ("value", "partial", "sign", "unit", "uln"):
            made.pop(gone, None)
        code, at = missed[key]
        if not made.keys() & {"unknown", "voided"}:
            made["unknown"] = ("pending", at)
        made.setdefault("note", (f"{key} recorded as {code}", at))
    elif "uln" in missed and "voided" not in made:
        made["uln"] = ("none", missed["uln"][1])
    return made


def cell_value(table: Table, target: Fact | Field, cell: str) -> Any:
    """A cell's text as the plain value of a subject file; the engine judges it afterwards."""
    if target.type == "boolean" and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if target.type == "quantity":
        return number_text(table, cell)
    return day_text(cell) if target.type == "date" else cell


def day_text(cell: str) -> str:
    """A day; spreadsheets and data frames write midnight behind one that has no time."""
    match = _MIDNIGHT.fullmatch(cell)
    return match[1] if match else cell


def whole_text(cell: str) -> str:
    """A whole number; data frames write one as `3.0` where its column has gaps."""
    match = _WHOLE.fullmatch(cell)
    return Num(match[1]) if match else cell


def number_text(table: Table, cell: str) -> str:
    """A number as files write it, from one with a decimal comma where the table has those."""
    number, space, unit = cell.partition(" ")
    if table.decimal == "comma":  # a point there is a fault, and reads as one
        number = number.replace(".", ",") if "." in number else number.replace(",", ".", 1)
    cell = number + space + unit
    return Num(cell) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell) else cell


def hint_for(table: Table, cell: str, hint: str) -> str:
    """A better hint where a cell's form is a common one of spreadsheets."""
    if _SLASHED.fullmatch(cell):
        return "write the date as YYYY-MM-DD; the order of day and month is never guessed"
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}.*", cell):
        return "write the day alone, as YYYY-MM-DD"
    if re.fullmatch(r"[0-9]{5}(\.0)?", cell) and "date" in hint.lower() + "YYYY":
        return hint or "write the date as YYYY-MM-DD"
    if re.fullmatch(r"[<>=]*-?[0-9]+,[0-9]+( .*)?", cell) and table.decimal == "point":
        return "if this is a decimal comma, say --decimal comma"
    return hint


@dataclass(slots=True)
class Sources:
    """Where each place of a subject's value stands in a table, and hints that fit there best."""

    at: dict[Place, tuple[Table, Row, int]] = field(default_factory=dict)
    hints: dict[Place, str] = field(default_factory=dict)

    def faults(self, found: tuple[Fault, ...], document: Document) -> Iterator[Fault]:
        """The engine's faults about a document, moved to the cells they are about."""
        for fault in found:
            place = _place(document, fault.span)
            while place and place not in self.at:
                place = place[:-1]
            if place not in self.at:
                yield fault
                continue
            table, row, column = self.at[place]
            hint = self.hints.get(place) or hint_for(table, row.cell(column), fault.hint)
            yield table.fault(row, column, fault.code, fault.message, hint)


def _place(document: Document, span: Span) -> Place:
    positions = document.positions or ({}, {})
    return next((place for place, where in positions[0].items() if where == span), ())


def traced(value: Plain) -> Document:
    """A document whose places can be told apart: each has a line of its own."""

    def located() -> tuple[dict[Place, Span], dict[Place, Span]]:
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
        return places, places

    return Document("", "", value, _locate=located)


def unread(heading: str) -> str:
    """How to say that a column is not to be read."""
    return f"if it is not to be read, say --ignore {heading}"
