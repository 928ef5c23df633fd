"""The plan's questions answered the long way: every day, every completion, every set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import chain, combinations, product
from math import prod

from engine import terms as m
from engine.plan.days import day_of, day_with
from engine.plan.planner import Planner
from engine.plan.roots import Root
from engine.plan.search import Steps, World
from engine.reference import evaluator as reference
from engine.reference import measures
from engine.terms import calendar
from engine.terms.units import conversion
from tests.generators import Choices, Seeded, pooled, subject_in

Held = tuple[int | None, ...]
"""A state of each open root, or None where it stays as it is."""


@cache
def planner(seed: int) -> Planner:
    """A planner for one of the shared packs."""
    return Planner(pooled(seed).screener)


def people(seeds: range, each: int) -> Iterator[tuple[int, Planner, m.Subject, date]]:
    """Made-up subjects of made-up packs."""
    for seed in seeds:
        one = pooled(seed)
        for number in range(each):
            recorded, as_of = one.subject(Seeded(f"plan {seed} {number}"))
            yield seed, planner(seed), subject_in(recorded, one.protocol), as_of


def world_of(made: Planner, subject: m.Subject, as_of: date) -> tuple[World, bool]:
    return made.world(subject, day_of(made.protocol, subject, as_of), Steps())


def statuses_on(protocol: m.Protocol, subject: m.Subject, on: date) -> dict[str, m.Status]:
    """One day's screening by the plain evaluator."""
    truths = reference.truths(protocol, reference.readings(protocol, subject, on), on)
    return reference.statuses(protocol, reference.answers(protocol, truths))


class Completions:
    """The verdict under every combination of states, with and without each open root."""

    MOST = 2_500

    def __init__(self, world: World, roots: tuple[Root, ...]) -> None:
        self.roots = roots
        self.sizes = [len(world.states[root]) for root in roots]
        self.verdicts: dict[Held, m.Verdict] = {}
        for held in product(*[(None, *range(size)) for size in self.sizes]):
            some = {r: s for r, s in zip(roots, held, strict=True) if s is not None}
            readings = world.readings(some)
            self.verdicts[held] = day_with(world.shape.protocol, readings, world.on).verdict

    @classmethod
    def fit(cls, world: World, roots: tuple[Root, ...]) -> bool:
        return prod(len(world.states[root]) + 1 for root in roots) <= cls.MOST

    def complete(self) -> list[Held]:
        return [held for held in self.verdicts if None not in held]

    def sufficient(self, some: frozenset[Root]) -> bool:
        """Whether recording these facts decides the verdict, whatever they come to."""
        return all(
            verdict != "undetermined"
            for held, verdict in self.verdicts.items()
            if all((s is not None) == (r in some) for r, s in zip(self.roots, held, strict=True))
        )

    def smallest(self) -> set[frozenset[Root]]:
        """The sufficient sets of the smallest size."""
        for size in range(len(self.roots) + 1):
            found = {
                frozenset(some)
                for some in combinations(self.roots, size)
                if self.sufficient(frozenset(some))
            }
            if found:
                return found
        return set()

    def without(self, held: Held, root: Root) -> Held:
        at = self.roots.index(root)
        return (*held[:at], None, *held[at + 1 :])

    def matters(self, root: Root) -> bool:
        """Whether some completion leaves the verdict open without this root, decided with it."""
        return any(
            self.verdicts[held] != "undetermined" == self.verdicts[self.without(held, root)]
            for held in self.complete()
        )

    def changes(self, root: Root) -> bool:
        """Whether two completions that differ in this root alone differ in the verdict."""
        found: dict[Held, m.Verdict] = {}
        for held in self.complete():
            known = found.setdefault(self.without(held, root), self.verdicts[held])
            if known != self.verdicts[held]:
                return True
        return False


def subsets(roots: tuple[Root, ...]) -> Iterator[frozenset[Root]]:
    sizes = range(len(roots) + 1)
    yield from map(frozenset, chain.from_iterable(combinations(roots, n) for n in sizes))


# --- completions as somebody could record them ------------------------------------------------


def completed(
    c: Choices, made: Planner, subject: m.Subject, as_of: date, root: Root
) -> m.Subject | None:
    """The subject with one root settled as it may be, by what is then recorded; or None."""
    if root.startswith("records."):
        return _list_settled(c, made, subject, as_of, root.removeprefix("records."))
    fact = made.protocol.facts[root]
    reading = reference.readings(made.protocol, subject, as_of)[root]
    said = m.Statement("made", on=as_of, by="Dr A. Example")
    known = reading.low is not None and reading.high is not None
    if fact.type == "boolean":
        said = replace(said, value=c.chance(50))
    elif fact.type == "choice":
        said = replace(said, value=c.of(fact.choices).code)
    elif fact.type == "date":
        today = as_of.toordinal()
        days = made_days(c, made, root, as_of)
        if known:
            assert reading.low is not None and reading.high is not None
            days = [n for n in days if reading.low <= n <= reading.high] + [reading.high]
        elif fact.name == "birth_date" or fact.changes == "never":
            days = [n for n in days if 1 <= n <= today] or [today]
        number = c.of(days)
        value: m.Recorded = "never"
        if number > m.PAST:
            value = m.Days(date.fromordinal(number), date.fromordinal(number))
        said = replace(said, value=value)
    else:
        low, high = fact.range_u or (-400 * m.MILLION, 400 * m.MILLION)
        if known:
            assert reading.low is not None and reading.high is not None
            low, high = max(low, reading.low), min(high, reading.high)
        limits = [n + step for n in _limits(made, root) for step in (-1, 0, 1)]
        number = c.of([*limits, low, high, c.whole(low, high)])
        said = replace(said, value=m.Amount(max(low, min(high, number)), fact.unit))
        limit = fact.uln_u or 40 * m.MILLION
        own = c.of([limit, m.MILLION, max(1, abs(number) // c.whole(1, 6))])
        if reading.times_uln is None:
            said = replace(said, uln_u=own)
        else:
            # The limits that are known stay: only the value is settled.
            limits_known = {
                _own_limit(fact, s) for s in subject.facts.get(root, ()) if not s.voided
            }
            said = replace(said, uln_u=limits_known.pop() if len(limits_known) == 1 else None)
    return replace(subject, facts={**subject.facts, root: (said,)})


def _own_limit(fact: m.Fact, said: m.Statement) -> int | None:
    """The limit of normal beside a value, in the fact's unit."""
    if said.uln_u is None or not isinstance(said.value, m.Amount):
        return said.uln_u
    factor, _ = conversion(said.value.unit, fact.unit, fact.molar_mass, fact.also_in)
    return max(1, round(said.uln_u * factor))


def made_days(c: Choices, made: Planner, root: Root, as_of: date) -> list[int]:
    """Days near the turns of every test, and some far ones."""
    today = as_of.toordinal()
    ago = [
        _ago(test, as_of, early=early)
        for test in made.tests
        if isinstance(test, m.AgoTest)
        for early in (False, True)
    ]
    fixed = [test.day.toordinal() for test in made.tests if isinstance(test, m.DayTest)]
    years = [today - round(365.25 * (n // m.MILLION)) for n in _limits(made, "")]
    base = [m.NEVER, today, 40, *ago, *fixed, *(n for n in years if n > 1)]
    return [n if n == m.NEVER else max(1, n + c.whole(-2, 2)) for n in base] + [
        c.whole(max(1, today - 9_000), today + 60)
    ]


def _ago(test: m.AgoTest, as_of: date, *, early: bool) -> int:
    return (calendar.back(as_of, test.duration, early=early) or date.min).toordinal()


def _limits(made: Planner, name: str) -> list[int]:
    found: list[int] = []
    for test in made.tests:
        if name in ("", test.fact):
            if isinstance(test, m.LimitTest):
                found.append(test.limit_u)
            elif isinstance(test, m.BetweenTest):
                found += [test.low_u, test.high_u]
    return found


def _list_settled(
    c: Choices, made: Planner, subject: m.Subject, as_of: date, name: str
) -> m.Subject:
    record = made.protocol.records[name]
    listed = subject.records.get(name, m.Entries(None, ()))
    said = listed.complete_on
    closed = (
        said is not None
        and said.toordinal()
        <= as_of.toordinal()
        <= (measures.later(said.toordinal(), record.valid_for)[0])
    )
    entries = [_settled(c, made, record, entry, as_of) for entry in listed.entries]
    if not closed:
        blank = m.Entry("made", {})
        entries += [_settled(c, made, record, blank, as_of) for _ in range(c.whole(0, 3))]
    records = {**subject.records, name: m.Entries(as_of, tuple(entries))}
    return replace(subject, records=records)


def _settled(
    c: Choices, made: Planner, record: m.RecordList, entry: m.Entry, as_of: date
) -> m.Entry:
    """An entry with every gap filled in."""
    if entry.voided:
        return entry
    values: dict[str, m.Recorded | tuple[str, ...]] = dict(entry.values)
    if entry.known:  # what it was is found out: one of the things that its text can stand for
        values |= c.of(_ways(record, entry))
        entry = replace(entry, known=(), exact=False)
    today = as_of.toordinal()
    for name, field in record.fields.items():
        value = values.get(name)
        if field.type == "date":
            low, high = 1, today
            if isinstance(value, m.Days) and value.first <= as_of:
                low, high = value.first.toordinal(), min(value.last.toordinal(), today)
            elif value == "ongoing":
                continue
            days = [n for n in made_days(c, made, "", as_of) if low <= n <= high]
            day = date.fromordinal(c.of([*days, low, high]))
            values[name] = m.Days(day, day)
        elif isinstance(value, m.Amount) and value.sign:
            values[name] = _uncensored(c, value)
        elif isinstance(value, tuple):
            codes = [choice.code for choice in field.choices]
            values[name] = tuple(code or c.of(codes) for code in value)
        elif value is None:
            values[name] = _any_value(c, field)
    return replace(entry, values=values)


def _ways(record: m.RecordList, entry: m.Entry) -> list[dict[str, m.Recorded | tuple[str, ...]]]:
    found: list[dict[str, m.Recorded | tuple[str, ...]]] = [] if entry.exact else [{}]
    for name in entry.known:
        for use in record.known[name].uses:
            way: dict[str, m.Recorded | tuple[str, ...]] = {record.known_by: name}
            agrees = True
            for field, codes in use.items():
                stated = entry.values.get(field)
                held = stated if isinstance(stated, tuple) else () if stated is None else (stated,)
                agrees = agrees and {*held} - {""} <= {*codes}
                if record.fields[field].many:
                    own = [code for code in held if isinstance(code, str)] if entry.exact else []
                    way[field] = (*own, *codes)
                else:
                    way[field] = codes[0]
            if agrees or not entry.exact:
                found.append(way)
    return found


def _uncensored(c: Choices, value: m.Amount) -> m.Amount:
    step = c.of([1, m.MILLION, 5 * m.MILLION])
    down = max(0, value.amount_u - step)
    return m.Amount(down if value.sign[0] == "<" else value.amount_u + step, value.unit)


def _any_value(c: Choices, field: m.Field) -> m.Recorded | tuple[str, ...]:
    if field.type == "boolean":
        return c.chance(50)
    if field.type == "text":
        return c.of(("alpha", "beta", "gamma", "another"))
    if field.type == "choice":
        codes = [choice.code for choice in field.choices]
        return tuple(c.some(codes, 1, 3)) if field.many else c.of(codes)
    return m.Amount(c.of([5_000_000, 2_500_000, 1]), field.unit)


def truth_vector(
    made: Planner, readings: Mapping[str, m.Reading], root: Root, as_of: date
) -> tuple[int, ...]:
    return made.roots.vector(readings, made.roots.alone(root), as_of.toordinal())


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count + 1)]


def named(records: str, listed: m.Entries) -> m.Entries:
    """A list whose entries say where in a file they stand, as a reader would."""
    entries = tuple(
        replace(entry, entry=f"records.{records}.entries[{n}]")
        for n, entry in enumerate(listed.entries)
    )
    return replace(listed, entries=entries)
