"""The fewest places that give a reading which was worked out from other facts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.select.readings import find_readings
from engine.terms.dictionary import derived_from


def fewest(
    protocol: m.Protocol, subject: m.Subject, reading: m.Reading, places: list[str], as_of: date
) -> list[str]:
    """Of places that give a reading, those without any of which it is another."""
    needed, todo = dict[str, m.Fact](), [reading.fact]
    while todo:
        fact = protocol.facts[todo.pop()]
        needed[fact.name] = fact
        todo += derived_from(fact)
    small, kept = replace(protocol, facts=needed), list(places)
    before: list[str] = []
    while kept != before:  # without one, another may be needed no more
        before = kept
        for place in reversed(before):
            others = [one for one in kept if one != place]
            found = find_readings(small, _only(subject, others), as_of)[reading.fact].reading
            if (found.low, found.high) == (reading.low, reading.high):
                kept = others
    return kept


def _only(subject: m.Subject, places: Collection[str]) -> m.Subject:
    """A subject with nothing recorded but what stands at some places."""
    facts = {
        name: tuple(one for one in statements if one.entry in places)
        for name, statements in subject.facts.items()
    }
    records = {
        name: replace(
            listed,
            entries=tuple(one for one in listed.entries if one.entry in places),
            complete_on=listed.complete_on if f"records.{name}" in places else None,
            count=None,
        )
        for name, listed in subject.records.items()
    }
    return replace(subject, facts=facts, records=records)
