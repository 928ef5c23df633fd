"""Both derivations at edges that generated subjects seldom meet: months as a unit, wrong years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product

import pytest

from engine import terms as m
from engine.reference import evaluator as reference
from engine.select.readings import find_readings, readings_only
from tests import build

AS_OF = date(2026, 11, 20)
FACTS = [
    build.fact("days", "quantity", unit="d"),
    build.fact("hours", "quantity", unit="h", range_u=(0, 90_000 * m.MILLION)),
    build.fact("weeks", "quantity", unit="wk", uln_u=26 * m.MILLION),
    build.fact("mass", "quantity", molar_mass=build.millionths("113.12"), uln_u=m.MILLION),
    build.fact("held", "quantity", uln_u=m.MILLION),
    build.fact("seen", "date"),
    build.fact("flag", "boolean"),
]
PACK = build.pack(facts=FACTS)
UNITS = {
    **dict.fromkeys(("days", "hours", "weeks"), ("mo", "a", "wk", "d", "h")),
    "mass": ("mg/dL", "g/L", "umol/L"),
    "held": ("mg/dL", "g/L"),
}
VALUES = ["0", "1", "2.5", "3", "11", "12", "0.333333", "44.000001"]


def same(statements: Sequence[m.Statement], name: str, as_of: date = AS_OF) -> m.Reading:
    """The reading, once both derivations have given it."""
    subject = build.subject({name: statements})
    found = readings_only(find_readings(PACK, subject, as_of))
    assert found == reference.readings(PACK, subject, as_of)
    return found[name]


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("uln", [None, "2"])
def test_an_amount_of_any_unit_and_sign(name: str, uln: str | None) -> None:
    for text, sign, unit in product(VALUES, ("", "<", "<=", ">", ">="), UNITS[name]):
        one = build.said(
            build.amount(sign + text, unit),
            "2026-11-20",
            uln_u=build.millionths(uln) if uln else None,
        )
        same([one], name)


LATER = ["2027-06-01", "2027-01-01", "2027-11-20", "2028-02-29", "2027-12-31", "2027-06", "2028"]
NEAR = [None, "2026-02-10", "2026-02-28", "2026-03-01", "2024-02-29", "2026-02", "2025"]
TODAYS = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-06-01", "2026-11-20", "2028-02-29"]


@pytest.mark.parametrize("today", TODAYS)
def test_a_statement_of_a_later_year_beside_another(today: str) -> None:
    values: dict[str, list[m.Recorded]] = {
        "held": [build.amount(text) for text in ("1", "<1", "2")],
        "flag": [True, False],
        "seen": [build.days("2025-03-02"), "never"],
    }
    for near, late in product(NEAR, LATER):
        for name, options in values.items():
            for one, other in product(options, options):
                stated = [build.said(one, near), build.said(other, late)]
                same(stated, name, date.fromisoformat(today))


@pytest.mark.parametrize("late", LATER)
def test_a_reading_stays_until_the_day_on_which_a_later_statement_begins(late: str) -> None:
    """Day by day: what is found says from which day on it may be another."""
    stated = [build.said(build.amount("1"), "2026-03-01"), build.said(build.amount("2"), late)]
    subject, day = build.subject({"held": stated}), date(2026, 3, 1)
    found = find_readings(PACK, subject, day)["held"]
    changed = 0
    while day < date(2029, 1, 2):
        day += timedelta(days=1)
        now = find_readings(PACK, subject, day)["held"]
        if now.reading != found.reading:
            changed += 1
            assert found.starts is not None
            assert day >= found.starts
        found = now if now.reading != found.reading or day == found.starts else found
    assert changed


WHERE = (m.Where("kind", ("a",)),)
LISTED = build.pack(
    facts=[
        build.fact("last", "date", derive=m.LatestOf("therapy", "ended", WHERE)),
        build.fact("first", "date", derive=m.EarliestOf("therapy", "ended", WHERE)),
        build.fact("any", "boolean", derive=m.Exists("therapy", WHERE)),
        build.fact("number", "quantity", unit="1", derive=m.Count("therapy", WHERE)),
    ],
    records=[
        build.record_list(
            "therapy",
            m.Field("kind", "kind", "choice", choices=build.choices("a", "b")),
            m.Field("ended", "ended", "date"),
        )
    ],
)
ENDED = ["2026-11-20", "2026-11-02", "2026-11", "2026", "2026-12", "2025-12-31", "ongoing", None]
ENTRIES = list(product(["a", "b", None], ENDED))


@pytest.mark.parametrize("complete_on", [None, "2026-11-20"])
def test_two_entries_of_any_kind_and_day(complete_on: str | None) -> None:
    for pair in product(ENTRIES, ENTRIES):
        stated = [
            {name: v for name, v in zip(("kind", "ended"), entry, strict=True) if v is not None}
            for entry in pair
        ]
        subject = build.subject(records={"therapy": build.entries(complete_on, *stated)})
        found = readings_only(find_readings(LISTED, subject, AS_OF))
        assert found == reference.readings(LISTED, subject, AS_OF), stated
