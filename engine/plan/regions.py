"""How an open fact may come out: one representative for each region of its axis.

The limits that the rules name cut a fact's axis into regions; within a region no test can
tell one value from another, so one representative stands for all of it. What is recorded
together moves together: an age comes out with its birth date, and all that is derived from a
record list comes out with the list. Such a *root* is what a person would record.

A *completion* of a root is a point inside the readings it has now: any value where nothing
is known, any day of a partial date, a list with every open entry settled and, where the list
is not confirmed, with any entries added. A new result brings its upper limit of normal along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import chain, pairwise, product

from engine import terms as m
from engine.plan.days import confirmed
from engine.reference.evaluator import elapsed, truth_of
from engine.reference.measures import completed_years, interval
from engine.terms.agents import contradicted
from engine.terms.calendar import back
from engine.terms.condition import limits_named
from engine.terms.protocol import is_birth_date

MOST_STATES = 4_096
"""Ways in which one root may come out; beyond that the answer says it is not exhaustive."""

MOST_DAYS = 400
"""Days at which one date is looked at; the same."""

Root = str
"""A recorded fact's name, or a record list's name after `records.`."""

Range = tuple[int, int]
Truth3 = int
"""0 false, 1 unknown, 2 true."""
TRUTH3: Mapping[str, Truth3] = {"false": 0, "unknown": 1, "true": 2}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an axis: the values from `low` to `high`, and of a ratio to its limit."""

    low: int
    high: int
    times: tuple[Fraction | None, Fraction | None] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One way in which a root may come out, and the pieces of its axis that it stands for.

    `readings`: what the facts of this root alone come to, each a point.
    """

    readings: Mapping[str, m.Reading]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Ways:
    """Every way in which a root may come out; `exact` is false where some were left out."""

    states: tuple[State, ...]
    exact: bool = True


# --- which facts belong to which root ------------------------------------------------------


class Roots:
    """The roots of a protocol's facts, and the tests that look at them."""

    def __init__(self, protocol: m.Protocol, tests: Sequence[m.Test]) -> None:
        self.protocol = protocol
        self.of: dict[str, tuple[Root, ...]] = {}
        for name, fact in protocol.facts.items():
            if fact.type != "text":
                self._find(name)
        self.whole: dict[Root, Ways] = {}
        """Ways of roots of which nothing is known; kept for those that no day changes."""
        self.tests: dict[str, list[m.Test]] = {}
        for test in tests:
            self.tests.setdefault(test.fact, []).append(test)
        self.looked_at = self._looked_at()
        self.facts: dict[Root, list[str]] = {}
        for name in protocol.facts:
            if name in self.looked_at:
                for root in self.of[name]:
                    self.facts.setdefault(root, []).append(name)
        # A date that is counted to or from another date is never cut short.
        self.linked = {
            end
            for name in self.looked_at
            if isinstance(derive := protocol.facts[name].derive, m.DaysBetween)
            for end in (derive.start, derive.end)
        }

    def _find(self, name: str) -> tuple[Root, ...]:
        if name not in self.of:
            derive = self.protocol.facts[name].derive
            if derive is None:
                self.of[name] = (name,)
            elif isinstance(derive, m.CompletedYears):
                self.of[name] = self._find(derive.since)
            elif isinstance(derive, m.DaysBetween):
                both = (*self._find(derive.start), *self._find(derive.end))
                self.of[name] = tuple(dict.fromkeys(both))
            else:
                self.of[name] = (f"records.{derive.records}",)
        return self.of[name]

    def _looked_at(self) -> set[str]:
        """The facts that tests look at, and those that they are counted from."""
        found: set[str] = set()

        def look(name: str) -> None:
            found.add(name)
            derive = self.protocol.facts[name].derive
            if isinstance(derive, m.CompletedYears):
                look(derive.since)
            elif isinstance(derive, m.DaysBetween):
                look(derive.start)
                look(derive.end)

        for name in self.tests:
            look(name)
        return found

    def alone(self, root: Root) -> list[str]:
        """The facts that come from this root and no other."""
        return [name for name in self.facts[root] if self.of[name] == (root,)]

    def vector(
        self, readings: Mapping[str, m.Reading], names: Iterable[str], today: int
    ) -> tuple[Truth3, ...]:
        """The truths of every test on some facts."""
        facts = self.protocol.facts
        return tuple(
            TRUTH3[truth_of(test, readings[name], facts[name], today)]
            for name in names
            for test in self.tests.get(name, ())
        )


def derived(
    protocol: m.Protocol, name: str, readings: Mapping[str, m.Reading], today: int
) -> m.Reading:
    """The reading of a fact that is counted from dates, from the readings of those dates."""
    fact = protocol.facts[name]
    if isinstance(fact.derive, m.CompletedYears):
        now = m.Reading("", today, today, None)
        return elapsed(fact, readings[fact.derive.since], now, completed_years)
    assert isinstance(fact.derive, m.DaysBetween)
    start, end = readings[fact.derive.start], readings[fact.derive.end]
    return elapsed(fact, start, end, lambda a, b: (b - a, b - a))


def with_derived(
    roots: Roots, names: Iterable[str], readings: dict[str, m.Reading], today: int
) -> dict[str, m.Reading]:
    """`readings` and those of `names` that are counted from them."""

    def find(name: str) -> None:
        derive = roots.protocol.facts[name].derive
        if isinstance(derive, m.CompletedYears | m.DaysBetween) and name not in readings:
            for other in _sources(derive):
                find(other)
            readings[name] = derived(roots.protocol, name, readings, today)

    for name in names:
        find(name)
    return readings


def _sources(derive: m.CompletedYears | m.DaysBetween) -> tuple[str, ...]:
    if isinstance(derive, m.CompletedYears):
        return (derive.since,)
    return (derive.start, derive.end)


# --- the ways a root may come out ----------------------------------------------------------


def ways(
    roots: Roots,
    root: Root,
    subject: m.Subject,
    now: Mapping[str, m.Reading] | None,
    on: date,
) -> Ways:
    """Every way in which a root may come out on a day, merged where no test can tell.

    With `now`, what it may be given these readings; without, whatever a new statement may say.
    """
    if root.startswith("records."):
        states, exact = _of_list(roots, root.removeprefix("records."), subject, now or {}, on)
        return Ways(tuple(states)[:MOST_STATES], exact)
    reading = now[root] if now is not None else None
    if roots.protocol.facts[root].type == "date" or (reading and reading.low is not None):
        return _of_fact(roots, root, reading, now, on)
    if root not in roots.whole:
        roots.whole[root] = _of_fact(roots, root, None, None, on)
    return roots.whole[root]


def _of_fact(
    roots: Roots,
    root: Root,
    reading: m.Reading | None,
    now: Mapping[str, m.Reading] | None,
    on: date,
) -> Ways:
    today = on.toordinal()
    exact = True
    found: Iterable[State]
    fact = roots.protocol.facts[root]
    names = roots.alone(root)
    if fact.type == "date":
        days, exact = _days_of(roots, root, reading, now, on)
        found = [
            State(
                with_derived(roots, names, {root: m.Reading(root, n, n, None)}, today),
                (Part(n, n),),
            )
            for n in days
        ]
    elif fact.type == "quantity":
        found = _quantity(roots, fact, reading)
    else:
        size = len(fact.choices) if fact.type == "choice" else 2
        low, high = _ends(reading, 0, size - 1)
        found = [
            State({root: m.Reading(root, n, n, None)}, (Part(n, n),)) for n in range(low, high + 1)
        ]
    if root in roots.linked:
        return Ways(tuple(found), exact)
    merged: dict[tuple[Truth3, ...], State] = {}
    for state in found:
        key = roots.vector(state.readings, names, today)
        known = merged.get(key)
        merged[key] = replace(known, parts=known.parts + state.parts) if known else state
    return Ways(tuple(merged.values()), exact)


def _ends(reading: m.Reading | None, low: int, high: int) -> Range:
    """The ends of a reading, or of the whole axis where nothing is known."""
    if reading is None or reading.low is None or reading.high is None:
        return low, high
    return reading.low, reading.high


def _quantity(roots: Roots, fact: m.Fact, reading: m.Reading | None) -> Iterator[State]:
    tests = roots.tests.get(fact.name, [])
    bottom, top = fact.range_u if fact.range_u is not None else (-m.UNBOUNDED, m.UNBOUNDED)
    low, high = _ends(reading, bottom, top)
    cuts = sorted({limit for test in tests for limit in limits_named(test)})
    values = list(_cut(low, high, cuts))
    times = sorted({Fraction(t.times_u, m.MILLION) for t in tests if isinstance(t, m.UlnTest)})
    if not times:
        for part in values:
            point = _inside(part)
            one = m.Reading(fact.name, point, point, None, None, "no_limit")
            yield State({fact.name: one}, (Part(*part),))
        return
    known = reading.times_uln if reading is not None and reading.low is not None else None
    # A value and its limit are above zero together; zero is zero times any limit.
    for low, high in _cut_at_zero(values):
        sign = (high > 0) - (low < 0)
        for least, most, ratio in _ratios(times, known):
            if (ratio > 0) - (ratio < 0) == sign:
                point = _inside((low, high))
                one = m.Reading(fact.name, point, point, None, m.UlnRatio(ratio, ratio), None)
                yield State({fact.name: one}, (Part(low, high, (least, most)),))


def _cut(low: int, high: int, cuts: Sequence[int]) -> Iterator[Range]:
    """[low, high] in pieces: each cut a piece of its own."""
    for cut in cuts:
        if cut < low or cut > high:
            continue
        if low < cut:
            yield (low, cut - 1)
        yield (cut, cut)
        low = cut + 1
    if low <= high:
        yield (low, high)


def _cut_at_zero(parts: Iterable[Range]) -> Iterator[Range]:
    for low, high in parts:
        yield from _cut(low, high, [0])


def _inside(part: Range) -> int:
    """A point of a piece, near its finite end."""
    low, high = part
    return low if low > -m.UNBOUNDED else high if high < m.UNBOUNDED else 0


def _ratios(
    times: Sequence[Fraction], known: m.UlnRatio | None
) -> Iterator[tuple[Fraction | None, Fraction | None, Fraction]]:
    """Pieces of the axis of ratios, between the multiples the rules name: ends and a point.

    An end that is None is open; equal ends are the multiple itself. Zero is cut out as well.
    """
    cuts = sorted({*times, Fraction(0)})
    edges: list[Fraction | None] = [None, *cuts, None]
    for low, high in pairwise(edges):
        if low is not None and _within(low, known):
            yield low, low, low
        point = _between(low, high, known)
        if point is not None:
            yield low, high, point


def _within(ratio: Fraction, known: m.UlnRatio | None) -> bool:
    return known is None or (
        (known.low is None or known.low <= ratio) and (known.high is None or ratio <= known.high)
    )


def _between(
    low: Fraction | None, high: Fraction | None, known: m.UlnRatio | None
) -> Fraction | None:
    """A point strictly between `low` and `high` and inside what is known; None if there is none."""
    least = known.low if known is not None else None
    most = known.high if known is not None else None
    floor = max((end for end in (low, least) if end is not None), default=None)
    ceiling = min((end for end in (high, most) if end is not None), default=None)
    if floor is None or ceiling is None:
        point = floor + 1 if floor is not None else ceiling - 1 if ceiling is not None else 0
        return Fraction(point)
    if floor > ceiling:
        return None
    point = (floor + ceiling) / 2
    inside = (low is None or low < point) and (high is None or point < high)
    return point if inside else None


# --- dates ---------------------------------------------------------------------------------


def _days_of(
    roots: Roots,
    name: str,
    reading: m.Reading | None,
    now: Mapping[str, m.Reading] | None,
    on: date,
) -> tuple[list[int], bool]:
    """Days that stand for all a recorded date may be, in order; false where some are left out."""
    today = on.toordinal()
    birth = is_birth_date(roots.protocol, roots.protocol.facts[name])
    last = today if birth else date.max.toordinal()
    low, high = _ends(reading, 1 if birth else m.NEVER, last)
    cuts, exact = date_cuts(roots, on, now)
    days = {low, high, *(cut for cut in cuts[name] if low <= cut <= high)}
    return sorted(n for n in days if n != m.PAST and 0 != n <= last), exact


def date_cuts(
    roots: Roots, on: date, now: Mapping[str, m.Reading] | None
) -> tuple[dict[str, set[int]], bool]:
    """For every date looked at, the days just before, on and just after each turn of a test."""
    today = on.toordinal()
    facts = roots.protocol.facts
    cuts: dict[str, set[int]] = {
        name: {m.NEVER, 1, today - 1, today, today + 1}
        for name in roots.looked_at
        if facts[name].type == "date"
    }
    links: list[tuple[str, str, set[int]]] = []
    for name in roots.looked_at:
        derive = facts[name].derive
        for test in roots.tests.get(name, ()):
            if isinstance(test, m.AgoTest):
                cuts[name] |= _back(on, test.duration)
            elif isinstance(test, m.DayTest):
                cuts[name] |= {test.day.toordinal() + n for n in (-1, 0, 1)}
            elif isinstance(derive, m.CompletedYears):
                for limit in limits_named(test):
                    for years in (limit // m.MILLION, limit // m.MILLION + 1):
                        cuts[derive.since] |= _back(on, m.Duration(0, 12 * years))
        if isinstance(derive, m.DaysBetween):
            limits = {n for test in roots.tests.get(name, ()) for n in limits_named(test)}
            near = {limit // m.MILLION + n for limit in limits for n in (-1, 0, 1, 2)}
            links.append((derive.start, derive.end, near))
    for name, found in cuts.items():
        reading = now.get(name) if now is not None else None
        if reading is not None and reading.low is not None and reading.high is not None:
            found |= {
                end + n for end in (reading.low, reading.high) if end > m.PAST for n in (0, 1)
            }
    exact = True
    for _ in links:
        for start, end, near in links:
            cuts[start] |= {n - size for n in cuts[end] if n > m.PAST for size in near}
            cuts[end] |= {n + size for n in cuts[start] if n > m.PAST for size in near}
    last = date.max.toordinal()
    for name, found in cuts.items():
        found = {n for n in found if n == m.NEVER or 1 <= n <= last}
        if len(found) > MOST_DAYS:
            exact = False
            found = {m.NEVER, *sorted(found, key=lambda n: (abs(n - today), n))[:MOST_DAYS]}
        cuts[name] = found
    return cuts, exact


def _back(on: date, duration: m.Duration) -> set[int]:
    """The days on either side of the last one from which a duration has passed, or is over."""
    found = set()
    for early, strict in product((False, True), repeat=2):
        day = back(on, duration, early=early, strict=strict)
        if day is not None:
            found |= {day.toordinal() + n for n in (0, 1)}
    return found


# --- record lists --------------------------------------------------------------------------

_Base = dict[str, int]
"""What the facts of one list come to: day number, 0 or 1, or a count of whole units."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one entry adds: which facts it matches, and the day in each date field."""

    matches: frozenset[str]
    days: tuple[tuple[str, int], ...]


def _of_list(
    roots: Roots, name: str, subject: m.Subject, now: Mapping[str, m.Reading], on: date
) -> tuple[list[State], bool]:
    """Every way in which a list may come out: its open entries settled, and entries added."""
    protocol, today = roots.protocol, on.toordinal()
    root = f"records.{name}"
    record = protocol.records[name]
    base = [n for n in roots.facts[root] if _records_of(protocol.facts[n]) == name]
    cuts, exact = date_cuts(roots, on, now)
    squeeze = {n: _squeezer(roots, n, cuts.get(n, set()), today) for n in base}
    fields = sorted(
        {
            d.field
            for n in base
            if isinstance(d := protocol.facts[n].derive, m.LatestOf | m.EarliestOf)
        }
    )
    days = sorted({c for n in base for c in cuts.get(n, ()) if m.PAST < c <= today} | {today})
    wheres = {n: _where(protocol.facts[n]) for n in base}
    listed = subject.records.get(name, m.Entries(None, ()))
    caps = {n: _cap(roots, n) for n in base}
    start: _Base = {n: m.NEVER if protocol.facts[n].type == "date" else 0 for n in base}
    reached: dict[tuple[int, ...], _Base] = {tuple(start.values()): start}

    def join(state: _Base, entry: _Entry) -> _Base:
        on_field = dict(entry.days)
        result = dict(state)
        for fact in entry.matches:
            derive = protocol.facts[fact].derive
            if isinstance(derive, m.Exists):
                result[fact] = 1
            elif isinstance(derive, m.Count):
                result[fact] = min(result[fact] + 1, caps[fact])
            elif isinstance(derive, m.LatestOf | m.EarliestOf) and derive.field in on_field:
                day = on_field[derive.field]
                if result[fact] == m.NEVER:
                    result[fact] = day
                elif isinstance(derive, m.LatestOf):
                    result[fact] = max(result[fact], day)
                else:
                    result[fact] = min(result[fact], day)
        return result

    def squeezed(state: _Base) -> _Base:
        return {n: squeeze[n](value) for n, value in state.items()}

    for entry in listed.entries:
        if not entry.voided:
            options = list(_options(record, wheres, fields, entry, days, today))
            states = (
                squeezed(join(state, option)) for state in reached.values() for option in options
            )
            reached = {tuple(s.values()): s for s in states}
            if len(reached) > MOST_STATES:
                exact = False
                reached = dict(list(reached.items())[:MOST_STATES])
    if not confirmed(protocol, subject, name, on):
        patterns = sorted(filter(None, _matchings(record, wheres, m.Entry("", {}))), key=sorted)
        seen: dict[tuple[object, ...], _Entry] = {}
        for matches in patterns:
            for on_days in product(days, repeat=len(fields)):
                made = _Entry(matches, tuple(zip(fields, on_days, strict=True)))
                key = tuple(squeezed(join(start, made)).values())
                seen.setdefault((matches, key), made)
        queue = list(reached.values())
        while queue:
            state = queue.pop()
            for made in seen.values():
                joined = squeezed(join(state, made))
                key = tuple(joined.values())
                if key not in reached:
                    if len(reached) >= MOST_STATES:
                        exact = False
                        break
                    reached[key] = joined
                    queue.append(joined)
    names = roots.alone(root)
    states_found = []
    merged: set[tuple[Truth3, ...]] = set()
    for one in sorted(reached.values(), key=lambda s: tuple(s.values())):
        # A representative may lie below all that is still possible, where no test can tell.
        inside = {
            n: value if value == m.NEVER else max(value, _lowest(protocol.facts[n], now.get(n)))
            for n, value in one.items()
        }
        readings = {n: _listed_reading(protocol.facts[n], value) for n, value in inside.items()}
        whole = State(with_derived(roots, names, readings, today))
        truths = roots.vector(whole.readings, names, today)
        if truths in merged and not roots.linked & set(base):
            continue
        merged.add(truths)
        states_found.append(whole)
    return states_found, exact


def _lowest(fact: m.Fact, reading: m.Reading | None) -> int:
    """The least that a fact of a list is known to come to."""
    low = reading.low if reading is not None else None
    if low is None:
        return m.NEVER
    return low // m.MILLION if isinstance(fact.derive, m.Count) else low


def _records_of(fact: m.Fact) -> str:
    return getattr(fact.derive, "records", "")


def _where(fact: m.Fact) -> tuple[m.Where, ...]:
    assert isinstance(fact.derive, m.LatestOf | m.EarliestOf | m.Exists | m.Count)
    return fact.derive.where


def _cap(roots: Roots, name: str) -> int:
    """A count beyond which no test can tell one from another."""
    return (
        max((n // m.MILLION for t in roots.tests.get(name, ()) for n in limits_named(t)), default=0)
        + 2
    )


def _listed_reading(fact: m.Fact, value: int) -> m.Reading:
    if isinstance(fact.derive, m.Count):
        return m.Reading(fact.name, value * m.MILLION, value * m.MILLION, None, None, "no_limit")
    return m.Reading(fact.name, value, value, None)


def _squeezer(roots: Roots, name: str, days: Iterable[int], today: int) -> Callable[[int], int]:
    """Map a day to the first of the days around it that no test can tell from it."""
    fact = roots.protocol.facts[name]
    if fact.type != "date" or name in roots.linked:
        return lambda value: value
    names = [n for n in roots.looked_at if roots.of[n] == roots.of[name] and _from(roots, n, name)]
    cache: dict[int, int] = {m.NEVER: m.NEVER}
    first, vector = m.NEVER, None
    for day in sorted(d for d in days if m.PAST < d <= today):
        readings = with_derived(roots, names, {name: m.Reading(name, day, day, None)}, today)
        here = roots.vector(readings, names, today)
        if here != vector:
            first, vector = day, here
        cache[day] = first

    def squeeze(value: int) -> int:
        if value not in cache:
            # A recorded day that is no cut: it belongs with the nearest cut before it.
            before = max((d for d in cache if d <= value), default=m.NEVER)
            cache[value] = cache[before] if before != m.NEVER else value
        return cache[value]

    return squeeze


def _from(roots: Roots, name: str, source: str) -> bool:
    """Whether a fact is, or is counted from, `source`."""
    derive = roots.protocol.facts[name].derive
    if name == source:
        return True
    if isinstance(derive, m.CompletedYears | m.DaysBetween):
        return any(_from(roots, other, source) for other in _sources(derive))
    return False


def _options(
    record: m.RecordList,
    wheres: Mapping[str, tuple[m.Where, ...]],
    date_fields: Sequence[str],
    entry: m.Entry,
    days: Sequence[int],
    today: int,
) -> Iterator[_Entry]:
    """Every way in which one recorded entry may come out."""
    per_field: list[list[tuple[str, int] | None]] = []
    for field in date_fields:
        value = entry.values.get(field)
        choices: list[tuple[str, int] | None]
        if value == "ongoing":
            choices = [(field, today)]
        elif isinstance(value, m.Days) and value.first.toordinal() <= today:
            low, high = value.first.toordinal(), min(value.last.toordinal(), today)
            inside = {low, high, *(day for day in days if low <= day <= high)}
            choices = [(field, day) for day in sorted(inside)]
        else:
            choices = [None, *((field, day) for day in days)]
        per_field.append(choices)
    for matches in _matchings(record, wheres, entry):
        for on_days in product(*per_field):
            yield _Entry(matches, tuple(day for day in on_days if day is not None))


def _matchings(
    record: m.RecordList, wheres: Mapping[str, tuple[m.Where, ...]], entry: m.Entry
) -> set[frozenset[str]]:
    """The sets of facts that an entry may match, once its missing fields are filled in.

    A name implies fields: those of one of its uses. A text that holds names may be any of them.
    """
    found: set[frozenset[str]] = set()
    text = str(entry.values.get(record.known_by, ""))
    for name in entry.known:
        for use in record.known[name].uses:
            if entry.exact and any(contradicted(use, entry.values)):
                continue
            said = {field: entry.values.get(field, ()) for field in use if entry.exact}
            implied = {
                field: (
                    *(stated if isinstance(stated := said.get(field, ()), tuple) else ()),
                    *codes,
                )
                for field, codes in use.items()
            }
            values = {**entry.values, **implied, record.known_by: (text, name)}
            found |= _matchings(record, wheres, m.Entry("", values))
    if entry.exact:
        return found
    asked: dict[str, list[m.Where]] = {}
    for where in (w for all_of in wheres.values() for w in all_of):
        asked.setdefault(where.field, []).append(where)
    answers: list[list[frozenset[m.Where]]] = []
    for field, questions in asked.items():
        value = entry.values.get(field)
        held = (value if isinstance(value, tuple) else (value,)) if value is not None else None
        if isinstance(value, m.Amount):
            answers.append(_amount_answers(record.fields[field], value, questions))
        elif held is not None:
            known = frozenset(q for q in questions if any(one in q.values for one in held))
            others = _field_answers(record.fields[field], questions) if "" in held else []
            answers.append([*{known, *(known | other for other in others)}])
        else:
            answers.append(_field_answers(record.fields[field], questions))
    for combination in product(*answers):
        held_by = frozenset(chain.from_iterable(combination))
        found.add(frozenset(f for f, all_of in wheres.items() if all(w in held_by for w in all_of)))
    return found


def _amount_answers(
    field: m.Field, value: m.Amount, questions: Sequence[m.Where]
) -> list[frozenset[m.Where]]:
    """An amount as recorded; a censored one may equal any one value asked for inside it."""
    low, high = interval(field, value, 0)
    wanted = {v for q in questions for v in q.values if isinstance(v, int) and low <= v <= high}
    answers = [frozenset(q for q in questions if v in q.values) for v in sorted(wanted)]
    return answers if low == high and answers else [*answers, frozenset()]


def _field_answers(field: m.Field, questions: Sequence[m.Where]) -> list[frozenset[m.Where]]:
    """Which questions about a field may be answered yes together, whatever it holds."""
    values = (*(c.code for c in field.choices), *(v for q in questions for v in q.values))
    found = {frozenset(q for q in questions if value in q.values) for value in values}
    if not field.choices:
        found.add(frozenset())
    if field.many:
        for one in list(found):
            found |= {one | other for other in found}
    return sorted(found, key=lambda held: sorted(map(repr, held)))
