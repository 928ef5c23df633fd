"""The days on which time alone can change a truth, and the stretches between them.

INVARIANT: between two days of `change_days` every truth of every condition is constant. Each
end of a reading is a recorded day, the as-of date, `never` or *unbounded past* (SEMANTICS 4
to 6). It changes from one to another only where a statement or a confirmation begins to count
or lapses, and at either end of a recorded date. A test on an end that is a recorded day turns
a fixed length after that day (on two days, where the month-end rules differ); on an end that
is the as-of date it is constant, save against a fixed day, on which it turns, and in
`days_between`, where it turns a fixed number of days from the other end. All these days are
candidates; more than needed do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from engine import terms as m
from engine.plan.loose import is_loose
from engine.reference import evaluator as reference
from engine.regions.axis import turns
from engine.select.lists import relied_on
from engine.terms.calendar import earliest, latest, of_year
from engine.terms.condition import ends_of, limits_named
from engine.terms.dictionary import derived_from
from engine.terms.protocol import is_birth_date


@dataclass(frozen=True, slots=True)
class Day:
    """What the reference evaluator says of one day."""

    on: date
    readings: Mapping[str, m.Reading]
    truths: Mapping[str, m.Truth]
    statuses: Mapping[str, m.Status]
    verdict: m.Verdict


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive days, `first` to `last` included, on which every criterion stands alike."""

    first: date
    last: date
    start: Day


def day_of(protocol: m.Protocol, subject: m.Subject, on: date) -> Day:
    """The subject on one day, by the reference evaluator."""
    return day_with(protocol, reference.readings(protocol, subject, on), on)


def day_with(protocol: m.Protocol, readings: Mapping[str, m.Reading], on: date) -> Day:
    """One day on which the facts come to `readings`."""
    truths = reference.truths(protocol, readings, on)
    statuses = reference.statuses(protocol, reference.answers(protocol, truths))
    return Day(on, readings, truths, statuses, reference.verdict(statuses))


def tests_of(protocol: m.Protocol) -> tuple[m.Test, ...]:
    """Every different test of the protocol's criteria, in the protocol's order."""
    found: dict[m.Test, None] = {}

    def walk(condition: m.Condition) -> None:
        for one in ends_of(condition):
            if isinstance(one, m.Defined):
                walk(protocol.definitions[one.name])
            elif not isinstance(one, m.Todo):
                found[one] = None

    for criterion in protocol.criteria:
        walk(criterion.holds_when)
    return tuple(found)


def last_day(protocol: m.Protocol, subject: m.Subject, as_of: date, until: date) -> date:
    """`until`, or the day before a birth date begins to count that lies after that day.

    From then on the subject would be refused, so nothing can be said of it.
    """
    for name, statements in subject.facts.items():
        if name in protocol.facts and is_birth_date(protocol, protocol.facts[name]):
            for said in statements:
                if (
                    not said.voided
                    and said.first is not None
                    and said.first > as_of
                    and isinstance(said.value, m.Days)
                    and said.value.first > said.first
                ):
                    until = min(until, said.first - timedelta(days=1))
    return until


def change_days(
    protocol: m.Protocol, tests: Iterable[m.Test], subject: m.Subject, after: date, until: date
) -> list[date]:
    """The days after `after`, up to `until`, on which any of `tests` may change by time alone.

    Where a test stands as a fact these are all days.
    """
    found: set[int] = set()
    roots: set[str] = set()
    tests = tuple(tests)
    if any(is_loose(test.fact) for test in tests):
        found.update(range(after.toordinal() + 1, until.toordinal() + 1))
        tests = tuple(test for test in tests if not is_loose(test.fact))
    for test in tests:
        ends = _ends(protocol, subject, test.fact, found, roots)
        turning = turns(test, protocol.facts[test.fact], limits_named(test))
        _shifted(found, ends, turning.lengths)
        found |= {day.toordinal() + n for day in turning.days for n in (0, 1)}
        found |= {end + sign * n for end in ends for n in turning.spans for sign in (1, -1)}
    for name in roots:
        for statement in subject.facts.get(name, ()):
            found.update(_slips(statement, after, until))
    low, high = after.toordinal(), until.toordinal()
    return [date.fromordinal(number) for number in sorted(found) if low < number <= high]


def in_doubt(test: m.Test, reading: m.Reading) -> bool:
    """Whether the calendar alone leaves a test open that is unknown: the next day settles it."""
    known = reading.low is not None and reading.low == reading.high
    return reading.reason == "calendar" or (known and isinstance(test, m.AgoTest))


def _shifted(found: set[int], ends: Iterable[int], durations: Sequence[m.Duration]) -> None:
    for end in ends:
        for duration in durations:
            for add in (earliest, latest):
                day = add(date.fromordinal(end), duration)
                if day is not None:
                    found |= {day.toordinal(), day.toordinal() + 1}


def _ends(
    protocol: m.Protocol, subject: m.Subject, name: str, found: set[int], roots: set[str]
) -> set[int]:
    """The recorded days that an end of the date `name` may be; switching days go to `found`.

    For a quantity that is counted from dates, the ends of those dates.
    """
    fact = protocol.facts[name]
    derive = fact.derive
    if derive is not None and not isinstance(derive, m.FromList):
        others = derived_from(fact)
        return set().union(*(_ends(protocol, subject, one, found, roots) for one in others))
    if derive is None:
        statements = subject.facts.get(name, ())
        if name not in roots:
            roots.add(name)
            _lapses(found, (s.first for s in statements if not s.voided), fact.valid_for)
        ends = {day for s in statements if not s.voided for day in _days(s.value)}
    else:
        listed = subject.records.get(derive.records, m.Entries(None, ()))
        _lapses(found, [listed.complete_on], protocol.records[derive.records].valid_for)
        ends = set()
        if isinstance(derive, m.LatestOf | m.EarliestOf):
            for entry in listed.entries:
                if not entry.voided:
                    ends |= set(_days(entry.values.get(derive.field)))
    found |= ends
    found |= {end + 1 for end in ends}
    return ends


def _days(value: object) -> tuple[int, ...]:
    return (value.first.toordinal(), value.last.toordinal()) if isinstance(value, m.Days) else ()


def _slips(statement: m.Statement, after: date, until: date) -> Iterator[int]:
    """The days on which a statement of a later year begins, or ceases, to be one that may be
    of the current year (SEMANTICS 4)."""
    first = statement.first
    if statement.voided or first is None or first.year <= after.year:
        return
    for year in range(after.year, until.year + 1):
        yield date(year, 1, 1).toordinal()
        yield of_year(first, year).toordinal()


def _lapses(found: set[int], days: Iterable[date | None], valid_for: m.Duration | None) -> None:
    """The days on which something dated begins to count, and on which it has gone stale."""
    for day in days:
        if day is not None:
            found.add(day.toordinal())
            until = earliest(day, valid_for) if valid_for is not None else None
            if until is not None:
                found.add(until.toordinal() + 1)


def stretches(
    protocol: m.Protocol,
    tests: Sequence[m.Test],
    subject: m.Subject,
    as_of: date,
    until: date,
    look: Callable[[m.Subject, date], Day],
) -> tuple[Stretch, ...]:
    """The days from `as_of` to `until` as stretches, by looking at the change days only."""
    days = [as_of, *change_days(protocol, tests, subject, as_of, until)]
    kept: list[Day] = []
    for on in days:
        day = look(subject, on)
        if not kept or day.statuses != kept[-1].statuses:
            kept.append(day)
    ends = [day.on - timedelta(days=1) for day in kept[1:]] + [until]
    return tuple(Stretch(day.on, end, day) for day, end in zip(kept, ends, strict=True))


# --- keeping results current ------------------------------------------------------------


def kept_current(protocol: m.Protocol, today: Day, subject: m.Subject) -> m.Protocol:
    """The protocol under which what is known on that day never goes stale.

    It serves to ask what would be if every result were repeated in time with the same value;
    `renewed` makes the subject of whom the real protocol says so.
    """
    facts = {
        name: replace(fact, valid_for=None)
        if fact.derive is None and fact.valid_for and today.readings[name].low is not None
        else fact
        for name, fact in protocol.facts.items()
        if fact.type != "text"
    }
    ages = m.Duration(date.max.toordinal(), 0)
    records = {
        name: replace(record, valid_for=ages)
        if confirmed(protocol, subject, name, today.on)
        else record
        for name, record in protocol.records.items()
    }
    return replace(protocol, facts=facts, records=records)


def confirmed(protocol: m.Protocol, subject: m.Subject, records: str, on: date) -> bool:
    """Whether a list may be relied on as complete on a day (SEMANTICS 5)."""
    return relied_on(protocol.records[records], subject.records.get(records), on)


def renewed(protocol: m.Protocol, lasting: m.Protocol, subject: m.Subject, on: date) -> m.Subject:
    """The subject whose lapsed results were repeated on day `on`, with the same values.

    `lasting` is the protocol of `kept_current`: what it still relies on is what is repeated.
    """
    facts = dict(subject.facts)
    for name, fact in lasting.facts.items():
        real = protocol.facts[name]
        if fact.derive is None and fact.valid_for is None and real.valid_for is not None:
            facts[name] = (*facts.get(name, ()), *_repeated(facts.get(name, ()), on))
    records = {
        name: replace(listed, complete_on=on) if confirmed(lasting, subject, name, on) else listed
        for name, listed in subject.records.items()
    }
    return replace(subject, facts=facts, records=records)


def _repeated(statements: Iterable[m.Statement], on: date) -> Iterator[m.Statement]:
    """The dated statements that count on a day, as they would be stated on that day."""
    reached = [s for s in statements if not s.voided and s.first is not None and s.first <= on]
    latest = max((s.first for s in reached if s.first is not None), default=None)
    return (replace(s, on=on, within=None) for s in reached if s.first == latest and latest != on)
