"""What was recorded, as the data that records carry: values, statements, entries, lists."""

from __future__ import annotations

from datetime import date

from engine import terms as m
from engine.record.shape import (
    Confirmation,
    EntryRecord,
    FieldRecord,
    IntervalValue,
    ListRecord,
    Quantity,
    ReadingRecord,
    Shown,
)
from engine.record.wording import number_value
from engine.select.amounts import ends_of
from engine.select.lists import relied_on
from engine.terms.agents import as_recorded


def days_value(days: m.Days) -> str | IntervalValue:
    """A recorded date: the day, or the first and last that it could be."""
    first, last = days.first.isoformat(), days.last.isoformat()
    return first if days.first == days.last else {"low": first, "high": last}


def quantity_of(amount: m.Amount) -> Quantity:
    """A recorded number as written: its sign, value and unit."""
    written: Quantity = {"value": number_value(amount.amount_u), "unit": amount.unit}
    if amount.sign:
        written["sign"] = amount.sign
    return written


def put_day(where: Shown | ReadingRecord, one: m.Statement) -> None:
    """Add the day of observation of a statement, as far as it is known."""
    if one.on is not None:
        where["on"] = one.on.isoformat()
    elif one.within is not None:
        first, last = one.within.first.isoformat(), one.within.last.isoformat()
        where["within"] = {"low": first, "high": last}
    elif one.not_after is not None:
        where["not_after"] = one.not_after.isoformat()


def stated(one: m.Statement, fact: m.Fact) -> Shown:
    """A statement as recorded, without what stands beside it."""
    value = one.value if not one.voided else one.struck
    shown: Shown = {"value": None}
    if isinstance(value, m.Amount):
        written = quantity_of(value)
        shown = {"value": written["value"], "unit": written["unit"]}
        if "sign" in written:
            shown["sign"] = written["sign"]
    elif isinstance(value, m.Days):
        shown["value"] = days_value(value)
    elif value is not None:
        shown["value"] = value
        if isinstance(value, str):
            label = next((c.label for c in fact.choices if c.code == value), None)
            if label is not None:
                shown["label"] = label
    if one.unknown is not None:
        shown["unknown"] = one.unknown
    return shown


def stated_with_day(one: m.Statement, fact: m.Fact) -> Shown:
    """A statement as recorded, with its day and source."""
    shown = stated(one, fact)
    put_day(shown, one)
    if one.source:
        shown["source"] = one.source
    if one.by:
        shown["by"] = one.by
    return shown


def unusual(kind: m.Fact | m.Field, amount: m.Amount) -> bool:
    """Whether a recorded number, or all that it could be, lies outside the usual range."""
    if kind.usual_u is None:
        return False
    least, most, *_ = ends_of(amount, kind)
    low, high = kind.usual_u
    return (most < low and amount.sign[:1] != ">") or (least > high and amount.sign[:1] != "<")


def entry_number(entry: m.Entry) -> int:
    """An entry's number in its list, from 1."""
    return int(entry.entry.rpartition("[")[2][:-1]) + 1


def entry_fields(entry: m.Entry, record: m.RecordList) -> list[FieldRecord]:
    """The fields of an entry that are recorded, in the dictionary's order."""
    values = entry.struck if entry.voided else entry.values
    return [_field(field, values[name]) for name, field in record.fields.items() if name in values]


def _field(field: m.Field, value: m.Recorded | tuple[str, ...]) -> FieldRecord:
    shown: FieldRecord = {"field": field.name, "ask": field.ask, "value": ""}
    labels = {choice.code: choice.label for choice in field.choices}
    if isinstance(value, tuple):
        shown["value"] = list(value)
        shown["labels"] = [labels.get(c, c) if c else "one not recorded" for c in value]
    elif isinstance(value, m.Amount):
        written = quantity_of(value)
        shown["value"], shown["unit"] = written["value"], written["unit"]
        if "sign" in written:
            shown["sign"] = written["sign"]
        if unusual(field, value):
            shown["confirm"] = True
    elif isinstance(value, m.Days):
        shown["value"] = days_value(value)
    else:
        shown["value"] = value
        if isinstance(value, str) and value in labels:
            shown["label"] = labels[value]
    return shown


def list_record(record: m.RecordList, listed: m.Entries | None, as_of: date) -> ListRecord:
    """A record list, whole: every entry as recorded, and whether it is confirmed complete."""
    return {
        "name": record.name,
        "ask": record.ask,
        "confirmation": _confirmation(record, listed, as_of),
        "entries": [_entry(one, record) for one in as_recorded(listed.entries)] if listed else [],
    }


def _confirmation(
    record: m.RecordList, listed: m.Entries | None, as_of: date
) -> Confirmation | None:
    if listed is None or listed.complete_on is None:
        return None
    found: Confirmation = {
        "complete_on": listed.complete_on.isoformat(),
        "counts": relied_on(record, listed, as_of),
    }
    if listed.by:
        found["by"] = listed.by
    if listed.source:
        found["source"] = listed.source
    if listed.count is not None:
        found["count"] = listed.count
    if listed.doubt is not None:
        found["doubt"] = listed.doubt
    return found


def _entry(entry: m.Entry, record: m.RecordList) -> EntryRecord:
    found: EntryRecord = {"entry": entry.entry, "fields": entry_fields(entry, record)}
    if entry.source:
        found["source"] = entry.source
    if entry.by:
        found["by"] = entry.by
    if entry.note:
        found["note"] = entry.note
    if entry.voided:
        found["voided"] = True
    if record.known and record.known_by in entry.values:
        if not entry.known:
            found["standing"] = "not_listed"
        else:
            found["standing"] = "listed" if entry.exact else "holds_listed"
            found["known"] = list(entry.known)
    return found
