"""What time alone changes of a test, on which day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta

from engine import terms as m
from engine.explain.evidence import under_way
from engine.select.found import Found
from engine.select.lists import relied_on
from engine.terms.calendar import earliest, latest
from engine.terms.dictionary import derived_from

Add = Callable[[date, m.Duration], date | None]
"""A month-end rule: what date + n months is (engine.terms.calendar)."""


class Turns:
    """The days on which tests on one subject turn, nothing new recorded."""

    def __init__(
        self, protocol: m.Protocol, subject: m.Subject, found: Mapping[str, Found], as_of: date
    ) -> None:
        self.protocol, self.subject, self.found, self.as_of = protocol, subject, found, as_of
        self._growing: dict[str, bool] = {}

    def turn(self, test: m.Test, truth: m.Truth, found: Found, add: Add) -> date | None:
        """The day on which a date or age test's truth turns, by the calendar alone."""
        reading = found.reading
        if reading.low is None or reading.high is None or truth == "unknown":
            return None
        fact = self.protocol.facts[test.fact]
        if isinstance(test, m.LastingTest):
            test = m.AgoTest(test.fact, "at_least_ago", test.duration)
        if isinstance(test, m.AgoTest):
            if under_way(fact, found):
                return None
            # The earliest day of the interval is the first to come of age.
            first = calendar_day(reading.low)
            return _ago_turn(test, truth, first, self.as_of, add) if first else None
        unit = counted_to_today(fact)
        if unit and isinstance(test, m.LimitTest | m.BetweenTest):
            (since,) = derived_from(fact)
            if self._moves(since):
                return None
            born = self.found[since].reading
            first = None if born.low is None else calendar_day(born.low)
            return _age_turn(test, unit, first, self.as_of, add) if first else None
        if isinstance(test, m.EverTest):
            first = calendar_day(reading.low)
            return first if first is not None and first > self.as_of else None
        return None

    def _fixed_ends(self, name: str) -> list[date]:
        """The ends of a date's reading that do not move with the as-of date."""
        fact = self.protocol.facts[name]
        if isinstance(fact.derive, m.CompletedYears | m.Completed):
            return [day for one in derived_from(fact) for day in self._fixed_ends(one)]
        if fact.type != "date":
            return []
        reading = self.found[name].reading
        days = [calendar_day(n) for n in (reading.low, reading.high) if n is not None]
        return [day for day in days if day is not None and day != self.as_of]

    def _moves(self, name: str) -> bool:
        """Whether a date is today because its entry says `ongoing`."""
        return under_way(self.protocol.facts[name], self.found[name])

    def moving(self, name: str) -> bool:
        """Whether a reading may be another tomorrow, though nothing turns or expires."""
        found, derive = self.found[name], self.protocol.facts[name].derive
        if isinstance(derive, m.ByTable):
            return bool(self.passing(name))
        if isinstance(derive, m.Formula):
            # An age in it is another on a birthday; a plain number is not.
            return any(self.protocol.facts[one].derive is not None for one in found.from_facts)
        return self.grows(name) or (
            isinstance(derive, m.DaysBetween | m.Completed)
            and any(self._moves(other) for other in found.from_facts)
        )

    def passing(self, name: str, years: Collection[int] | None = None) -> list[date]:
        """Days on which a number may be another by the calendar alone, the first of them among
        these: of an age, those on which so many years are completed, or the next one."""
        derive, reading = self.protocol.facts[name].derive, self.found[name].reading
        days: list[date | None] = []
        if isinstance(derive, m.ByTable):
            for at, selector in enumerate(derive.by):
                ends = {end for row in derive.rows for end in row.spans[at]}
                bands = {n for low, high in ends for n in (low // m.MILLION, high // m.MILLION + 1)}
                days += self.passing(selector, bands)
        elif isinstance(derive, m.CompletedYears) and not self.grows(name):
            born = self.found[derive.since].reading
            if self._moves(derive.since) or (born.high or 0) >= self.as_of.toordinal():
                days.append(next_day(self.as_of))
            age = 0 if reading.low is None else reading.low // m.MILLION
            sizes = [m.Duration(0, 12 * n) for n in years or (age, age + 1, age + 2) if n > 0]
            for end in self._fixed_ends(name):
                days += [add(end, size) for size in sizes if size.months < 12 * 10_000
                         for add in (earliest, latest)]  # fmt: skip
        elif self.moving(name) or (reading.low != reading.high and derive is not None):
            days.append(next_day(self.as_of))
        return [day for day in days if day is not None and day > self.as_of]

    def grows(self, name: str) -> bool:
        """Whether a reading that may be a point today is an interval tomorrow.

        So is a partial date on the first of its days, and the latest entry of a list that
        nobody confirmed, if it is of today.
        """
        known = self._growing.get(name)
        if known is None:
            known = self._growing[name] = self._looks_growing(name)
        return known

    def _looks_growing(self, name: str) -> bool:
        found, derive = self.found[name], self.protocol.facts[name].derive
        if isinstance(derive, m.LatestOf) and found.reading.high == self.as_of.toordinal():
            listed = self.subject.records.get(derive.records)
            if not relied_on(self.protocol.records[derive.records], listed, self.as_of):
                return True
        days = [s.value for s in found.statements if isinstance(s.value, m.Days)]
        for entry in found.around:
            days += [value for value in entry.values.values() if isinstance(value, m.Days)]
        if any(value.first <= self.as_of < value.last for value in days):
            return True
        return any(self.grows(other) for other in found.from_facts)

    def widening(self, test: m.Test, truth: m.Truth, found: Found) -> list[date]:
        """Days on which an end of an imprecise date comes of age, or is reached."""
        fact, reading = self.protocol.facts[test.fact], found.reading
        if isinstance(test, m.FactLimitTest) or isinstance(fact.derive, m.ByTable):
            return [day for name in m.facts_of(test) for day in self.passing(name)]
        if isinstance(test, m.LastingTest):
            test = m.AgoTest(test.fact, "at_least_ago", test.duration)
        dates = [s.value for s in found.statements if isinstance(s.value, m.Days)]
        for entry in found.around:
            dates += [value for value in entry.values.values() if isinstance(value, m.Days)]
        ends = [end for value in dates for end in (value.first, value.last)]
        ends += self._fixed_ends(test.fact)
        days: list[date | None] = [v.first for v in dates if v.first != v.last]
        if isinstance(test, m.AgoTest):
            washout = test.op in ("at_least_ago", "more_than_ago")
            past = reading.high is not None and reading.high <= self.as_of.toordinal()
            if truth == ("true" if washout else "false") and past:
                return []  # long enough ago stays so
            reached = [add(end, test.duration) for end in ends for add in (earliest, latest)]
            if test.op in ("more_than_ago", "within_last"):
                reached = [next_day(day) for day in reached if day is not None]
            days += reached
        elif unit := counted_to_today(fact):
            sizes = age_limits(test, unit)
            days += [add(e, size) for e in ends for size in sizes for add in (earliest, latest)]
        elif isinstance(test, m.DayTest):
            days += ends
            if reading.high == self.as_of.toordinal():  # this end moves with the as-of date
                days.append(test.day if test.op == "on_or_after" else next_day(test.day))
        elif isinstance(test, m.EverTest):
            days += ends
        elif isinstance(fact.derive, m.DaysBetween | m.Completed) or (
            isinstance(fact.derive, m.Formula) and self.moving(test.fact)
        ):
            # An end that moves with the as-of date moves the count every day.
            days += [*ends, next_day(self.as_of)]
        return [day for day in days if day is not None and day > self.as_of]


def calendar_day(number: int) -> date | None:
    return None if number in (m.NEVER, m.PAST) else date.fromordinal(number)


def _ago_turn(test: m.AgoTest, truth: m.Truth, day: date, as_of: date, add: Add) -> date | None:
    washout = test.op in ("at_least_ago", "more_than_ago")
    if truth == "false" and not washout:  # it turns when the day comes, however long it counts
        return day if day > as_of else None
    reached = add(day, test.duration)
    if reached is None or (truth == "true" and washout):
        return None
    return next_day(reached) if test.op in ("more_than_ago", "within_last") else reached


def counted_to_today(fact: m.Fact) -> str:
    """The unit of a fact that counts whole ones up to the as-of date; "" for any other."""
    if isinstance(fact.derive, m.CompletedYears):
        return "a"
    return fact.derive.unit if isinstance(fact.derive, m.Completed) and not fact.derive.on else ""


def age_limits(test: m.Test, unit: str = "a") -> list[m.Duration]:
    """The whole years, months or weeks at which an age test's truth turns."""
    if isinstance(test, m.BetweenTest):
        whole = [test.low_u // m.MILLION, test.high_u // m.MILLION + 1]
    elif isinstance(test, m.LimitTest):
        after = test.op in ("above", "at_most")
        whole = [test.limit_u // m.MILLION + (1 if after else 0)]
    else:
        return []
    days, months = {"a": (0, 12), "mo": (0, 1), "wk": (7, 0)}[unit]
    return [m.Duration(days * n, months * n) for n in whole if n >= 0]


def _age_turn(test: m.Test, unit: str, born: date, as_of: date, add: Add) -> date | None:
    days = [add(born, size) for size in age_limits(test, unit)]
    return min((day for day in days if day is not None and day > as_of), default=None)


def next_day(day: date) -> date | None:
    """The day after; None at the end of the calendar."""
    return None if day == date.max else day + timedelta(days=1)
