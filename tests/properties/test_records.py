"""Every record of a generated pack holds together, and says where its readings come from."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given

from engine import terms as m
from engine.explain.explanation import Explanation
from engine.record.checked import checked_decision
from engine.record.shape import dump
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from tests.generators import Screening, screenings

DIGEST = "sha256:" + "0" * 64


@given(screenings())
def test_a_record_holds_together(one: Screening) -> None:
    subject = replace(one.subject(), digest=DIGEST)
    record = json.loads(dump(one.case.screener.decide(subject, one.as_of)))
    record["protocol"]["digest"] = DIGEST
    assert checked_decision(record) is record


def only(one: Screening, places: set[str]) -> m.Subject:
    """The subject with nothing recorded but what stands at these places."""
    subject = one.subject()
    facts = {
        name: tuple(s for s in statements if s.entry in places)
        for name, statements in subject.facts.items()
    }
    records = {
        name: replace(
            listed,
            entries=tuple(e for e in listed.entries if e.entry in places),
            complete_on=listed.complete_on if f"records.{name}" in places else None,
            count=None,
        )
        for name, listed in subject.records.items()
    }
    return replace(subject, facts=facts, records=records)


@given(screenings())
def test_the_cited_entries_and_no_fewer_give_the_ends(one: Screening) -> None:
    """Of every known reading: with them alone it is the same, without any of them another."""
    protocol, subject = one.case.protocol, one.subject()
    explained = Explanation(
        protocol, subject, find_readings(protocol, subject, one.as_of), (), one.as_of
    )
    for name, found in explained.found.items():
        reading = found.reading
        if reading.low is None:
            continue
        places = set(explained.evidence.reading(name).get("entries", ()))
        told = (name, places)
        alone = reference.readings(protocol, only(one, places), one.as_of)[name]
        assert (alone.low, alone.high) == (reading.low, reading.high), told
        assert alone.times_uln == reading.times_uln, told
        if found.from_facts:
            # Whole years may hide a day: what is counted from dates cites what those dates rest on.
            cited = (explained.evidence.reading(other) for other in found.from_facts)
            assert places == {place for one_of in cited for place in one_of.get("entries", ())}
            continue
        for place in places:
            fewer = reference.readings(protocol, only(one, places - {place}), one.as_of)[name]
            assert (fewer.low, fewer.high, fewer.times_uln) != (
                reading.low,
                reading.high,
                reading.times_uln,
            ), (told, place)
