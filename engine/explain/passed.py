"""What a subject's file states that a decision does not use, and why.

Whatever is stated either decides, or makes the reading unknown, or stands here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Literal

from engine.explain.recorded import entry_fields, entry_number, stated_with_day
from engine.record.messages import Said, say
from engine.record.shape import PassedOver
from engine.select.found import Found
from engine.terms import Entry, Protocol, RecordList, Statement, Subject
from engine.terms.agents import as_recorded

Why = Literal["older", "voided", "not_yet", "not_asked"]


def passed_over(
    protocol: Protocol,
    read: Collection[str],
    subject: Subject,
    found: Mapping[str, Found],
    as_of: date,
) -> list[PassedOver]:
    """Everything recorded that was not used, in the order of the dictionary, a death first.

    `read`: the lists that a criterion reads; `found`: the readings, of the facts that one does.
    """
    death = protocol.outcomes.died if protocol.outcomes else None
    by_fact: dict[str, list[PassedOver]] = {}
    for name, statements in subject.facts.items():
        reading = found.get(name)
        if reading is not None and not reading.passed:
            continue
        fact = protocol.facts[name]
        for one, why in _statements(reading, statements):
            more = {"as_of": as_of.isoformat()} if why == "not_yet" else {}
            dead = name == death and why == "not_asked" and one.value != "never"
            which = f"passed.{'death_' if dead else ''}{why}"
            said = say(which, ask=fact.ask, shown=stated_with_day(one, fact), **more)
            by_fact.setdefault(name, []).append(_item(name, one.entry, why, said, one.last))
    order = sorted(protocol.facts, key=lambda name: name != death)
    passed = [item for name in order for item in by_fact.get(name, ())]
    for name, record in protocol.records.items():
        listed = subject.records.get(name)
        for entry in as_recorded(listed.entries) if listed else ():
            if entry.voided or name not in read:
                why = "voided" if entry.voided else "not_asked"
                number, fields = entry_number(entry), entry_fields(entry, record)
                said = say(f"passed.entry_{why}", ask=record.ask, number=number, fields=fields)
                passed.append(_item(name, entry.entry, why, said, None))
    return passed


def entry_to_come(record: RecordList, entry: Entry, as_of: date) -> PassedOver:
    """An entry that is of a day after the as-of date, where entries count by their day."""
    number, fields = entry_number(entry), entry_fields(entry, record)
    said = say(
        "passed.entry_not_yet",
        ask=record.ask,
        number=number,
        fields=fields,
        as_of=as_of.isoformat(),
    )
    return _item(record.name, entry.entry, "not_yet", said, None)


def _statements(
    found: Found | None, statements: tuple[Statement, ...]
) -> Iterable[tuple[Statement, Why]]:
    if found is not None:
        return found.passed
    return [(one, "voided" if one.voided else "not_asked") for one in statements]


def _item(what: str, where: str, why: Why, said: Said, day: date | None) -> PassedOver:
    text, message = said
    item: PassedOver
    item = {"what": what, "where": where, "reason": why, "says": text, "message": message}
    if day is not None:
        item["on"] = day.isoformat()
    return item
