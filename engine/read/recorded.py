"""Read what a subject file states: the statements about a fact, the entries of a list."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from itertools import pairwise
from typing import Any
from unicodedata import category

from engine.read import files
from engine.read.known import read_uses
from engine.read.sheet import Sheet, parse_day, parse_days
from engine.read.source import Num, Path, shorten
from engine.read.values import is_blank, unit_of, upper_limit, value_of
from engine.terms import (
    Amount,
    Days,
    Doubt,
    Entries,
    Entry,
    Fact,
    Field,
    Recorded,
    RecordList,
    SaidUnknown,
    Statement,
)

_NOTES = ("source", "by", "note")
ENTRY_WORDS = frozenset(("voided", *_NOTES))
"""What an entry of any list may say beside its fields."""

MOST = 10_000_000
"""The largest number of entries or things left out that a file may state."""

_NOT_A_REASON = frozenset(
    "no n not off false f none never nil null na n/a #n/a nan nein non nej unknown 0 no.".split()
) | {"not voided"}
_STATEMENT_KEYS = files.StatementFile.__optional_keys__


def statements_of(sheet: Sheet, fact: Fact, value: Any) -> tuple[Statement, ...]:
    """What is recorded about one fact: a value, a mapping, or a list of either."""
    path, entry = ("facts", fact.name), f"facts.{fact.name}"
    if isinstance(value, list):
        found = [
            _statement(sheet, (*path, i), f"{entry}[{i}]", fact, one) for i, one in enumerate(value)
        ]
    else:
        found = [_statement(sheet, path, entry, fact, value)]
    if sheet.document.tail is not None and sheet.document.tail[:2] == path:
        note = "the file does not end with the line `...`, so more may have stood here"
        found.append(Statement(entry, unknown="pending", note=note))
    return tuple(one for one in found if one is not None)


def _statement(sheet: Sheet, path: Path, entry: str, fact: Fact, value: Any) -> Statement | None:
    """One statement; None when it is blank or after a fault."""
    if not isinstance(value, dict):
        if is_blank(value):
            return None
        recorded = value_of(sheet, path, fact, value)
        return None if recorded is None else Statement(entry, recorded)
    for key in value:
        if key not in _STATEMENT_KEYS:
            what = f"`{shorten(key)}` is not a key of a recorded value"
            hint = _key_hint(sheet, key, value, _STATEMENT_KEYS)
            sheet.fault((*path, key), "unknown-key", what, hint, key=True)
    on, within = _observed(sheet, path, value, "on")
    not_after = _on(sheet, path, value, "not_after")
    if not_after is not None and not is_blank(value.get("on")):
        what = "a statement says `on` or `not_after`, not both"
        sheet.fault((*path, "not_after"), "both", what, "keep `on`, if the day is known", key=True)
    source, by, note = (_words(sheet, path, value, k) for k in _NOTES)
    by = by if any(char.isalnum() for char in by) else ""  # a dash is nobody's name
    if _voided(sheet, path, value):
        struck = _struck(sheet, path, entry, fact, value)
        return Statement(
            entry, None, None, on, None, source, by, note, True, within, not_after, struck
        )
    unknown = value.get("unknown")
    said: SaidUnknown | None = None
    if not is_blank(unknown):
        said = sheet.option_of((*path, "unknown"), unknown, ("pending", "not_done"))
        if not is_blank(value.get("value")):
            what = "a statement has a `value` or says `unknown`, not both"
            sheet.fault((*path, "unknown"), "both", what, key=True)
        if said is None:
            return None
        return Statement(entry, None, said, on, None, source, by, note, False, within, not_after)
    if "value" not in value and "unknown" not in value:
        sheet.fault(path, "missing-key", "`value` is missing here", "or say `unknown: pending`")
        return None
    unit, uln, no_limit = "", None, False
    for key in ("unit", "uln"):
        if fact.type != "quantity" and not is_blank(value.get(key)):
            what = f"`{key}` belongs to a quantity; `{fact.name}` is a {fact.type}"
            sheet.fault((*path, key), "misfit", what, key=True)
    if fact.type == "quantity":
        if not is_blank(value.get("unit")):
            unit = unit_of(sheet, (*path, "unit"), fact, value["unit"])
            if not unit:
                return None
        no_limit = value.get("uln") == "none"
    recorded = None
    if not is_blank(value.get("value")):
        recorded = value_of(sheet, (*path, "value"), fact, value["value"], unit)
    if fact.type == "quantity" and not is_blank(value.get("uln")) and not no_limit:
        own = recorded.unit if isinstance(recorded, Amount) else unit or fact.unit
        uln = upper_limit(sheet, (*path, "uln"), fact, value["uln"], own)
    if recorded is None:
        beside = [value.get(key) for key in value if key not in ("value", "unknown")]
        if not sheet.clean or not is_blank(value.get("value")) or all(map(is_blank, beside)):
            return None
        # Something was recorded, and not what: an older value must not stand in for it.
        note = note or "recorded without a value"
        return Statement(
            entry, None, "pending", on, None, source, by, note, False, within, not_after
        )
    days = (within, not_after)
    return Statement(entry, recorded, None, on, uln, source, by, note, False, *days, None, no_limit)


def spaced(key: str, known: Collection[str]) -> str:
    """A hint where a known word and what is said of it were taken together for a key."""
    name, colon, rest = key.partition(":")
    if colon and rest and name in known:
        return f"put a space after the colon: `{name}: {shorten(rest)}`"
    return ""


def _key_hint(sheet: Sheet, key: str, beside: Mapping[str, Any], known: Collection[str]) -> str:
    """What a key that is none may have been meant as, among the others of its braces."""
    if mended := spaced(key, known):
        return mended
    number = next((beside[one] for one, other in pairwise(beside) if other == key), None)
    if key.isdigit() and beside[key] is None and isinstance(number, Num):
        return f"a decimal comma? write `{shorten(f'{number}.{key}')}`"
    return sheet.near(key, known)


def _observed(
    sheet: Sheet, path: Path, top: Mapping[str, Any], key: str
) -> tuple[date | None, Days | None]:
    """A day of observation: a full date, or the days that a partial one could be."""
    value = top.get(key)
    days = None if is_blank(value) else sheet.parsed((*path, key), value, "a date", parse_days)
    if days is None:
        return None, None
    return (days.first, None) if days.first == days.last else (None, days)


def _on(sheet: Sheet, path: Path, top: Mapping[str, Any], key: str) -> date | None:
    """A full date, or None where it is blank or at fault."""
    value = top.get(key)
    return None if is_blank(value) else sheet.parsed((*path, key), value, "a date", parse_day)


def _words(sheet: Sheet, path: Path, top: Mapping[str, Any], key: str) -> str:
    value = top.get(key)
    return "" if is_blank(value) else sheet.text_of((*path, key), value) or ""


def _struck(
    sheet: Sheet, path: Path, entry: str, fact: Fact, value: Mapping[str, Any]
) -> Recorded | None:
    """What a voided statement said, as far as it can be read: it is shown, and never counts."""
    told = {key: one for key, one in value.items() if key not in ("voided", "unknown")}
    if is_blank(told.get("value")):
        return None
    was = _statement(Sheet(sheet.document, blanks=True), path, entry, fact, told)
    return was.value if was is not None else None


def _no_reason(text: str) -> bool:
    """Whether a text says nothing, or that there is no reason; signs that nobody sees are none."""
    seen = "".join(char for char in text if category(char) not in ("Cf", "Cc"))
    seen = " ".join(seen.casefold().split())
    return (
        seen in _NOT_A_REASON
        or re.match(r"unknown *:", seen) is not None
        or not any(char.isalnum() for char in seen)
    )


def _voided(sheet: Sheet, path: Path, value: Mapping[str, Any]) -> bool:
    """Whether a statement or entry is marked wrong: it is kept, and never counts."""
    mark = value.get("voided")
    if is_blank(mark):
        return False
    if mark is False or isinstance(mark, Num) or _no_reason(str(mark)):
        what = "`voided` says why an entry is wrong; this is no reason"
        sheet.fault((*path, "voided"), "voided", what, "leave it out, or say why it is wrong")
    return _words(sheet, path, value, "voided") != ""


def entries_of(sheet: Sheet, record: RecordList, value: Any) -> Entries | None:
    """What is recorded of one list: its entries, and whether they are confirmed to be all."""
    if value is None:
        return None
    path: Path = ("records", record.name)
    top = sheet.mapping_of(path, value, files.EntriesFile) or {}
    complete_on = _on(sheet, path, top, "complete_on")
    none = sheet.given(path, top, "none", sheet.boolean_of)
    if not is_blank(top.get("complete_on")) and "entries" not in top and not none:
        what = f"`{record.name}` is confirmed complete, but its `entries` are not written out"
        hint = "write the entries; if there are none, `none: true` or `entries: []`"
        sheet.fault((*path, "complete_on"), "no-entries", what, hint, key=True)
    raw = sheet.list_of((*path, "entries"), top.get("entries", []), "entries")
    if none and raw:
        what = "`none: true` says that there are no entries, and there are"
        sheet.fault((*path, "none"), "both", what, "keep one of the two", key=True)
    entries: list[Entry] = []
    for i, one in enumerate(raw):
        here = (*path, "entries", i)
        entry = _entry(sheet, here, record, one, i)
        entries += read_uses(sheet, here, record, entry) if entry is not None else ()
    count = sheet.given(path, top, "count", sheet.whole_of, MOST)
    if count is not None and len(raw) < count:
        what = f"`count` says {count}, but the number of entries here is {len(raw)}"
        hint = "find what is missing; if nothing is, correct `count`"
        sheet.fault((*path, "count"), "count", what, hint)
    doubt: Doubt | None = None
    if complete_on is not None and sheet.document.tail is not None:
        doubt = "not_closed"
    elif complete_on is not None and count is not None and len(raw) > count:
        doubt = "more_entries"
    by, source = (_words(sheet, path, top, k) for k in ("by", "source"))
    return Entries(complete_on, tuple(entries), by, source, count, doubt)


def _entry(sheet: Sheet, path: Path, record: RecordList, value: Any, index: int) -> Entry | None:
    if not isinstance(value, dict):
        sheet.expected(path, value, "an entry (`field: value`)")
        return None
    name = f"records.{record.name}.entries[{index}]"
    source, by, note = ("" if k in record.fields else _words(sheet, path, value, k) for k in _NOTES)
    voided = _voided(sheet, path, value)
    values: dict[str, Recorded | tuple[str, ...]] = {}
    aside = Sheet(sheet.document, blanks=True) if voided else sheet
    for key, one in value.items():
        field = record.fields.get(key)
        if field is None:
            if key not in ENTRY_WORDS:
                what = f"`{record.name}` entries have no field `{shorten(key)}`"
                known = set(record.fields) | ENTRY_WORDS
                hint = _key_hint(sheet, key, value, known)
                sheet.fault((*path, key), "unknown-field", what, hint, key=True)
        elif not is_blank(one):
            read = _field_value(aside, (*path, key), field, one)
            if read is not None:
                values[key] = read
    if voided:
        return Entry(name, {}, source, by, note, voided, struck=values)
    return Entry(name, values, source, by, note, voided)


def _field_value(
    sheet: Sheet, path: Path, field: Field, value: Any
) -> Recorded | tuple[str, ...] | None:
    if field.many:
        several = value if isinstance(value, list) else [value]
        codes = [
            ""
            if is_blank(one)  # one of them is not recorded: it may be any
            else value_of(sheet, (*path, i) if isinstance(value, list) else path, field, one)
            for i, one in enumerate(several)
        ]
        known = tuple(str(code) for code in codes if code is not None)
        return known if any(known) else None
    if field.type == "date" and isinstance(value, str):
        if value.strip() == "ongoing":
            return "ongoing"
        if value.strip() == "never":
            what = "an entry's date cannot be `never`"
            sheet.fault(path, "date", what, "write a date or `ongoing`, or leave the entry out")
            return None
    if field.type == "quantity" and isinstance(value, dict):
        top = sheet.mapping_of(path, value, files.LimitFile)
        if top is None or "value" not in top:
            return None
        unit = unit_of(sheet, (*path, "unit"), field, top["unit"]) if "unit" in top else ""
        if "unit" in top and not unit:
            return None
        return value_of(sheet, (*path, "value"), field, top["value"], unit)
    return value_of(sheet, path, field, value)
