"""Slips planted on purpose, each of a kind that once led to a wrong *eligible*: the project's own
checks find every one of them within a few hundred generated subjects, or in the broken fixtures.

A slip in one derivation is found by the other. One that misleads both alike, in the reader, is
found by a property or by a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis.errors import UnsatisfiedAssumption

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine import terms as m
from engine.decide.decision import Screener
from engine.read import conditions, recorded
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.select import lists, matching, readings
from engine.select.readings import find_readings, readings_only
from engine.terms import calendar
from engine.terms.faults import EngineFault, InputRejected
from tests import test_bad_files as bad_files
from tests.generators import Screening, Seeded, ending_with_what_decides, pooled
from tests.properties import test_calendar as of_months
from tests.properties import test_evidence as evidence
from tests.properties import test_packs as limits
from tests.properties import test_passed_over as over

SCREENED = 600
FIXTURES = Path(__file__).parents[2] / "fixtures" / "subjects"


def screened() -> Iterator[Screening]:
    """The generated subjects, some of each pack."""
    for number in range(SCREENED):
        one = pooled(number % 30)
        yield Screening(one, *one.subject(Seeded(f"planted {number}")))


def ending() -> Iterator[Screening]:
    """Typical subjects but for the last entry of their last list."""
    for number in range(SCREENED // 4):
        one, c = pooled(number), Seeded(f"planted {number}")
        facts, records = ending_with_what_decides(c, one.targets, one.as_of, one.typical)
        yield Screening(one, one.typical | {"facts": facts, "records": records}, one.as_of)


# --- checks: each raises what its test would ------------------------------------------------


def by_the_other_derivation() -> None:
    for one in screened():
        try:
            subject = one.subject()
        except InputRejected:
            continue
        found = readings_only(find_readings(one.case.protocol, subject, one.as_of))
        assert found == reference.readings(one.case.protocol, subject, one.as_of)


def by_crowded_facts() -> None:
    """The crowded lists and statements of `test_evidence`, by both derivations."""
    c = Seeded("planted")
    for _ in range(SCREENED):
        listed = [
            (c.of(["a", "a", "b", None]), c.of([*evidence.DAYS, "ongoing", None]), c.chance(20))
            for _ in range(c.whole(0, 5))
        ]
        on = c.of([None, evidence.TODAY, date(2026, 11, 1)])
        confirmed = m.Entries(on, evidence.entries(listed))
        subject = m.Subject("S", {}, {"therapy": confirmed})
        evidence.holds_of_lists(evidence.CROWDED, subject, evidence.TODAY)
        found = readings_only(find_readings(evidence.CROWDED, subject, evidence.TODAY))
        assert found == reference.readings(evidence.CROWDED, subject, evidence.TODAY)


def by_property(
    test: Any,
    *more: Callable[[int], object],
    people: Callable[[], Iterator[Screening]] = screened,
) -> Callable[[], None]:
    """A property test, on the generated subjects."""

    def check() -> None:
        for number, one in enumerate(people()):
            try:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(over, "assume", _assumed)
                    test.hypothesis.inner_test(one, *(draw(number) for draw in more))
            except (UnsatisfiedAssumption, InputRejected):
                continue

    check.__qualname__ = str(test.__name__)
    return check


def _assumed(so: object) -> None:
    if not so:
        raise UnsatisfiedAssumption


def by_month_ends() -> None:
    relied_on: Any = of_months.test_a_result_is_relied_on_no_longer_than_the_shorter_rule_says
    for on in (date(2026, 1, 31), date(2028, 1, 30), date(2028, 2, 29), date(2026, 8, 31)):
        for later in range(30, 41):
            relied_on.hypothesis.inner_test(on, 1, later)


def by_the_broken_files() -> None:
    for path in bad_files.SUBJECTS:
        bad_files.test_a_broken_subject_gives_all_its_faults_with_their_places(path)


def by_cut_files() -> None:
    """Subjects who are not eligible by what their lists hold, cut at the end of any line."""
    shipped, as_of = read_pack(shipped_pack()), date(2026, 11, 20)
    paths = [p for n in ("28", "38", "39", "40") for p in FIXTURES.glob(f"CAR-0{n}*.yaml")]
    assert len(paths) == 4
    with Screener(shipped) as screener:
        for path in paths:
            lines = path.read_bytes().splitlines(keepends=True)
            for kept in range(1, len(lines) + 1):
                try:
                    subject = read_subject(b"".join(lines[:kept]), path.name, shipped, as_of)
                except InputRejected:
                    continue
                assert screener.trace(subject, as_of).verdict != "eligible", (path.name, kept)


def by_limits_with_a_unit() -> None:
    for mark in limits.test_a_limit_is_converted_as_its_unit_says.pytestmark:  # type: ignore[attr-defined]
        for row in mark.args[1]:
            limits.test_a_limit_is_converted_as_its_unit_says(*row)


# --- slips ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slip:
    """A function put in place of one of the project's, and the check that finds it."""

    name: str
    where: Any
    what: str
    made: Callable[[Any], Any]
    found_by: Callable[[], None]


def _statements_as(change: Callable[[m.Statement], m.Statement | None]) -> Any:
    """A slip in how one derivation reads the statements of a fact."""

    def made(real: Any) -> Any:
        def recorded(fact: m.Fact, statements: Iterable[m.Statement], as_of: date) -> Any:
            changed = (change(one) for one in statements)
            return real(fact, tuple(one for one in changed if one is not None), as_of)

        return recorded

    return made


def _dated(one: m.Statement) -> m.Statement | None:
    return None if one.last is None else one


def _not_voided(one: m.Statement) -> m.Statement:
    return replace(one, voided=False, value=one.struck) if one.struck is not None else one


def _full_day(one: m.Statement) -> m.Statement:
    return replace(one, on=one.last, within=None, not_after=None) if one.last else one


def _read_as(change: Callable[[m.Entries], m.Entries]) -> Any:
    """A slip of the reader in what it makes of a list."""

    def made(real: Any) -> Any:
        def read(*given: Any) -> Any:
            found = real(*given)
            return None if found is None else change(found)

        return read

    return made


def _absent_is_none(real: Any) -> Any:
    def entries(sheet: Any, record: Any, value: Any) -> Any:
        if isinstance(value, dict) and value.get("entries") is None:
            value = {**value, "entries": []}
        return real(sheet, record, value)

    return entries


def _reader_drops_undated(real: Any) -> Any:
    def read(*given: Any) -> Any:
        found = real(*given)
        return tuple(one for one in found if one.last) or found

    return read


_reader_takes_an_entry_less = _read_as(lambda one: replace(one, entries=one.entries[:1]))


def _unit_dropped(real: Any) -> Any:
    def limit(self: Any, sheet: Any, path: Any, fact: Any, value: Any) -> Any:
        if isinstance(value, dict):
            value = value.get("value")
        return real(self, sheet, path, fact, value)

    return limit


def _cited(which: Callable[[list[Any]], list[Any]]) -> Any:
    def made(real: Any) -> Any:
        return lambda listed, *more: which(real(listed, *more) or list(listed))

    return made


def _a_day_longer(real: Any) -> Any:
    def until(day: date, duration: m.Duration) -> date | None:
        found = real(day, duration)
        return None if found is None else found + timedelta(days=1)

    return until


ONE = by_the_other_derivation
CROWD = by_crowded_facts
MORE = by_property(over.test_more_entries_than_were_confirmed_confirm_nothing, lambda n: n % 3 + 1)
CUT = by_property(
    over.test_a_file_that_was_cut_never_makes_anyone_eligible, lambda n: 2 * n, people=ending
)
HELD = by_property(evidence.test_a_subject_holds_every_value_and_entry_of_its_file)
BOTH = (("readings", readings, "recorded_reading"), ("reference", reference, "_recorded"))

SLIPS = [
    slip
    for name, module, one in BOTH
    for slip in (
        Slip(f"an undated statement is dropped ({name})", module, one,
             _statements_as(_dated), ONE),
        Slip(f"a voided statement counts ({name})", module, one,
             _statements_as(_not_voided), ONE),
        Slip(f"a partial day is its last ({name})", module, one,
             _statements_as(_full_day), ONE),
    )
] + [
    Slip("the older decides", readings, "_could_decide",
         lambda _: lambda fact, one, newest: newest is None or one.first != newest, ONE),
    Slip("a slip of the year is not thought of", readings, "_slip",
         lambda _: lambda *given: False, ONE),
    Slip("the first of two that differ decides", readings, "_newest_of",
         lambda real: lambda fact, chosen, newest, as_of: real(fact, chosen[:1], newest, as_of),
         ONE),
    Slip("what never changes takes its first value", readings, "_shared",
         lambda real: lambda chosen, ends: (*ends[0], None), ONE),
    Slip("a result is relied on a day longer", readings, "earliest", _a_day_longer, ONE),
    Slip("a month ends late", readings, "earliest", lambda _: calendar.latest, by_month_ends),
    Slip("what may match matches", matching, "_match",
         lambda real: lambda *given: True if real(*given) is False else real(*given), CROWD),
    Slip("what may match does not", matching, "_match",
         lambda real: lambda *given: real(*given) or None, CROWD),
    Slip("any list is confirmed", lists, "relied_until",
         lambda _: lambda record, listed, where, as_of: date.max if listed else None, CROWD),
    Slip("an entry whose day is open is over", lists, "_entry_days",
         lambda real: lambda entry, field, as_of: real(entry, field, as_of) or (1, 1), CROWD),
    Slip("the last of the cited is cited for the latest day", lists, "_latest_cited",
         _cited(lambda cited: cited[-1:]), CROWD),
    Slip("one too many is cited for the latest day", lists, "_latest_cited",
         lambda real: lambda listed, *more: list(listed), CROWD),
    Slip("only the first is cited for the earliest day", lists, "_earliest_cited",
         _cited(lambda cited: cited[:1]), CROWD),
    Slip("`entries` that are absent are none", recorded, "entries_of", _absent_is_none,
         by_the_broken_files),
    Slip("the reader drops an undated statement", recorded, "statements_of",
         _reader_drops_undated, HELD),
    Slip("the reader takes the first entry of a list alone", recorded, "entries_of",
         _reader_takes_an_entry_less, HELD),
    Slip("a file that was cut confirms", recorded, "entries_of",
         _read_as(lambda one: replace(one, doubt=None)), by_cut_files),
    Slip("a file that was cut confirms (made up)", recorded, "entries_of",
         _read_as(lambda one: replace(one, doubt=None)), CUT),
    Slip("more entries than `count` are confirmed", recorded, "entries_of",
         _read_as(lambda one: replace(one, count=None, doubt=None)), MORE),
    Slip("a field that a known agent contradicts stands", recorded, "read_uses",
         lambda _: lambda sheet, path, record, entry: (entry,), by_the_broken_files),
    Slip("a limit's unit is dropped", conditions.Conditions, "limit",
         _unit_dropped, by_limits_with_a_unit),
]  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_planted_slip_is_found(slip: Slip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slip.where, slip.what, slip.made(getattr(slip.where, slip.what)))
    with pytest.raises((AssertionError, EngineFault, pytest.fail.Exception)):
        slip.found_by()


@pytest.mark.parametrize(
    "check", dict.fromkeys(slip.found_by for slip in SLIPS), ids=lambda check: check.__qualname__
)
def test_without_a_slip_the_checks_find_nothing(check: Callable[[], None]) -> None:
    check()
