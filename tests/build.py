"""Small builders: model values from short texts, for tests that need no files."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from engine import terms as m


def millionths(text: str) -> int:
    """`0.5` as 500000."""
    scaled = Decimal(text) * m.MILLION
    assert scaled == int(scaled), text
    return int(scaled)


def amount(text: str, unit: str = "mg/dL") -> m.Amount:
    """`<0.5` as a censored amount, `0.5` as a plain one."""
    for sign in ("<=", ">=", "<", ">"):
        if text.startswith(sign):
            return m.Amount(millionths(text.removeprefix(sign)), unit, sign)
    return m.Amount(millionths(text), unit)


def days(text: str) -> m.Days:
    """A full date, `2026-10` or `2026`, as the days it could be."""
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 3:
        return m.Days(date(*parts), date(*parts))
    if len(parts) == 2:
        year, month = parts
        return m.Days(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
    return m.Days(date(parts[0], 1, 1), date(parts[0], 12, 31))


def duration(text: str) -> m.Duration:
    """`7 days`, `2 weeks`, `6 months`, `1 years`."""
    number, unit = text.split()
    in_days, in_months = {"days": (1, 0), "weeks": (7, 0), "months": (0, 1), "years": (0, 12)}[unit]
    return m.Duration(int(number) * in_days, int(number) * in_months)


def on(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def fact(name: str, type: m.FactType, **more: Any) -> m.Fact:
    """A fact of the dictionary; quantities are in mg/dL unless said otherwise."""
    more.setdefault("unit", "mg/dL" if type == "quantity" else "")
    return m.Fact(name=name, ask=name, type=type, **more)


def record_list(name: str, *fields: m.Field, valid_for: str = "0 days") -> m.RecordList:
    return m.RecordList(name, name, duration(valid_for), {field.name: field for field in fields})


def choices(*codes: str) -> tuple[m.Choice, ...]:
    return tuple(m.Choice(code, code) for code in codes)


def criterion(id: str, condition: m.Condition, kind: m.Kind = "inclusion") -> m.Criterion:
    return m.Criterion(id=id, kind=kind, text=id, holds_when=condition)


def pack(
    facts: Sequence[m.Fact] = (),
    criteria: Sequence[m.Criterion] = (),
    definitions: Mapping[str, m.Condition] | None = None,
    records: Sequence[m.RecordList] = (),
) -> m.Protocol:
    return m.Protocol(
        id="made",
        version="1",
        title="made",
        effective=None,
        source={},
        facts={each.name: each for each in facts},
        records={each.name: each for each in records},
        definitions=definitions or {},
        criteria=tuple(criteria),
    )


def said(
    value: m.Recorded | None = None,
    day: str | None = None,
    until: str | None = None,
    unknown: m.SaidUnknown | None = None,
    **more: Any,
) -> m.Statement:
    """One statement, of `day`, which may be partial, or of a day up to `until`."""
    could = days(day) if day else None
    full = could if could is not None and could.first == could.last else None
    return m.Statement(
        "made",
        value,
        unknown,
        full.first if full else None,
        within=None if full else could,
        not_after=on(until),
        **more,
    )


def entries(complete_on: str | None, *listed: Mapping[str, Any]) -> m.Entries:
    """A record list as recorded; dates in the entries as texts under `ended`."""
    made = []
    for each in listed:
        values = {name: value for name, value in each.items() if name != "voided"}
        ended = values.get("ended")
        if isinstance(ended, str) and ended != "ongoing":
            values["ended"] = days(ended)
        made.append(m.Entry("made", values, voided=bool(each.get("voided"))))
    return m.Entries(on(complete_on), tuple(made))


def subject(
    facts: Mapping[str, Sequence[m.Statement]] | None = None,
    records: Mapping[str, m.Entries] | None = None,
) -> m.Subject:
    stated = {name: tuple(statements) for name, statements in (facts or {}).items()}
    return m.Subject("S-001", stated, records or {})
