"""What a record list may come to: open entries settled, and entries added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, product

from engine import terms as m
from engine.plan.axes import date_cuts
from engine.plan.days import confirmed
from engine.plan.roots import Roots, State, Truth3, with_derived
from engine.reference.measures import interval
from engine.terms.agents import contradicted
from engine.terms.condition import limits_named
from engine.terms.dictionary import derived_from

MOST_STATES = 4_096
"""Ways in which one root may come out; beyond that the answer says it is not exhaustive."""


_Base = dict[str, int]
"""What the facts of one list come to: day number, 0 or 1, or a count of whole units."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one entry adds: which facts it matches, and the day in each date field."""

    matches: frozenset[str]
    days: tuple[tuple[str, int], ...]


def of_list(
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
    assert isinstance(fact.derive, m.ListDerivation)
    return tuple(m.equalities(fact.derive.where))


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
    parents = derived_from(roots.protocol.facts[name])
    return name == source or any(_from(roots, other, source) for other in parents)


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
