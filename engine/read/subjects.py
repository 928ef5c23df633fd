"""Read a subject file against a pack's dictionary: a `Subject`, or every fault in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from engine.read import files
from engine.read.patient import patient_model, read_as
from engine.read.recorded import MOST, spaced
from engine.read.sheet import Sheet
from engine.read.source import Document, Path, scan_document, shorten
from engine.record.wording import amount_text, range_text
from engine.terms import (
    Days,
    Entries,
    Fact,
    FromList,
    Imported,
    Protocol,
    Span,
    Statement,
    Subject,
)
from engine.terms.dictionary import derived_from
from engine.terms.faults import Fault, InputRejected
from engine.terms.protocol import is_birth_date

_SUBJECT_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}")


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
    patient = patient_model(protocol)
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
        if isinstance(fact.derive, FromList):
            return ("records", fact.derive.records)
        fact = protocol.facts[derived_from(fact)[-1]]
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
    near = spaced(name, known) or sheet.near(name, known)
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
