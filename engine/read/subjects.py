"""Read a subject file against a pack's dictionary: a `Subject`, or every fault in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import pairwise
from typing import Any
from unicodedata import category

from engine.read import files
from engine.read.known import read_uses
from engine.read.patient import patient_model, read_as
from engine.read.sheet import (
    MAX_TEXT,
    NotThat,
    Sheet,
    parse_day,
    parse_days,
    parse_quantity,
)
from engine.read.source import Document, Num, Path, scan_document, shorten
from engine.record.wording import amount_text, decimal_text, range_text
from engine.select.amounts import ends_of
from engine.terms import (
    LARGEST,
    Amount,
    CompletedYears,
    Days,
    DaysBetween,
    Doubt,
    Entries,
    Entry,
    Fact,
    Field,
    Imported,
    Protocol,
    Recorded,
    RecordList,
    SaidUnknown,
    Span,
    Statement,
    Subject,
)
from engine.terms.faults import Fault, InputRejected
from engine.terms.protocol import is_birth_date
from engine.terms.spellings import unit_choices, unit_code
from engine.terms.units import UnitError

_SUBJECT_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}")
_NOTES = ("source", "by", "note")
ENTRY_WORDS = frozenset(("voided", *_NOTES))
"""What an entry of any list may say beside its fields."""

MOST = 10_000_000
"""The largest number of entries or things left out that a file may state."""

_NOT_A_REASON = frozenset(
    "no n not off false f none never nil null na n/a #n/a nan nein non nej unknown 0 no.".split()
) | {"not voided"}
_STATEMENT_KEYS = files.StatementFile.__optional_keys__
DIGITS = "write digits, as in `7.5`"


def read_subject(
    data: bytes,
    name: str,
    protocol: Protocol,
    as_of: date | None = None,
    today: date | None = None,
) -> Subject:
    """The subject in a file's bytes; `name` is what faults call the file.

    Raises: InputRejected with every fault.
    """
    digest = "sha256:" + sha256(data).hexdigest()
    return subject_of(scan_document(name, data), protocol, digest, as_of, today)


def subject_of(
    document: Document,
    protocol: Protocol,
    digest: str = "",
    as_of: date | None = None,
    today: date | None = None,
) -> Subject:
    """The subject in a document.

    `as_of`: what cannot be so on that day is a fault too: a birth date after it, a derived
    amount wholly outside its plausible range. `today`: the day on which data are entered, for
    the doors at which they are; no day of observation lies after it.
    Raises: InputRejected, with every fault.
    """
    sheet = Sheet(document, blanks=True)
    value = document.value
    top = sheet.mapping_of((), value, files.SubjectFile) or {}
    subject_id = _subject_id(sheet, top["subject"]) if "subject" in top else None
    patient = patient_model(protocol, statements_of, entries_of)
    raw = sheet.names_of(("facts",), top.get("facts", {}), "facts")
    said, unknown = read_as(patient.facts, raw, sheet)
    facts = {name: statements for name, statements in said.items() if statements}
    for name in unknown:
        fact = protocol.facts.get(name)
        if fact is None:
            _unknown(sheet, ("facts", name), "fact", name, protocol.facts)
        else:
            what = f"`{name}` is worked out from other facts and cannot be recorded"
            sheet.fault(("facts", name), "derived", what, _derived_hint(fact), key=True)
    raw = sheet.names_of(("records",), top.get("records", {}), "lists")
    listed, unknown = read_as(patient.records, raw, sheet)
    records = {name: entries for name, entries in listed.items() if entries is not None}
    for name in unknown:
        _unknown(sheet, ("records", name), "record list", name, protocol.records)
    imported = _imported(sheet, top["imported"]) if "imported" in top else None
    _check_births(sheet, protocol, facts, as_of)
    if today is not None:
        _check_future(sheet, facts, records, today)
    if not sheet.clean or subject_id is None:
        raise InputRejected(sheet.faults(), subject_id)
    subject = Subject(subject_id, facts, records, digest, imported)
    if as_of is not None and any(fact.derive and fact.range_u for fact in protocol.facts.values()):
        _check_derived(sheet, protocol, subject, as_of)
        if not sheet.clean:
            raise InputRejected(sheet.faults(), subject_id)
    return subject


def born_on(protocol: Protocol, facts: Mapping[str, tuple[Statement, ...]]) -> date | None:
    """The first day on which the subject can have been born; None where no birth is recorded."""
    births = [
        one.value.first
        for name, statements in facts.items()
        if is_birth_date(protocol, protocol.facts[name])
        for one in statements
        if not one.voided and isinstance(one.value, Days)
    ]
    return min(births, default=None)


def _imported(sheet: Sheet, value: Any) -> Imported | None:
    path: Path = ("imported",)
    top = sheet.mapping_of(path, value, files.ImportedFile) or {}
    source = sheet.words_of(path, top, "from")
    whole = sheet.given(path, top, "whole", sheet.boolean_of)
    left_out = sheet.given(path, top, "left_out", sheet.whole_of, MOST) or 0
    return Imported(source, whole, left_out) if source and whole is not None else None


def _check_future(
    sheet: Sheet,
    facts: Mapping[str, tuple[Statement, ...]],
    records: Mapping[str, Entries],
    today: date,
) -> None:
    """Refuse what is said to have been observed or confirmed after the day of entry."""
    days: list[tuple[Path, date | None]] = [
        ((*entry_path(one.entry), "on"), one.first)
        for statements in facts.values()
        for one in statements
        if not one.voided
    ]
    days += [(("records", name, "complete_on"), one.complete_on) for name, one in records.items()]
    for path, day in days:
        if day is not None and day > today:
            what = f"`{day.isoformat()}` is after today, {today.isoformat()}"
            sheet.fault(path, "future", what, "check the year, month and day")


def checked_on(subject: Subject, protocol: Protocol, as_of: date, document: Document) -> None:
    """Refuse what cannot be so on a day, in a subject that was read without one.

    Raises: InputRejected.
    """
    sheet = Sheet(document, blanks=True)
    _check_births(sheet, protocol, subject.facts, as_of)
    if any(fact.derive and fact.range_u for fact in protocol.facts.values()):
        _check_derived(sheet, protocol, subject, as_of)
    if not sheet.clean:
        raise InputRejected(sheet.faults(), subject.id)


def _check_derived(sheet: Sheet, protocol: Protocol, subject: Subject, as_of: date) -> None:
    """Refuse a derived amount that has no point in common with its plausible range."""
    from engine.select.readings import find_readings, readings_only

    readings = readings_only(find_readings(protocol, subject, as_of))
    for fact in protocol.facts.values():
        reading = readings[fact.name]
        if fact.derive is None or fact.range_u is None:
            continue
        if reading.low is None or reading.high is None:
            continue
        low, high = fact.range_u
        if reading.high < low or reading.low > high:
            nearest = reading.high if reading.high < low else reading.low
            ends = range_text(low, high, fact.unit)
            what = (
                f"`{fact.name}` comes to `{amount_text(int(nearest), fact.unit)}` on"
                f" {as_of.isoformat()}, outside the plausible range, {ends}"
            )
            sheet.fault(_recorded_behind(protocol, fact), "implausible", what, "check the dates")


def _recorded_behind(protocol: Protocol, fact: Fact) -> Path:
    """The path of a fact that a derived one is worked out from, or of its list."""
    while fact.derive is not None:
        derive = fact.derive
        if isinstance(derive, CompletedYears):
            fact = protocol.facts[derive.since]
        elif isinstance(derive, DaysBetween):
            fact = protocol.facts[derive.end]
        else:
            return ("records", derive.records)
    return ("facts", fact.name)


def _check_births(
    sheet: Sheet,
    protocol: Protocol,
    facts: Mapping[str, tuple[Statement, ...]],
    as_of: date | None,
) -> None:
    for name, statements in facts.items():
        if not is_birth_date(protocol, protocol.facts[name]):
            continue
        for statement in statements:
            if statement.voided:
                continue
            path = entry_path(statement.entry)
            if statement.value == "never":
                sheet.fault(path, "birth-date", "a birth date cannot be `never`")
            elif (
                as_of is not None
                and isinstance(statement.value, Days)
                and statement.value.first > as_of
                and not (statement.first and statement.first > as_of)
            ):
                what = f"the birth date is after the as-of date, {as_of.isoformat()}"
                sheet.fault(path, "birth-date", what, "check the year")


def entry_path(entry: str) -> Path:
    """The path of `facts.creatinine[1]`: ("facts", "creatinine", 1)."""
    parts: list[str | int] = []
    for part in entry.split("."):
        name, bracket, index = part.partition("[")
        parts.append(name)
        if bracket:
            parts.append(int(index[:-1]))
    return tuple(parts)


def _unknown(sheet: Sheet, path: Path, what: str, name: str, known: Mapping[str, object]) -> None:
    message = f"the dictionary has no {what} `{shorten(name)}`"
    near = _spaced(name, known) or sheet.near(name, known)
    sheet.fault(path, f"unknown-{what.replace(' list', '')}", message, near, key=True)


def _derived_hint(fact: Fact) -> str:
    derive = fact.derive
    for attribute in ("since", "start", "records"):
        if hasattr(derive, attribute):
            return f"record `{getattr(derive, attribute)}` instead"
    return ""


def _subject_id(sheet: Sheet, value: Any) -> str | None:
    if isinstance(value, bool):
        sheet.expected(("subject",), value, "a study id")
        return None
    text = sheet.text_of(("subject",), value, "a study id")
    if text is not None and not _SUBJECT_ID.fullmatch(text):
        sheet.fault(("subject",), "name", "a study id is one line of at most 100 characters")
        return None
    return text


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
        if _blank(value):
            return None
        recorded = _value(sheet, path, fact, value)
        return None if recorded is None else Statement(entry, recorded)
    for key in value:
        if key not in _STATEMENT_KEYS:
            what = f"`{shorten(key)}` is not a key of a recorded value"
            hint = _key_hint(sheet, key, value, _STATEMENT_KEYS)
            sheet.fault((*path, key), "unknown-key", what, hint, key=True)
    on, within = _observed(sheet, path, value, "on")
    not_after = _on(sheet, path, value, "not_after")
    if not_after is not None and not _blank(value.get("on")):
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
    if not _blank(unknown):
        said = sheet.option_of((*path, "unknown"), unknown, ("pending", "not_done"))
        if not _blank(value.get("value")):
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
        if fact.type != "quantity" and not _blank(value.get(key)):
            what = f"`{key}` belongs to a quantity; `{fact.name}` is a {fact.type}"
            sheet.fault((*path, key), "misfit", what, key=True)
    if fact.type == "quantity":
        if not _blank(value.get("unit")):
            unit = _unit(sheet, (*path, "unit"), fact, value["unit"])
            if not unit:
                return None
        no_limit = value.get("uln") == "none"
    recorded = None
    if not _blank(value.get("value")):
        recorded = _value(sheet, (*path, "value"), fact, value["value"], unit)
    if fact.type == "quantity" and not _blank(value.get("uln")) and not no_limit:
        own = recorded.unit if isinstance(recorded, Amount) else unit or fact.unit
        uln = _upper_limit(sheet, (*path, "uln"), fact, value["uln"], own)
    if recorded is None:
        beside = [value.get(key) for key in value if key not in ("value", "unknown")]
        if not sheet.clean or not _blank(value.get("value")) or all(map(_blank, beside)):
            return None
        # Something was recorded, and not what: an older value must not stand in for it.
        note = note or "recorded without a value"
        return Statement(
            entry, None, "pending", on, None, source, by, note, False, within, not_after
        )
    days = (within, not_after)
    return Statement(entry, recorded, None, on, uln, source, by, note, False, *days, None, no_limit)


def _upper_limit(sheet: Sheet, path: Path, fact: Fact, value: Any, unit: str) -> int | None:
    """The millionths of a limit of normal, in the value's unit, which may stand after it."""
    if isinstance(value, Num) or not isinstance(value, str):
        uln = sheet.amount_of(path, value)
        own = unit
    else:
        try:
            sign, uln, said = parse_quantity(value.strip())
        except NotThat as error:
            hint = error.hint if error.hint != DIGITS else f"write a number of `{unit}`"
            sheet.fault(path, error.code, error.message, hint)
            return None
        if sign:
            sheet.fault(path, "number", "an upper limit of normal is one number", f"drop `{sign}`")
        own = _unit(sheet, path, fact, said) if said else unit
    if uln is not None and uln <= 0:
        sheet.fault(path, "number", "an upper limit of normal is above zero")
    if own and own != unit:
        what = f"`{shorten(str(value))}` is not in the unit of the value, `{unit}`"
        sheet.fault(path, "unit", what, "state both in one unit")
    return uln


def _spaced(key: str, known: Collection[str]) -> str:
    """A hint where a known word and what is said of it were taken together for a key."""
    name, colon, rest = key.partition(":")
    if colon and rest and name in known:
        return f"put a space after the colon: `{name}: {shorten(rest)}`"
    return ""


def _key_hint(sheet: Sheet, key: str, beside: Mapping[str, Any], known: Collection[str]) -> str:
    """What a key that is none may have been meant as, among the others of its braces."""
    spaced = _spaced(key, known)
    if spaced:
        return spaced
    number = next((beside[one] for one, other in pairwise(beside) if other == key), None)
    if key.isdigit() and beside[key] is None and isinstance(number, Num):
        return f"a decimal comma? write `{shorten(f'{number}.{key}')}`"
    return sheet.near(key, known)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def _observed(
    sheet: Sheet, path: Path, top: Mapping[str, Any], key: str
) -> tuple[date | None, Days | None]:
    """A day of observation: a full date, or the days that a partial one could be."""
    value = top.get(key)
    days = None if _blank(value) else sheet.parsed((*path, key), value, "a date", parse_days)
    if days is None:
        return None, None
    return (days.first, None) if days.first == days.last else (None, days)


def _on(sheet: Sheet, path: Path, top: Mapping[str, Any], key: str) -> date | None:
    """A full date, or None where it is blank or at fault."""
    value = top.get(key)
    return None if _blank(value) else sheet.parsed((*path, key), value, "a date", parse_day)


def _words(sheet: Sheet, path: Path, top: Mapping[str, Any], key: str) -> str:
    value = top.get(key)
    return "" if _blank(value) else sheet.text_of((*path, key), value) or ""


def _struck(
    sheet: Sheet, path: Path, entry: str, fact: Fact, value: Mapping[str, Any]
) -> Recorded | None:
    """What a voided statement said, as far as it can be read: it is shown, and never counts."""
    told = {key: one for key, one in value.items() if key not in ("voided", "unknown")}
    if _blank(told.get("value")):
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
    if _blank(mark):
        return False
    if mark is False or isinstance(mark, Num) or _no_reason(str(mark)):
        what = "`voided` says why an entry is wrong; this is no reason"
        sheet.fault((*path, "voided"), "voided", what, "leave it out, or say why it is wrong")
    return _words(sheet, path, value, "voided") != ""


def _unit(sheet: Sheet, path: Path, target: Fact | Field, value: Any) -> str:
    """The UCUM code of a unit as written, one that converts; "" after a fault."""
    text = sheet.text_of(path, value, "a unit")
    if text is None:
        return ""
    try:
        return unit_code(text, target.unit, target.molar_mass)
    except UnitError as error:
        hint = f"`{target.name}` is in {_choices(target)}; write the unit of the report"
        sheet.fault(path, "unit", str(error), hint)
        return ""


def _choices(target: Fact | Field, number: str = "") -> str:
    """The units to choose from, each after a number where one is given."""
    *some, last = (
        f"`{number} {unit}`" if number else f"`{unit}`"
        for unit in unit_choices(target.unit, target.molar_mass)
    )
    return f"{', '.join(some)} or {last}" if some else last


def _value(
    sheet: Sheet, path: Path, fact: Fact | Field, value: Any, unit: str = ""
) -> Recorded | None:
    """A value of the fact's type; None after a fault. `unit`: the one stated beside it."""
    if fact.type == "boolean":
        return sheet.boolean_of(path, value)
    if isinstance(value, bool) and fact.type != "choice":
        sheet.expected(path, value, f"a {fact.type}")
        return None
    if not isinstance(value, str | bool):
        sheet.expected(path, value, f"a {fact.type}")
        return None
    text = value.strip() if isinstance(value, str) else ("true" if value else "false")
    if fact.type == "choice":
        codes = [choice.code for choice in fact.choices]
        if text in codes:
            return text
        what = f"`{shorten(text)}` is not one of the codes of `{fact.name}`"
        sheet.fault(path, "unknown-code", what, sheet.near(text, codes))
        return None
    if fact.type == "text":
        if len(text) > MAX_TEXT:
            sheet.fault(path, "too-large", f"a text of {len(text)} characters")
            return None
        return text
    try:
        if fact.type == "date":
            return text if text == "never" else parse_days(text)
        sign, number, own = parse_quantity(text, yaml_number=isinstance(value, Num))
    except NotThat as error:
        hint = error.hint
        if fact.type == "date" and text == "ongoing":
            hint = "`ongoing` is for the entries of a record list"
        elif hint == DIGITS and fact.unit[:1] not in "1{":
            hint = f"{DIGITS}, or a number with its unit, as in {_choices(fact, '7.5')}"
        sheet.fault(path, error.code, error.message, hint)
        return None
    if own:
        code = _unit(sheet, path, fact, own)
        if code and unit and code != unit:
            what = f"`{shorten(text)}` stands beside the unit `{unit}`"
            sheet.fault(path, "unit", what, "state the unit once")
            return None
        unit = code
        if not code:
            return None
    elif not unit and fact.unit_required:
        what = f"`{shorten(text)}` does not say in which unit"
        sheet.fault(path, "unit", what, f"write {_choices(fact, shorten(text))}")
        return None
    amount = Amount(number, unit or fact.unit, sign)
    return amount if _plausible(sheet, path, fact, amount) else None


def _plausible(sheet: Sheet, path: Path, fact: Fact | Field, amount: Amount) -> bool:
    """Whether a quantity, in the declared unit, has a point in common with the range."""
    low, high, low_step, high_step = ends_of(amount, fact)
    if max(abs(low), abs(high)) > LARGEST:
        sheet.fault(path, "too-large", f"{_shown(amount)} is beyond 9e12 `{fact.unit}`")
        return False
    if fact.range_u is None:
        return True
    bottom, top = fact.range_u
    outside = {
        "": high < bottom or low > top,
        "<": high - high_step < bottom,
        "<=": high < bottom,
        ">": low + low_step > top,
        ">=": low > top,
    }[amount.sign]
    if outside:
        ends = f"{decimal_text(bottom)} to {decimal_text(top)} {fact.unit}"
        what = f"{_shown(amount)} is outside the plausible range, {ends}"
        sheet.fault(path, "implausible", what, "check the value and its unit")
    return not outside


def _shown(amount: Amount) -> str:
    return f"`{amount.sign}{amount_text(amount.amount_u, amount.unit)}`"


def entries_of(sheet: Sheet, record: RecordList, value: Any) -> Entries | None:
    if value is None:
        return None
    path: Path = ("records", record.name)
    top = sheet.mapping_of(path, value, files.EntriesFile) or {}
    complete_on = _on(sheet, path, top, "complete_on")
    none = sheet.given(path, top, "none", sheet.boolean_of)
    if not _blank(top.get("complete_on")) and "entries" not in top and not none:
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
        elif not _blank(one):
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
            if _blank(one)  # one of them is not recorded: it may be any
            else _value(sheet, (*path, i) if isinstance(value, list) else path, field, one)
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
        unit = _unit(sheet, (*path, "unit"), field, top["unit"]) if "unit" in top else ""
        if "unit" in top and not unit:
            return None
        return _value(sheet, (*path, "value"), field, top["value"], unit)
    return _value(sheet, path, field, value)


def same_subject_twice(subject: str, stated: Sequence[tuple[Document, Span]]) -> list[Fault]:
    """The faults of files that state one subject id, in their order.

    `stated`: each file, and where in it the id stands.
    """
    faults = []
    for i, (document, span) in enumerate(stated):
        others = ", ".join(f"`{other.path}`" for j, (other, _) in enumerate(stated) if j != i)
        message = f"the subject `{shorten(subject)}` is also in {others}"
        hint = "keep one file for a subject"
        faults.append(document.fault_at(span, "duplicate-subject", message, hint))
    return faults
