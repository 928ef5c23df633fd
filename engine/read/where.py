"""Read `where`: what an entry of a record list must be like to match."""

from __future__ import annotations

from typing import Any as Anything

from engine.read.conditions import Conditions, code_of
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import (
    AgoTest,
    BetweenTest,
    Clause,
    DayTest,
    Either,
    EverTest,
    Fact,
    Field,
    LimitTest,
    RecordList,
    UlnTest,
    Where,
)
from engine.terms.agents import folded
from engine.terms.faults import did_you_mean

GROUPS = ("all", "any")
_TESTS = (LimitTest, BetweenTest, UlnTest, AgoTest, DayTest, EverTest)
_CONDITIONS = Conditions({}, frozenset())


def read_where(sheet: Sheet, path: Path, record: RecordList, value: Anything) -> tuple[Clause, ...]:
    """The clauses of a `where`, those of an `all:` among them; less those with a fault."""
    result: list[Clause] = []
    if value is None:
        return ()
    if value == {}:
        sheet.fault(path, "empty", "an empty `where` asks nothing", "leave it out", key=True)
    for name, asked in sheet.names_of(path, value, "field names to what is asked").items():
        here = (*path, name)
        field = record.fields.get(name)
        if name in GROUPS:
            ways = sheet.list_of(here, asked, "fields and what is asked of them")
            if isinstance(asked, list) and not asked:
                sheet.fault(here, "empty", f"an empty `{name}` says nothing", key=True)
            read = [read_where(sheet, (*here, i), record, way) for i, way in enumerate(ways)]
            if name == "all":
                result += [clause for way in read for clause in way]
            else:
                result.append(Either(tuple(read), sheet.document.span(here, key=True)))
        elif field is None:
            what = f"`{record.name}` has no field `{shorten(name)}`"
            hint = did_you_mean(name, (*record.fields, *GROUPS))
            if name == "not":
                hint = "ask for what an entry must be, with `any:` for one of several"
            sheet.fault(here, "unknown-field", what, hint, key=True)
        elif field.type == "date" or (field.type == "quantity" and isinstance(asked, dict)):
            test = _test(sheet, here, field, asked)
            if test is not None:
                result.append(test)
        else:
            many = isinstance(asked, list)
            values = [
                _value(sheet, (*here, i) if many else here, record, field, one)
                for i, one in enumerate(asked if many else [asked])
            ]
            if not values:
                sheet.fault(here, "empty", "`where` asks for none of no codes")
            result.append(Where(name, tuple(v for v in values if v is not None)))
    return tuple(result)


def _test(sheet: Sheet, path: Path, field: Field, asked: Anything) -> Clause | None:
    """A test on a field, as on a fact of its type; None after a fault."""
    of = Fact(field.name, field.ask, field.type, field.unit, molar_mass=field.molar_mass)
    place = sheet.document.span(path, key=True)
    test = _CONDITIONS.test(sheet, path, of, asked, place)
    if isinstance(test, UlnTest) and field.uln_u is None:
        what = f"the field `{field.name}` has no upper limit of normal"
        sheet.fault(path, "misfit", what, "give it a `uln`, or compare it with a limit", key=True)
        return None
    if isinstance(test, _TESTS):
        return test
    if test is not None:
        what = f"`where` cannot ask this of `{field.name}`"
        sheet.fault(path, "misfit", what, "it takes days and lengths of time", key=True)
    return None


def _value(
    sheet: Sheet, path: Path, record: RecordList, field: Field, value: Anything
) -> str | bool | int | None:
    if field.type == "boolean":
        return sheet.boolean_of(path, value)
    if field.type == "quantity":
        return sheet.amount_of(path, value)
    text = sheet.text_of(path, value, "a code")
    if text is not None and field.type == "choice":
        return code_of(sheet, path, field.choices, text)
    if text is not None and field.name == record.known_by:
        name = record.named.get(folded(text), (text,))[0]  # a synonym asks for its agent
        if name in record.known and record.known[name].components:
            what = f"`{shorten(text)}` is read as its components"
            sheet.fault(path, "misfit", what, "ask for one of them")
        return name
    return text
