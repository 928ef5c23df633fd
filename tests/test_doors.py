"""What a subject file may not say at a door at which data are entered, and blanks that say more."""

from __future__ import annotations

from datetime import date

import pytest

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.read.subjects import read_subject
from engine.select.readings import find_readings
from engine.terms.faults import InputRejected

PROTOCOL = read_pack(shipped_pack())
AS_OF, TODAY = date(2026, 11, 20), date(2026, 12, 1)
BORN = "birth_date: 2018-03-02"


def codes(facts: str, records: str = "") -> list[str]:
    text = f"subject: S\nfacts: {{{BORN}, {facts}}}\nrecords: {{{records}}}\n...\n"
    read_subject(text.encode(), "s.yaml", PROTOCOL, AS_OF)  # screening does not look at the clock
    with pytest.raises(InputRejected) as refused:
        read_subject(text.encode(), "s.yaml", PROTOCOL, AS_OF, TODAY)
    return [fault.code for fault in refused.value.faults]


@pytest.mark.parametrize("day", ["2027-11-19", "2026-12-02", "2027-01", "2028"])
def test_a_day_that_has_not_come_is_refused(day: str) -> None:
    assert codes(f"alt: {{value: 40, on: {day}}}") == ["future"]
    assert codes("alt: 40", "therapy: {complete_on: 2026-12-02, none: true}") == ["future"]


@pytest.mark.parametrize("day", ["2026-12-01", "2026-12", "2018-03-02", "2018-03", "2018"])
def test_a_day_that_can_be_is_taken(day: str) -> None:
    text = f"subject: S\nfacts: {{{BORN}, alt: {{value: 40, on: {day}}}}}\n"
    assert read_subject(text.encode(), "s.yaml", PROTOCOL, AS_OF, TODAY).id == "S"


@pytest.mark.parametrize(
    "blank",
    [
        "{value: , on: 2026-11-19, note: 900 U/L}",
        "{value: '', on: 2026-11-19}",
        "{unknown: , on: 2026-11-19}",
        "{value: , note: repeated}",
        "{value: , on: 2026-11, source: lab 99018}",
    ],
)
def test_a_blank_value_that_says_more_is_pending(blank: str) -> None:
    text = f"subject: S\nfacts: {{alt: [{{value: 25, on: 2026-11-18}}, {blank}]}}\n"
    subject = read_subject(text.encode(), "s.yaml", PROTOCOL, AS_OF)
    found = find_readings(PROTOCOL, subject, AS_OF)["alt"]
    assert (found.reading.low, found.reading.reason) == (None, "pending")


@pytest.mark.parametrize("blank", ["", "~", "{value: }", "{value: , on: , by: ''}", "[]"])
def test_a_blank_that_says_nothing_is_not_recorded(blank: str) -> None:
    subject = read_subject(f"subject: S\nfacts: {{alt: {blank}}}\n".encode(), "s.yaml", PROTOCOL)
    assert "alt" not in subject.facts
