"""The plain evaluator against docs/SEMANTICS.md: each table, at, below and above each limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from engine import terms as m
from engine.reference import evaluator as reference
from engine.reference import measures
from engine.terms import calendar
from tests.build import (
    amount,
    choices,
    criterion,
    days,
    duration,
    entries,
    fact,
    millionths,
    pack,
    record_list,
    said,
    subject,
)

AS_OF = date(2026, 11, 20)
TODAY = AS_OF.toordinal()
LETTERS = {"true": "T", "false": "F", "unknown": "U"}


def ordinal(text: str) -> int:
    """A day number; `never`, `past` and `today` by name."""
    named = {"never": m.NEVER, "past": m.PAST, "today": TODAY}
    return named[text] if text in named else date.fromisoformat(text).toordinal()


def read(of: m.Fact, statements: Sequence[m.Statement], as_of: date = AS_OF) -> m.Reading:
    return reference.readings(pack([of]), subject({of.name: statements}), as_of)[of.name]


def truth(test: m.Test, of: m.Fact, reading: m.Reading, as_of: date = AS_OF) -> str:
    protocol = pack([of], [criterion("I01", test)])
    return LETTERS[reference.truths(protocol, {of.name: reading}, as_of)["I01"]]


def span(low: int, high: int) -> m.Reading:
    return m.Reading("x", low, high, None if low == high else "imprecise")


QUANTITY = fact("x", "quantity")
DATE = fact("x", "date")


# --- the calendar -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "length", "early", "late"),
    [
        ("2026-11-20", "0 days", "2026-11-20", "2026-11-20"),
        ("2026-11-20", "7 days", "2026-11-27", "2026-11-27"),
        ("2026-12-30", "2 weeks", "2027-01-13", "2027-01-13"),
        ("2026-01-28", "1 months", "2026-02-28", "2026-02-28"),
        ("2026-01-29", "1 months", "2026-02-28", "2026-03-01"),
        ("2026-01-30", "1 months", "2026-02-28", "2026-03-01"),
        ("2026-01-31", "1 months", "2026-02-28", "2026-03-01"),
        ("2024-01-29", "1 months", "2024-02-29", "2024-02-29"),
        ("2024-01-30", "1 months", "2024-02-29", "2024-03-01"),
        ("2024-01-31", "1 months", "2024-02-29", "2024-03-01"),
        ("2026-03-31", "1 months", "2026-04-30", "2026-05-01"),
        ("2026-10-31", "1 months", "2026-11-30", "2026-12-01"),
        ("2026-11-30", "1 months", "2026-12-30", "2026-12-30"),
        ("2026-12-31", "1 months", "2027-01-31", "2027-01-31"),
        ("2026-10-31", "13 months", "2027-11-30", "2027-12-01"),
        ("2016-02-29", "12 months", "2017-02-28", "2017-03-01"),
        ("2016-02-29", "1 years", "2017-02-28", "2017-03-01"),
        ("2016-02-29", "48 months", "2020-02-29", "2020-02-29"),
        ("2096-02-29", "4 years", "2100-02-28", "2100-03-01"),
        ("1996-02-29", "4 years", "2000-02-29", "2000-02-29"),
        ("0001-01-01", "1 months", "0001-02-01", "0001-02-01"),
        ("9998-12-31", "12 months", "9999-12-31", "9999-12-31"),
    ],
)
def test_date_plus_duration(start: str, length: str, early: str, late: str) -> None:
    assert measures.later(ordinal(start), duration(length)) == (ordinal(early), ordinal(late))
    day = date.fromisoformat(start)
    assert calendar.earliest(day, duration(length)) == date.fromisoformat(early)
    assert calendar.latest(day, duration(length)) == date.fromisoformat(late)


def test_the_calendar_has_no_last_year() -> None:
    last = date.max.toordinal()
    after = {"7 days": 7, "1 months": 31, "1 years": 366, "400 years": 146_097}  # 10000 is leap
    for length, more in after.items():
        assert measures.later(last, duration(length)) == (last + more, last + more)
    leap, day = (
        measures.later(date(9996, 2, n).toordinal(), duration("8 years"))[0] for n in (29, 28)
    )
    assert leap == day + 1


@pytest.mark.parametrize("months", range(1, 15))
def test_a_later_date_never_ends_earlier(months: int) -> None:
    start = date(2023, 1, 1).toordinal()
    ends = [measures.later(start + n, m.Duration(0, months)) for n in range(1_500)]
    early, late = zip(*ends, strict=True)
    assert list(early) == sorted(early)
    assert list(late) == sorted(late)


@pytest.mark.parametrize(
    ("born", "as_of", "least", "most"),
    [
        ("2000-11-20", "2026-11-19", 25, 25),
        ("2000-11-20", "2026-11-20", 26, 26),
        ("2000-11-20", "2026-11-21", 26, 26),
        ("2016-02-29", "2017-02-28", 0, 1),
        ("2016-02-29", "2017-03-01", 1, 1),
        ("2016-02-29", "2020-02-28", 3, 3),
        ("2016-02-29", "2020-02-29", 4, 4),
        ("2026-11-20", "2026-11-20", 0, 0),
        ("2026-11-21", "2026-11-20", -1, -1),
        ("2027-11-20", "2026-11-20", -1, -1),
        ("2027-11-21", "2026-11-20", -2, -2),
        ("2028-02-29", "2027-02-28", -2, -1),
        ("2028-02-29", "2027-03-01", -1, -1),
        ("0001-01-01", "9999-12-31", 9998, 9998),
        ("9999-12-31", "0001-01-01", -9999, -9999),
        ("9999-12-31", "0001-12-31", -9998, -9998),
    ],
)
def test_completed_years(born: str, as_of: str, least: int, most: int) -> None:
    assert measures.completed_years(ordinal(born), ordinal(as_of)) == (least, most)
    days = date.fromisoformat(born), date.fromisoformat(as_of)
    assert calendar.completed_years(*days) == (least, most)


def test_completed_years_is_the_greatest_that_fits() -> None:
    for today in (date(2025, 2, 28).toordinal(), date(2025, 3, 1).toordinal()):
        for day in range(date(2019, 12, 1).toordinal(), date(2028, 4, 1).toordinal()):
            least, most = measures.completed_years(day, today)
            for rule, n in ((1, least), (0, most)):
                assert measures.later(day, m.Duration(0, 12 * n))[rule] <= today
                assert measures.later(day, m.Duration(0, 12 * (n + 1)))[rule] > today


@pytest.mark.parametrize(
    ("recorded", "low", "high"),
    [
        ("2026-11-20", "2026-11-20", "2026-11-20"),
        ("2026-11-21", "2026-11-21", "2026-11-21"),
        ("2026-10", "2026-10-01", "2026-10-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-11", "2026-11-01", "2026-11-20"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2025", "2025-01-01", "2025-12-31"),
        ("2026", "2026-01-01", "2026-11-20"),
        ("2027", "2027-01-01", "2027-12-31"),
    ],
)
def test_a_recorded_date_is_every_day_it_could_be(recorded: str, low: str, high: str) -> None:
    found = read(DATE, [said(days(recorded))])
    assert (found.low, found.high) == (ordinal(low), ordinal(high))
    assert found.ahead == ("planned" if ordinal(low) > TODAY else "")


def test_a_month_that_began_today_is_today() -> None:
    found = read(DATE, [said(days("2026-11"))], date(2026, 11, 1))
    assert found == m.Reading("x", ordinal("2026-11-01"), ordinal("2026-11-01"), None)


# --- numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "unit", "low", "high"),
    [
        ("5", "mg/dL", "5", "5"),
        ("0.05", "g/L", "5", "5"),
        ("44", "umol/L", "0.497728", "0.497728"),
        ("44.01", "umol/L", "0.497841", "0.497841"),  # 0.49784112
        ("0.000005", "mg/L", "0", "0"),  # half a millionth: to even
        ("0.000015", "mg/L", "0.000002", "0.000002"),
        ("-0.000015", "mg/L", "-0.000002", "-0.000002"),
        ("<5", "mg/dL", None, "4.999999"),
        ("<=5", "mg/dL", None, "5"),
        (">5", "mg/dL", "5.000001", None),
        (">=5", "mg/dL", "5", None),
        ("<0.05", "g/L", None, "4.999999"),
        (">0.05", "g/L", "5.000001", None),
        ("<44", "umol/L", None, "0.497727"),
        ("<44.01", "umol/L", None, "0.497841"),
        (">44.01", "umol/L", "0.497841", None),
        ("<=44.01", "umol/L", None, "0.497841"),
    ],
)
def test_amounts(recorded: str, unit: str, low: str | None, high: str | None) -> None:
    creatinine = fact("x", "quantity", molar_mass=Decimal("113.12"))
    found = read(creatinine, [said(amount(recorded, unit))])
    assert found.low == (-m.UNBOUNDED if low is None else millionths(low))
    assert found.high == (m.UNBOUNDED if high is None else millionths(high))
    assert found.reason == (None if low == high else "imprecise")


def test_a_conversion_with_an_offset() -> None:
    temperature = fact("x", "quantity", unit="Cel")
    assert read(temperature, [said(amount("310.15", "K"))]).low == millionths("37")


@pytest.mark.parametrize(
    ("recorded", "unit", "low", "high"),
    [
        ("<5", "mg/dL", "0", "4.999999"),
        ("<=5", "mg/dL", "0", "5"),
        (">5", "mg/dL", "5.000001", "100"),
        (">=5", "mg/dL", "5", "100"),
        ("<0.05", "g/L", "0", "4.999999"),
        (">0.05", "g/L", "5.000001", "100"),
        ("<150", "mg/dL", "0", "149.999999"),
        (">-5", "mg/dL", "-4.999999", "100"),
        (">=100", "mg/dL", "100", "100"),
        ("<=0", "mg/dL", "0", "0"),
    ],
)
def test_a_range_closes_the_open_end(recorded: str, unit: str, low: str, high: str) -> None:
    ranged = fact("x", "quantity", range_u=(0, millionths("100")))
    found = read(ranged, [said(amount(recorded, unit))])
    assert (found.low, found.high) == (millionths(low), millionths(high))
    assert found.reason == (None if low == high else "imprecise")


# --- from statements to a reading -------------------------------------------------------

FIVE, SIX = amount("5"), amount("6")


def unknown(why: m.SaidUnknown, day: str | None = None, until: str | None = None) -> m.Statement:
    return said(None, day, until, why)


@pytest.mark.parametrize(
    ("valid_for", "statements", "expected"),
    [
        (None, [], "not_recorded"),
        (None, [said(FIVE, "2026-11-01", voided=True)], "not_recorded"),
        (None, [said()], "not_recorded"),
        (None, [said(FIVE, "2026-11-21")], "not_yet"),
        (None, [unknown("pending", "2026-11-21")], "not_yet"),
        (None, [said(FIVE, "2026-11-21", voided=True)], "not_recorded"),
        (None, [said(FIVE, "2026-11-20")], 5),
        (None, [said(FIVE)], 5),
        # An undated value could be the newest: one that differs keeps the reading open.
        (None, [said(FIVE), said(FIVE, "2020-01-01")], 5),
        (None, [said(SIX), said(FIVE, "2026-11-21")], 6),
        (None, [said(SIX), unknown("not_done", "2020-01-01")], "undated"),
        (None, [said(SIX), unknown("pending", "2020-01-01")], "pending"),
        (None, [unknown("pending"), said(FIVE, "2026-11-19")], "pending"),
        (None, [unknown("not_done"), said(FIVE, "2026-11-19")], "undated"),
        (None, [said(SIX), said(FIVE, "2026-11-19"), said(SIX, "2026-11-19")], "conflicting"),
        # A statement is older only if its last day is before another's first.
        (None, [said(SIX, "2026-10"), said(FIVE, "2026-11-01")], 5),
        (None, [said(SIX, "2026-11-18"), said(FIVE, until="2026-11-17")], 6),
        (None, [said(SIX, "2026"), said(SIX, "2026-11-18")], 6),
        (None, [unknown("pending", until="2026-11-18"), said(FIVE, "2026-11-18")], "pending"),
        # A year that has not come may be a slip for this one.
        (None, [said(SIX, "2027-11-19"), said(FIVE, "2026-11-08")], "undated"),
        (None, [said(SIX, "2027-11-07"), said(FIVE, "2026-11-08")], 5),
        (None, [said(SIX, "2027-12-19"), said(FIVE, "2026-11-08")], 5),
        (None, [said(FIVE, "2027-11-19"), said(FIVE, "2026-11-08")], 5),
        (None, [said(SIX, "2027-11"), said(FIVE, "2026-11-08")], "undated"),
        (None, [unknown("pending", "2027-11-19"), said(FIVE, "2026-11-08")], "undated"),
        # The latest day wins, in either order, and nothing falls back.
        (None, [said(SIX, "2026-11-18"), said(FIVE, "2026-11-19")], 5),
        (None, [said(FIVE, "2026-11-19"), said(SIX, "2026-11-18")], 5),
        (None, [said(FIVE, "2026-11-18"), said(SIX, "2026-11-19", voided=True)], 5),
        (None, [said(FIVE, "2026-11-18"), unknown("pending", "2026-11-19")], "pending"),
        (None, [unknown("pending", "2026-11-18"), said(FIVE, "2026-11-19")], 5),
        (None, [unknown("not_done")], "not_done"),
        (None, [unknown("pending"), unknown("not_done")], "pending"),
        (None, [unknown("not_done"), unknown("pending")], "pending"),
        (None, [unknown("not_done"), unknown("not_done")], "not_done"),
        (None, [said(FIVE), unknown("pending")], "conflicting"),
        (None, [said(FIVE, "2026-11-19"), unknown("not_done", "2026-11-19")], "conflicting"),
        (None, [said(FIVE), said(SIX)], "conflicting"),
        (None, [said(FIVE), said(FIVE)], 5),
        (None, [said(FIVE), said(amount("0.05", "g/L"))], 5),
        (None, [said(FIVE), said(amount("<=5"))], "conflicting"),
        (None, [said(FIVE), said(FIVE), said(SIX)], "conflicting"),
        # A result may be relied on up to and including the day on + valid_for.
        ("14 days", [said(FIVE, "2026-11-06")], 5),
        ("14 days", [said(FIVE, "2026-11-05")], "out_of_date"),
        ("0 days", [said(FIVE, "2026-11-20")], 5),
        ("0 days", [said(FIVE, "2026-11-19")], "out_of_date"),
        ("14 days", [said(FIVE, "2026-11")], "out_of_date"),
        ("20 days", [said(FIVE, "2026-11")], 5),
        ("14 days", [said(FIVE, until="2026-11-19")], "undated"),
        ("1 months", [said(FIVE, "2026-10-20")], 5),
        ("1 months", [said(FIVE, "2026-10-19")], "out_of_date"),
        ("14 days", [said(FIVE)], "undated"),
        ("14 days", [said(FIVE), said(FIVE, "2026-11-06")], 5),
        ("14 days", [said(FIVE), said(FIVE, "2026-11-21")], "undated"),
        # The order in which the kept ones decide.
        ("14 days", [unknown("pending")], "pending"),
        ("14 days", [unknown("not_done", "2020-01-01")], "not_done"),
        ("14 days", [said(FIVE), said(SIX)], "undated"),
        ("14 days", [said(FIVE), unknown("pending")], "undated"),
        ("14 days", [said(FIVE, "2020-01-01"), said(SIX, "2020-01-01")], "out_of_date"),
        ("14 days", [said(FIVE, "2020-01-01"), unknown("pending", "2020-01-01")], "out_of_date"),
    ],
)
def test_which_statements_decide(
    valid_for: str | None, statements: list[m.Statement], expected: int | str
) -> None:
    of = fact("x", "quantity", valid_for=duration(valid_for) if valid_for else None)
    for order in (statements, statements[::-1], statements * 2):
        found = read(of, order)
        if isinstance(expected, int):
            value = expected * m.MILLION
            assert found == m.Reading("x", value, value, None, None, "no_limit")
        else:
            assert found == m.Reading("x", None, None, expected, None, expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "statements", "low", "high", "reason"),
    [
        ("quantity", [said(SIX), said(FIVE, "2026-11-19")], 5, 6, "undated"),
        ("quantity", [said(SIX, "2026-11"), said(FIVE, "2026-11-19")], 5, 6, "undated"),
        ("quantity", [said(SIX, until="2026-11-19"), said(FIVE, "2026-11-19")], 5, 6, "undated"),
        ("quantity", [said(SIX, "2026-10"), said(FIVE, "2026-10")], 5, 6, "undated"),
        ("lasting", [said(FIVE, "2020-01-01"), said(FIVE, "2026-11-19")], 5, 5, None),
        ("lasting", [said(amount("<=5"), "2026-11-19"), said(amount(">=5"))], 5, 5, None),
        ("lasting", [said(FIVE, "2020-01-01"), said(SIX, "2026-11-19")], None, None, "conflicting"),
        ("lasting", [said(FIVE), unknown("pending", "2026-11-19")], None, None, "conflicting"),
        ("lasting", [said(FIVE, "2026-11-19"), unknown("pending", "2026-11-18")], 5, 5, None),
    ],
)
def test_what_statements_of_uncertain_days_come_to(
    of: str, statements: list[m.Statement], low: int | None, high: int | None, reason: m.Reason
) -> None:
    made = fact("x", "quantity", changes="never" if of == "lasting" else None)
    ends = [end if end is None else end * m.MILLION for end in (low, high)]
    for order in (statements, statements[::-1], statements * 2):
        found = read(made, order)
        assert (found.low, found.high, found.reason) == (*ends, reason)


def test_dates_and_words_of_uncertain_days() -> None:
    date_ = fact("x", "date")
    found = read(date_, [said(days("2026-03-02")), said(days("2026-04-01"), "2026-11-01")])
    assert (found.low, found.high, found.reason) == (
        date(2026, 3, 2).toordinal(), date(2026, 4, 1).toordinal(), "undated",
    )  # fmt: skip
    for other in ("never", days("2026-03")):
        found = read(date_, [said(other), said(days("2026-04-01"), "2026-11-01")])
        assert (found.low, found.reason) == (None, "undated")
    lasting = fact("x", "date", changes="never")
    found = read(lasting, [said(days("2017-03")), said(days("2017-03-02"), "2026-11-01")])
    assert (found.low, found.high) == (date(2017, 3, 2).toordinal(),) * 2
    boolean = fact("x", "boolean")
    assert read(boolean, [said(True), said(False, "2026-11-19")]).reason == "undated"
    assert read(boolean, [said(True), said(True, "2026-11-19")]).low == 1


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([said(True, by="Dr A. Example")], 1),
        ([said(False, by="Dr A. Example")], 0),
        ([said(True)], "not_attested"),
        ([said(True, "2026-11-19", by="Dr A. Example"), said(True, "2026-11-19")], "not_attested"),
        ([said(True, "2026-11-18", by="Dr A. Example"), said(True, "2026-11-19")], "not_attested"),
        ([said(True), said(False)], "conflicting"),
        ([unknown("pending")], "pending"),
        ([said(True, "2019-01-01")], "out_of_date"),
    ],
)
def test_attested(statements: list[m.Statement], expected: int | str) -> None:
    valid_for = duration("1 years") if expected == "out_of_date" else None
    of = fact("x", "boolean", attested_by="investigator", valid_for=valid_for)
    found = read(of, statements)
    assert (found.low if found.reason is None else found.reason) == expected
    assert found.times_uln is None
    assert found.uln_reason is None


@pytest.mark.parametrize(
    ("of", "value", "point"),
    [
        (fact("x", "boolean"), True, 1),
        (fact("x", "boolean"), False, 0),
        (fact("x", "choice", choices=choices("a", "b", "never")), "a", 0),
        (fact("x", "choice", choices=choices("a", "b", "never")), "never", 2),
        (DATE, "never", m.NEVER),
        (DATE, days("2026-11-18"), ordinal("2026-11-18")),
    ],
)
def test_points(of: m.Fact, value: m.Recorded, point: int) -> None:
    assert read(of, [said(value)]) == m.Reading("x", point, point, None)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("2026-10", "2026-10", True),
        ("2026-10", "2026-10-05", False),
        ("2026-10", "2026", False),
        ("2026", "2026-01", False),
    ],
)
def test_dates_agree_as_intervals(one: str, other: str, agree: bool) -> None:
    found = read(DATE, [said(days(one)), said(days(other))])
    assert found.reason == ("imprecise" if agree else "conflicting")


def test_dates_agree_if_they_come_to_the_same_days_so_far() -> None:
    in_january = date(2026, 1, 10)
    assert read(DATE, [said(days("2026")), said(days("2026-01"))], in_january).low is not None
    assert read(DATE, [said("never"), said(days("2026"))]).reason == "conflicting"


def test_text_has_no_reading_and_the_order_is_the_dictionarys() -> None:
    facts = [
        fact("age", "quantity", derive=m.CompletedYears("birth_date")),
        fact("note", "text"),
        fact("birth_date", "date"),
    ]
    stated = {"note": [said("free")], "birth_date": [said(days("2017-03-02"))]}
    found = reference.readings(pack(facts), subject(stated), AS_OF)
    assert list(found) == ["age", "birth_date"]
    assert found["age"].low == 9 * m.MILLION


# --- the upper limit of normal ----------------------------------------------------------

ULN = fact("x", "quantity", uln_u=millionths("40"), range_u=(0, millionths("1000")))
BARE = fact("x", "quantity")


def limited(text: str, uln: str | None = None, unit: str = "mg/dL") -> m.Statement:
    return said(amount(text, unit), uln_u=millionths(uln) if uln else None)


@pytest.mark.parametrize(
    ("of", "statements", "low", "high"),
    [
        (ULN, [limited("80")], "2", "2"),
        (ULN, [limited("80", "50")], "8/5", "8/5"),
        (BARE, [limited("1", "3")], "1/3", "1/3"),
        (ULN, [limited("0.8", unit="g/L")], "2", "2"),
        (ULN, [limited("0.8", "0.6", "g/L")], "4/3", "4/3"),
        # Censored: the converted interval where the bound converts exactly.
        (ULN, [limited("<80")], "0", "79999999/40000000"),
        (ULN, [limited(">80", "50")], "80000001/50000000", "20"),
        (ULN, [limited("<0.8", "0.4", "g/L")], "0", "79999999/40000000"),
        (ULN, [limited(">0.8", "0.4", "g/L")], "80000001/40000000", "25"),
        (ULN, [limited(">=0.8", "0.4", "g/L")], "2", "25"),
        # Else its own unit: a millionth of that, and an open end.
        (ULN, [limited("<0.000005", "0.000002", "mg/L")], None, "2"),
        (ULN, [limited(">0.000005", "0.000002", "mg/L")], "3", None),
        (ULN, [limited("<0.8", "0.4", "g/L"), limited("<80", "40")], "0", "79999999/40000000"),
        (ULN, [limited("<0.8", unit="g/L")], "0", "79999999/40000000"),
        (BARE, [limited("<=80", "40")], None, "2"),
        # Those without a limit are set aside.
        (BARE, [limited("80", "40"), limited("80")], "2", "2"),
        (BARE, [limited("80", "40"), limited("0.8", "0.4", "g/L")], "2", "2"),
        (ULN, [limited("80"), limited("80", "40")], "2", "2"),
    ],
)
def test_the_ratio_is_exact(
    of: m.Fact, statements: list[m.Statement], low: str | None, high: str | None
) -> None:
    found = read(of, statements)
    ends = (None if low is None else Fraction(low), None if high is None else Fraction(high))
    assert found.times_uln == m.UlnRatio(*ends)
    assert found.uln_reason is None


@pytest.mark.parametrize(
    ("of", "statements", "reason"),
    [
        (BARE, [limited("80")], "no_limit"),
        (BARE, [limited("80", "40"), limited("80", "50")], "conflicting"),
        (ULN, [limited("80"), limited("80", "50")], "conflicting"),
        (BARE, [limited("<0.8", "0.5", "g/L"), limited("<80", "40")], "conflicting"),
    ],
)
def test_the_ratio_alone_is_unknown(of: m.Fact, statements: list[m.Statement], reason: str) -> None:
    found = read(of, statements)
    assert found.low is not None
    assert (found.times_uln, found.uln_reason) == (None, reason)
    assert truth(m.UlnTest("x", "above_uln", m.MILLION), of, found) == "U"


def test_an_unknown_reading_has_an_unknown_ratio_for_the_same_reason() -> None:
    assert read(ULN, []) == m.Reading("x", None, None, "not_recorded", None, "not_recorded")
    found = read(ULN, [limited("80"), limited("90")])
    assert (found.reason, found.uln_reason) == ("conflicting", "conflicting")


@pytest.mark.parametrize(
    ("statement", "expected"),  # at_least, above, at_most, below twice the limit
    [
        (limited("79.999999"), "FFTT"),
        (limited("80"), "TFTF"),
        (limited("80.000001"), "TTFF"),
        (limited("<80"), "FFTT"),
        (limited("<=80"), "UFTU"),
        (limited(">80"), "TTFF"),
        (limited(">=80"), "TUUF"),
        (limited("<90"), "UUUU"),
        (limited("<0.9", "0.4", "g/L"), "UUUU"),
        (limited(">0.8", "0.4", "g/L"), "TTFF"),
        (limited("<0.8", "0.4", "g/L"), "FFTT"),
        (limited("2", "1"), "TFTF"),
    ],
)
def test_uln_tests(statement: m.Statement, expected: str) -> None:
    found = read(ULN, [statement])
    ops: tuple[m.UlnOp, ...] = ("at_least_uln", "above_uln", "at_most_uln", "below_uln")
    truths = [truth(m.UlnTest("x", op, 2 * m.MILLION), ULN, found) for op in ops]
    assert "".join(truths) == expected


def test_a_third_is_between_its_neighbours() -> None:
    third = read(BARE, [limited("1", "3")])
    assert truth(m.UlnTest("x", "above_uln", 333_333), BARE, third) == "T"
    assert truth(m.UlnTest("x", "below_uln", 333_334), BARE, third) == "T"


def test_a_point_at_the_end_of_its_range_has_a_point_for_a_ratio() -> None:
    found = read(ULN, [limited(">=10", "0.4", "g/L")])
    assert (found.low, found.high, found.reason) == (millionths("1000"), millionths("1000"), None)
    assert found.times_uln == m.UlnRatio(Fraction(25), Fraction(25))
    assert truth(m.UlnTest("x", "above_uln", 25 * m.MILLION), ULN, found) == "F"


# --- record lists -----------------------------------------------------------------------

KIND = m.Field("kind", "kind", "choice", choices("chemo", "steroid", "radiation"))
TARGET = m.Field("target", "target", "choice", choices("cd19", "cd20", "cd22"), many=True)
GIVEN = m.Field("given", "given", "boolean")
AGENT = m.Field("agent", "agent", "text")
DOSE = m.Field("dose", "dose", "quantity", unit="mg/dL", range_u=(0, millionths("9")))
ENDED = m.Field("ended", "ended", "date")
THERAPY = record_list("therapy", KIND, TARGET, GIVEN, AGENT, DOSE, ENDED, valid_for="7 days")
CHEMO = (m.Where("kind", ("chemo",)),)
Listed = dict[str, object]


def from_list(
    derive: m.Derivation, complete_on: str | None, *listed: Listed, as_of: date = AS_OF
) -> m.Reading:
    types: dict[type, m.FactType] = {m.Exists: "boolean", m.Count: "quantity"}
    of = fact("x", types.get(type(derive), "date"), unit="", derive=derive)
    recorded = subject(records={"therapy": entries(complete_on, *listed)})
    return reference.readings(pack([of], records=[THERAPY]), recorded, as_of)["x"]


@pytest.mark.parametrize(
    ("complete_on", "valid_for", "confirmed"),
    [
        (None, "7 days", False),
        ("2026-11-12", "7 days", False),
        ("2026-11-13", "7 days", True),
        ("2026-11-20", "7 days", True),
        ("2026-11-21", "7 days", False),
        ("2026-11-19", "0 days", False),
        ("2026-11-20", "0 days", True),
        ("2026-10-19", "1 months", False),
        ("2026-10-20", "1 months", True),
    ],
)
def test_confirmed(complete_on: str | None, valid_for: str, confirmed: bool) -> None:
    of = fact("x", "boolean", derive=m.Exists("therapy", ()))
    listing = record_list("therapy", KIND, valid_for=valid_for)
    recorded = subject(records={"therapy": entries(complete_on)})
    found = reference.readings(pack([of], records=[listing]), recorded, AS_OF)["x"]
    assert found.reason == (None if confirmed else "history_not_confirmed")
    assert found.low == (0 if confirmed else None)


def test_a_list_that_is_not_there_is_not_confirmed() -> None:
    of = fact("x", "boolean", derive=m.Exists("therapy", ()))
    found = reference.readings(pack([of], records=[THERAPY]), subject(), AS_OF)["x"]
    assert found == m.Reading("x", None, None, "history_not_confirmed")


@pytest.mark.parametrize(
    ("where", "listed", "matches"),
    [
        ((), {}, "T"),
        (CHEMO, {"kind": "chemo"}, "T"),
        (CHEMO, {"kind": "steroid"}, "F"),
        (CHEMO, {}, "U"),
        ((m.Where("kind", ("chemo", "steroid")),), {"kind": "steroid"}, "T"),
        ((m.Where("target", ("cd19", "cd20")),), {"target": ("cd22", "cd20")}, "T"),
        ((m.Where("target", ("cd19", "cd20")),), {"target": ("cd22",)}, "F"),
        ((m.Where("target", ("cd19",)),), {}, "U"),
        ((m.Where("target", ("cd19",)),), {"target": ("cd22", "")}, "U"),
        ((m.Where("target", ("cd19",)),), {"target": ("", "cd19")}, "T"),
        ((*CHEMO, m.Where("target", ("cd19",))), {"kind": "steroid", "target": ("",)}, "F"),
        ((m.Where("given", (True,)),), {"given": True}, "T"),
        ((m.Where("given", (True,)),), {"given": False}, "F"),
        ((m.Where("given", (False,)),), {"given": False}, "T"),
        ((m.Where("agent", ("dasatinib",)),), {"agent": "dasatinib"}, "T"),
        ((m.Where("agent", ("dasatinib",)),), {"agent": "Dasatinib"}, "F"),
        ((m.Where("dose", (5_000_000,)),), {"dose": amount("5")}, "T"),
        ((m.Where("dose", (5_000_000,)),), {"dose": amount("0.05", "g/L")}, "T"),
        ((m.Where("dose", (4_000_000, 5_000_000)),), {"dose": amount("5")}, "T"),
        ((m.Where("dose", (5_000_000,)),), {"dose": amount("5.000001")}, "F"),
        ((m.Where("dose", (5_000_000,)),), {"dose": amount("<5")}, "F"),
        ((m.Where("dose", (5_000_000,)),), {"dose": amount("<=5")}, "U"),
        ((m.Where("dose", (9_000_000,)),), {"dose": amount(">=9")}, "T"),
        ((*CHEMO, m.Where("given", (True,))), {"kind": "chemo", "given": True}, "T"),
        ((*CHEMO, m.Where("given", (True,))), {"kind": "chemo"}, "U"),
        ((*CHEMO, m.Where("given", (True,))), {"given": False}, "F"),
        ((*CHEMO, m.Where("given", (True,))), {"kind": "steroid"}, "F"),
    ],
)
def test_matching(where: tuple[m.Where, ...], listed: Listed, matches: str) -> None:
    found = from_list(m.Exists("therapy", where), "2026-11-20", listed)
    assert (
        found
        == {
            "T": m.Reading("x", 1, 1, None),
            "F": m.Reading("x", 0, 0, None),
            "U": m.Reading("x", None, None, "imprecise"),
        }[matches]
    )


SURE: Listed = {"kind": "chemo"}
MAY: Listed = {}
NOT: Listed = {"kind": "steroid"}
VOID: Listed = {"kind": "chemo", "ended": "2026-11-19", "voided": True}


@pytest.mark.parametrize(
    ("listed", "confirmed", "unconfirmed"),
    [
        ([], "F", "U"),
        ([VOID], "F", "U"),
        ([NOT], "F", "U"),
        ([MAY], "U", "U"),
        ([NOT, MAY], "U", "U"),
        ([SURE], "T", "T"),
        ([SURE, MAY], "T", "T"),
    ],
)
def test_exists(listed: list[Listed], confirmed: str, unconfirmed: str) -> None:
    for complete_on, expected, reason in (
        ("2026-11-20", confirmed, "imprecise"),
        (None, unconfirmed, "history_not_confirmed"),
    ):
        found = from_list(m.Exists("therapy", CHEMO), complete_on, *listed)
        low = {"T": 1, "F": 0, "U": None}[expected]
        assert (found.low, found.high) == (low, low)
        assert found.reason == (reason if expected == "U" else None)
        assert found.uln_reason is None


@pytest.mark.parametrize(
    ("listed", "low", "high"),
    [
        ([], 0, 0),
        ([VOID, NOT], 0, 0),
        ([SURE], 1, 1),
        ([SURE, SURE], 2, 2),  # two equal entries are two
        ([MAY], 0, 1),
        ([SURE, MAY, NOT, MAY], 1, 3),
    ],
)
def test_count(listed: list[Listed], low: int, high: int) -> None:
    found = from_list(m.Count("therapy", CHEMO), "2026-11-20", *listed)
    assert (found.low, found.high) == (low * m.MILLION, high * m.MILLION)
    assert found.reason == (None if low == high else "imprecise")
    assert (found.times_uln, found.uln_reason) == (None, "no_limit")
    found = from_list(m.Count("therapy", CHEMO), None, *listed)
    assert (found.low, found.high) == (low * m.MILLION, m.UNBOUNDED)
    assert found.reason == "history_not_confirmed"


# A letter for the entry (M matches, P may match) and its date.
DATED: dict[str, Listed] = {
    "M01": {**SURE, "ended": "2026-11-01"},
    "M15": {**SURE, "ended": "2026-11-15"},
    "M20": {**SURE, "ended": "2026-11-20"},
    "Moct": {**SURE, "ended": "2026-10"},
    "Mnov": {**SURE, "ended": "2026-11"},
    "Mongoing": {**SURE, "ended": "ongoing"},
    "Mmissing": SURE,
    "Mfuture": {**SURE, "ended": "2026-11-21"},
    "Mdec": {**SURE, "ended": "2026-12"},
    "P05": {"ended": "2026-11-05"},
    "P18": {"ended": "2026-11-18"},
    "Pnov": {"ended": "2026-11"},
    "Psep": {"ended": "2026-09"},
    "Pongoing": {"ended": "ongoing"},
    "Pmissing": {},
    "Pfuture": {"ended": "2027"},
    "N": {**NOT, "ended": "2026-11-17"},
    "void": VOID,
}


def check_days(derive: m.Derivation, names: str, confirmed: str, unconfirmed: str) -> None:
    listed = [DATED[name] for name in names.split()]
    for complete_on, expected, wide in (
        ("2026-11-20", confirmed, "imprecise"),
        (None, unconfirmed, "history_not_confirmed"),
    ):
        low, high = (ordinal(end) for end in expected.split())
        reason = None if low == high else wide
        for order in (listed, listed[::-1]):
            found = from_list(derive, complete_on, *order)
            assert (found.low, found.high, found.reason) == (low, high, reason)


@pytest.mark.parametrize(
    ("names", "confirmed", "unconfirmed"),
    [
        ("", "never never", "never today"),
        ("N void", "never never", "never today"),
        ("M01", "2026-11-01 2026-11-01", "2026-11-01 today"),
        ("M01 M15 N", "2026-11-15 2026-11-15", "2026-11-15 today"),
        ("M20", "today today", "today today"),
        ("Mongoing", "today today", "today today"),
        ("M01 Mongoing", "today today", "today today"),
        ("Moct", "2026-10-01 2026-10-31", "2026-10-01 today"),
        ("Moct M01", "2026-11-01 2026-11-01", "2026-11-01 today"),
        ("Mnov", "2026-11-01 today", "2026-11-01 today"),
        ("Mnov M15", "2026-11-15 today", "2026-11-15 today"),
        # An open entry may be under way.
        ("Mmissing", "never today", "never today"),
        ("Mfuture", "never today", "never today"),
        ("Mdec", "never today", "never today"),
        ("M01 Mfuture", "2026-11-01 today", "2026-11-01 today"),
        ("M01 Mmissing", "2026-11-01 today", "2026-11-01 today"),
        ("Moct Mmissing", "2026-10-01 today", "2026-10-01 today"),
        # What may match raises high only.
        ("P05", "never 2026-11-05", "never today"),
        ("Pnov", "never today", "never today"),
        ("Pongoing", "never today", "never today"),
        ("Pmissing", "never today", "never today"),
        ("Pfuture", "never today", "never today"),
        ("M01 P05", "2026-11-01 2026-11-05", "2026-11-01 today"),
        ("M15 P05", "2026-11-15 2026-11-15", "2026-11-15 today"),
        ("M01 P05 P18", "2026-11-01 2026-11-18", "2026-11-01 today"),
        ("Moct P05", "2026-10-01 2026-11-05", "2026-10-01 today"),
        ("M15 Pmissing", "2026-11-15 today", "2026-11-15 today"),
        ("M20 Pmissing", "today today", "today today"),
        ("Mmissing P05", "never today", "never today"),
    ],
)
def test_latest(names: str, confirmed: str, unconfirmed: str) -> None:
    check_days(m.LatestOf("therapy", "ended", CHEMO), names, confirmed, unconfirmed)


@pytest.mark.parametrize(
    ("names", "confirmed", "unconfirmed"),
    [
        ("", "never never", "never today"),
        ("N void", "never never", "never today"),
        ("M15", "2026-11-15 2026-11-15", "past 2026-11-15"),
        ("M01 M15 N", "2026-11-01 2026-11-01", "past 2026-11-01"),
        ("M20", "today today", "past today"),
        ("Mongoing", "today today", "past today"),
        ("M15 Mongoing", "2026-11-15 2026-11-15", "past 2026-11-15"),
        ("Moct", "2026-10-01 2026-10-31", "past 2026-10-31"),
        ("Moct M01", "2026-10-01 2026-10-31", "past 2026-10-31"),
        ("Mnov M15", "2026-11-01 2026-11-15", "past 2026-11-15"),
        # Open entries that match.
        ("M15 Mmissing", "past 2026-11-15", "past 2026-11-15"),
        ("M15 Mfuture", "past 2026-11-15", "past 2026-11-15"),
        ("Moct Mdec", "past 2026-10-31", "past 2026-10-31"),
        ("Mmissing", "never today", "never today"),
        ("Mfuture Mdec", "never today", "never today"),
        # What may match: beside nothing it raises high, beside a dated one it lowers low.
        ("P05", "never 2026-11-05", "never today"),
        ("P05 P18", "never 2026-11-18", "never today"),
        ("Psep", "never 2026-09-30", "never today"),
        ("Pmissing", "never today", "never today"),
        ("Pongoing", "never today", "never today"),
        ("M15 P05", "2026-11-05 2026-11-15", "past 2026-11-15"),
        ("M15 P18", "2026-11-15 2026-11-15", "past 2026-11-15"),
        ("M15 Psep", "2026-09-01 2026-11-15", "past 2026-11-15"),
        ("M15 Pmissing", "past 2026-11-15", "past 2026-11-15"),
        ("M15 Pfuture", "past 2026-11-15", "past 2026-11-15"),
        ("M15 Pongoing", "2026-11-15 2026-11-15", "past 2026-11-15"),
        ("M15 Mmissing P05", "past 2026-11-15", "past 2026-11-15"),
        ("Mmissing P05", "never today", "never today"),
        ("Mmissing Pmissing", "never today", "never today"),
    ],
)
def test_earliest(names: str, confirmed: str, unconfirmed: str) -> None:
    check_days(m.EarliestOf("therapy", "ended", CHEMO), names, confirmed, unconfirmed)


# --- other derivations ------------------------------------------------------------------


def derived(derive: m.Derivation, **stated: m.Recorded | None) -> m.Reading:
    facts = [fact("x", "quantity", derive=derive), fact("a", "date"), fact("b", "date")]
    given = {name: [said(value)] for name, value in stated.items() if value is not None}
    return reference.readings(pack(facts), subject(given), AS_OF)["x"]


@pytest.mark.parametrize(
    ("since", "low", "high", "reason"),
    [
        ("2017-11-20", 9, 9, None),
        ("2017-11-21", 8, 8, None),
        ("2017-10", 9, 9, None),  # every day of the month comes to the same
        ("2017-11", 8, 9, "imprecise"),
        ("2017", 8, 9, "imprecise"),
        ("2026", 0, 0, None),
        ("2026-11-21", -1, -1, None),
        ("never", None, None, "no_date"),
        (None, None, None, "not_recorded"),
    ],
)
def test_years_since(
    since: str | None, low: int | None, high: int | None, reason: str | None
) -> None:
    value = since if since in (None, "never") else days(since)
    found = derived(m.CompletedYears("a"), a=value)
    ends = [None if end is None else end * m.MILLION for end in (low, high)]
    assert [found.low, found.high, found.reason] == [*ends, reason]
    assert found.uln_reason == ("no_limit" if low is not None else reason)


@pytest.mark.parametrize(
    ("start", "end", "low", "high", "reason"),
    [
        ("2026-11-01", "2026-11-15", 14, 14, None),
        ("2026-11-15", "2026-11-01", -14, -14, None),
        ("2026-11-15", "2026-11-15", 0, 0, None),
        ("2026-10", "2026-11-15", 15, 45, "imprecise"),
        ("2026-11-15", "2026-10", -45, -15, "imprecise"),
        ("2026-10", "2026-11", 1, 50, "imprecise"),
        ("never", "2026-11-15", None, None, "no_date"),
        ("2026-11-15", "never", None, None, "no_date"),
        (None, "never", None, None, "not_recorded"),
        ("never", None, None, None, "not_recorded"),
    ],
)
def test_days_between(
    start: str | None, end: str | None, low: int | None, high: int | None, reason: str | None
) -> None:
    a, b = (text if text in (None, "never") else days(text) for text in (start, end))
    found = derived(m.DaysBetween("a", "b"), a=a, b=b)
    ends = [None if end is None else end * m.MILLION for end in (low, high)]
    assert [found.low, found.high, found.reason] == [*ends, reason]


def over_lists(derive: m.Derivation, complete_on: str | None, *names: str) -> m.Reading:
    """A derivation over `first` and `last`, the earliest and the latest of a list."""
    facts = [
        fact("x", "quantity", derive=derive),
        fact("first", "date", derive=m.EarliestOf("therapy", "ended", ())),
        fact("last", "date", derive=m.LatestOf("therapy", "ended", ())),
        fact("day", "date"),
        fact("pending", "date"),
    ]
    stated = {"day": [said(days("2026-11-15"))], "pending": [unknown("pending")]}
    recorded = subject(stated, {"therapy": entries(complete_on, *(DATED[n] for n in names))})
    return reference.readings(pack(facts, records=[THERAPY]), recorded, AS_OF)["x"]


@pytest.mark.parametrize(
    ("derive", "complete_on", "names", "low", "high", "reason"),
    [
        # The past has no beginning.
        (m.CompletedYears("first"), None, ["M01"], 0, "open", "history_not_confirmed"),
        (m.CompletedYears("first"), "2026-11-20", ["M01", "Mmissing"], 0, "open", "imprecise"),
        (m.CompletedYears("first"), None, [], None, None, "no_date"),
        (m.CompletedYears("last"), None, [], None, None, "no_date"),
        (m.CompletedYears("last"), "2026-11-20", [], None, None, "no_date"),
        (m.CompletedYears("last"), None, ["M01"], 0, 0, None),
        (m.DaysBetween("first", "day"), None, ["M01"], 14, "open", "history_not_confirmed"),
        (m.DaysBetween("day", "first"), None, ["M01"], "open", -14, "history_not_confirmed"),
        (m.DaysBetween("first", "first"), None, ["M01"], "open", "open", "history_not_confirmed"),
        (m.DaysBetween("first", "last"), "2026-11-20", ["M01", "M15"], 14, 14, None),
        (m.DaysBetween("day", "last"), None, ["M01"], -14, "open", "history_not_confirmed"),
        (m.DaysBetween("day", "last"), "2026-11-20", ["Mongoing"], 5, "open", "imprecise"),
        (m.DaysBetween("last", "day"), "2026-11-20", ["Mongoing"], "open", -5, "imprecise"),
        (m.DaysBetween("first", "day"), None, [], None, None, "no_date"),
        (m.DaysBetween("day", "first"), None, [], None, None, "no_date"),
        (m.DaysBetween("last", "pending"), None, [], None, None, "pending"),
        (m.DaysBetween("pending", "last"), None, [], None, None, "pending"),
    ],
)
def test_derivations_over_derivations(
    derive: m.Derivation,
    complete_on: str | None,
    names: list[str],
    low: int | str | None,
    high: int | str | None,
    reason: str | None,
) -> None:
    found = over_lists(derive, complete_on, *names)
    expected_low = low * m.MILLION if isinstance(low, int) else low and -m.UNBOUNDED
    expected_high = high * m.MILLION if isinstance(high, int) else high and m.UNBOUNDED
    assert (found.low, found.high, found.reason) == (expected_low, expected_high, reason)


# --- tests ------------------------------------------------------------------------------

LIMITS: tuple[m.QuantityOp, ...] = ("at_least", "above", "at_most", "below")


@pytest.mark.parametrize(
    ("recorded", "expected", "between"),  # at_least, above, at_most, below 5; between 5 and 6
    [
        ("4.999999", "FFTT", "F"),
        ("5", "TFTF", "T"),
        ("5.000001", "TTFF", "T"),
        ("6", "TTFF", "T"),
        ("6.000001", "TTFF", "F"),
        ("<5", "FFTT", "F"),
        ("<=5", "UFTU", "U"),
        ("<5.000001", "UFTU", "U"),
        (">5", "TTFF", "U"),
        (">=5", "TUUF", "U"),
        (">4.999999", "TUUF", "U"),
        (">4", "UUUU", "U"),
        (">=6", "TTFF", "U"),
        (">6", "TTFF", "F"),
    ],
)
def test_limits(recorded: str, expected: str, between: str) -> None:
    found = read(QUANTITY, [said(amount(recorded))])
    five, six = millionths("5"), millionths("6")
    truths = [truth(m.LimitTest("x", op, five), QUANTITY, found) for op in LIMITS]
    assert "".join(truths) == expected
    assert truth(m.BetweenTest("x", five, six), QUANTITY, found) == between


def test_an_open_end_is_beyond_every_limit() -> None:
    top = read(QUANTITY, [said(amount(">8999999999999"))])
    assert truth(m.LimitTest("x", "at_most", m.LARGEST), QUANTITY, top) == "U"
    bottom = read(QUANTITY, [said(amount("<-8999999999999"))])
    assert truth(m.LimitTest("x", "at_least", -m.LARGEST), QUANTITY, bottom) == "U"


def test_a_censored_result_proves_what_it_can() -> None:
    mrd = fact("x", "quantity", range_u=(0, millionths("100")))
    found = read(mrd, [said(amount("<0.01"))])
    assert truth(m.LimitTest("x", "below", millionths("0.01")), mrd, found) == "T"
    assert truth(m.LimitTest("x", "above", millionths("0.001")), mrd, found) == "U"
    assert truth(m.BetweenTest("x", 0, millionths("0.01")), mrd, found) == "T"


@pytest.mark.parametrize(
    ("value", "is_true", "is_false"), [(True, "T", "F"), (False, "F", "T"), (None, "U", "U")]
)
def test_boolean(value: bool | None, is_true: str, is_false: str) -> None:
    of = fact("x", "boolean")
    found = read(of, [said(value)])
    assert truth(m.BooleanTest("x", True), of, found) == is_true
    assert truth(m.BooleanTest("x", False), of, found) == is_false


@pytest.mark.parametrize(
    ("value", "codes", "expected"),
    [
        ("a", ("a",), "T"),
        ("a", ("b",), "F"),
        ("b", ("c", "b"), "T"),
        ("c", ("a", "b"), "F"),
        (None, ("a", "b", "c"), "U"),
    ],
)
def test_choice(value: str | None, codes: tuple[str, ...], expected: str) -> None:
    of = fact("x", "choice", choices=choices("a", "b", "c"))
    assert truth(m.ChoiceTest("x", codes), of, read(of, [said(value)])) == expected


AGO: tuple[m.AgoOp, ...] = ("at_least_ago", "more_than_ago", "within_last", "less_than_ago")


@pytest.mark.parametrize(
    ("day", "length", "expected"),  # at_least_ago, more_than_ago, within_last, less_than_ago
    [
        ("2026-11-12", "7 days", "TTFF"),
        ("2026-11-13", "7 days", "TFTF"),
        ("2026-11-14", "7 days", "FFTT"),
        ("2026-11-20", "7 days", "FFTT"),
        ("2026-11-21", "7 days", "FFFF"),
        ("never", "7 days", "TTFF"),
        ("past", "7 days", "TTFF"),
        ("2026-11-06", "2 weeks", "TFTF"),
        ("2026-11-20", "0 days", "TFTF"),
        ("2026-11-19", "0 days", "TTFF"),
        ("2026-11-21", "0 days", "FFFF"),
        ("2026-10-19", "1 months", "TTFF"),
        ("2026-10-20", "1 months", "TFTF"),
        ("2026-10-21", "1 months", "FFTT"),
        ("2024-11-20", "2 years", "TFTF"),
        ("2024-11-21", "2 years", "FFTT"),
        ("2026-11-20", "9000 years", "FFTT"),
        ("0001-01-01", "9000 years", "FFTT"),
        ("never", "9000 years", "TTFF"),
    ],
)
def test_ago(day: str, length: str, expected: str) -> None:
    reading = span(ordinal(day), ordinal(day))
    truths = [truth(m.AgoTest("x", op, duration(length)), DATE, reading) for op in AGO]
    assert "".join(truths) == expected


@pytest.mark.parametrize(
    ("day", "as_of", "expected"),  # one month
    [
        ("2026-01-31", "2026-02-27", "FFTT"),
        ("2026-01-31", "2026-02-28", "UFTU"),  # up today, or tomorrow
        ("2026-01-31", "2026-03-01", "TUUF"),  # up yesterday, or today
        ("2026-01-31", "2026-03-02", "TTFF"),
        ("2026-01-28", "2026-02-28", "TFTF"),
        ("2026-02-01", "2026-02-28", "FFTT"),
        ("2026-02-01", "2026-03-01", "TFTF"),
        ("2026-01-29", "2026-03-01", "TUUF"),
        ("2026-01-29", "2026-02-28", "UFTU"),
        ("2026-01-28", "2026-03-01", "TTFF"),
        ("9999-12-31", "9999-12-31", "FFTT"),
        ("9999-11-30", "9999-12-31", "TTFF"),
    ],
)
def test_a_month_ago(day: str, as_of: str, expected: str) -> None:
    reading, screened = span(ordinal(day), ordinal(day)), date.fromisoformat(as_of)
    month = duration("1 months")
    truths = [truth(m.AgoTest("x", op, month), DATE, reading, screened) for op in AGO]
    assert "".join(truths) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),  # 7 days, in the order of AGO
    [
        ("2026-11-10", "2026-11-12", "TTFF"),
        ("2026-11-10", "2026-11-13", "TUUF"),
        ("2026-11-10", "2026-11-14", "UUUU"),
        ("2026-11-13", "2026-11-14", "UFTU"),
        ("2026-11-14", "2026-11-20", "FFTT"),
        ("2026-11-21", "2026-11-30", "FFFF"),
        ("never", "2026-11-12", "TTFF"),
        ("never", "2026-11-20", "UUUU"),
        ("past", "2026-11-12", "TTFF"),
        ("past", "2026-11-13", "TUUF"),
    ],
)
def test_ago_over_an_interval(low: str, high: str, expected: str) -> None:
    reading, week = span(ordinal(low), ordinal(high)), duration("7 days")
    assert "".join(truth(m.AgoTest("x", op, week), DATE, reading) for op in AGO) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),  # on_or_after and on_or_before 15 November; ever, never
    [
        ("2026-11-14", "2026-11-14", "FTTF"),
        ("2026-11-15", "2026-11-15", "TTTF"),
        ("2026-11-16", "2026-11-16", "TFTF"),
        ("2026-11-20", "2026-11-20", "TFTF"),
        ("2026-11-21", "2026-11-21", "TFFT"),
        ("never", "never", "FFFT"),
        ("past", "past", "FTTF"),
        ("2026-11-01", "2026-11-20", "UUTF"),
        ("2026-11-01", "2026-11-15", "UTTF"),
        ("2026-11-15", "2026-11-20", "TUTF"),
        ("2026-12-01", "2026-12-31", "TFFT"),
        ("never", "2026-11-14", "FUUU"),
        ("never", "2026-11-20", "UUUU"),
        ("never", "past", "FUUU"),
        ("past", "2026-11-14", "FTTF"),
        ("past", "2026-11-20", "UUTF"),
    ],
)
def test_days_and_ever(low: str, high: str, expected: str) -> None:
    reading, day = span(ordinal(low), ordinal(high)), date(2026, 11, 15)
    tests: list[m.Test] = [
        m.DayTest("x", "on_or_after", day),
        m.DayTest("x", "on_or_before", day),
        m.EverTest("x", True),
        m.EverTest("x", False),
    ]
    assert "".join(truth(test, DATE, reading) for test in tests) == expected


@pytest.mark.parametrize(
    "test",
    [
        *[m.AgoTest("x", op, m.Duration(n, 0)) for op in AGO for n in (0, 1, 5)],
        *[m.AgoTest("x", op, m.Duration(0, n)) for op in AGO for n in (1, 12)],
        *[m.DayTest("x", "on_or_after", AS_OF - timedelta(n)) for n in (5, 0, -2)],
        *[m.DayTest("x", "on_or_before", AS_OF - timedelta(n)) for n in (5, 0, -2)],
        m.EverTest("x", True),
        m.EverTest("x", False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("as_of", [AS_OF, date(2026, 2, 28), date(2026, 3, 1)])
def test_an_interval_of_dates_is_all_its_points(test: m.Test, as_of: date) -> None:
    """Readings end at the as-of date or begin after it, as section 2 has them."""
    today = as_of.toordinal()
    axis = [m.NEVER, m.PAST, 1, *range(today - 35, today + 4)]
    points = [truth(test, DATE, span(day, day), as_of) for day in axis]
    for i, low in enumerate(axis):
        for j in range(i, len(axis)):
            if low > today or axis[j] <= today:
                held = set(points[i : j + 1])
                expected = held.pop() if len(held) == 1 else "U"
                assert truth(test, DATE, span(low, axis[j]), as_of) == expected, (low, axis[j])


def test_every_test_on_an_unknown_reading_is_unknown() -> None:
    reading = m.Reading("x", None, None, "not_recorded", None, "not_recorded")
    week = duration("7 days")
    tests: list[tuple[m.FactType, m.Test]] = [
        ("boolean", m.BooleanTest("x", True)),
        ("choice", m.ChoiceTest("x", ("a",))),
        ("quantity", m.BetweenTest("x", 0, 1)),
        ("quantity", m.UlnTest("x", "above_uln", 1)),
        *(("quantity", m.LimitTest("x", op, 0)) for op in LIMITS),
        *(("date", m.AgoTest("x", op, week)) for op in AGO),
        ("date", m.DayTest("x", "on_or_after", AS_OF)),
        ("date", m.DayTest("x", "on_or_before", AS_OF)),
        ("date", m.EverTest("x", True)),
        ("date", m.EverTest("x", False)),
    ]
    for kind, test in tests:
        assert truth(test, fact("x", kind, choices=choices("a")), reading) == "U", test
