"""Entries of a list: how derivations count them, and what several of them add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations, product
from typing import Any

from engine import terms as m
from engine.read.source import Num
from engine.record.wording import decimal_text
from engine.reference import evaluator as reference
from engine.regions.asked import Plain
from engine.regions.diagrams import Effort
from engine.terms.agents import contradicted

Listed = m.ListDerivation
When = int | str | tuple[int, int] | None
"""When an entry says that something was: the number of a day, a partial date or `ongoing`, some
day between two (which a file cannot say), or nothing."""
MOST_CODES = 5
MOST_NAMED = 20_000
"""In how many ways names and fields are put together."""


class Templates:
    """Kinds of entries of one list, by which derivations count them: surely, maybe, not."""

    def __init__(
        self,
        protocols: Sequence[m.Protocol],
        effort: Effort,
        name: str,
        derivations: Sequence[Listed],
    ) -> None:
        self.name = name
        self.derivations = list(dict.fromkeys(derivations))
        self.protocol = next(p for p in protocols if name in p.records)
        fields: dict[str, m.Field] = {}
        for protocol in protocols:
            if name in protocol.records:
                fields |= protocol.records[name].fields
        asked: dict[str, list[Any]] = {}
        for derive in self.derivations:
            for where in m.equalities(derive.where):
                values = asked.setdefault(where.field, [])
                values += [v for v in where.values if v not in values]
        options: list[list[tuple[str, Any]]] = []
        self.complete = True
        record = replace(self.protocol.records[name], fields=fields)
        for field, values in asked.items():
            ends = fields[field].range_u
            if ends is not None:  # what lies outside is rejected
                values = [v for v in values if ends[0] <= int(v) <= ends[1]]
            spare = _spare(fields[field], values)
            some = [*([spare] if spare is not None else []), *values]
            more, every = _several(fields[field], some)
            self.complete = self.complete and every
            # Of values that no derivation tells apart, the plainest is enough.
            wheres = [
                w for d in self.derivations for w in m.equalities(d.where) if w.field == field
            ]
            told = matching([m.Exists(name, (w,)) for w in wheres], record)
            kinds: dict[tuple[m.Truth, ...], Any] = {}
            for value in [*some, *more]:
                effort.spent += Effort.ASKED
                kinds.setdefault(told({field: value}), value)
            options.append([(field, value) for value in kinds.values()] + [(field, None)])
        size = 1
        for option in options:
            size *= len(option)
        self.entries: dict[tuple[m.Truth, ...], Plain] = {}
        combos: Iterable[tuple[tuple[str, Any], ...]] = product(*options)
        if size > 5_000:
            self.complete = False
            combos = _one_at_a_time(options)
        counted = matching(self.derivations, record)
        for combo in combos:
            held = {field: value for field, value in combo if value is not None}
            effort.spent += Effort.ASKED
            truths = counted(held)
            plain = {field: _plain_value(fields[field], value) for field, value in held.items()}
            # Of entries counted alike, the one that says most reads best; first the plainest.
            if truths not in self.entries or _worth(plain) > _worth(self.entries[truths]):
                self.entries[truths] = plain

        self.kinds = self.entries.keys() | self._named(record, asked, counted, effort)

    def _named(
        self,
        record: m.RecordList,
        asked: Mapping[str, Sequence[Any]],
        counted: Callable[[Mapping[str, Any]], tuple[m.Truth, ...]],
        effort: Effort,
    ) -> set[tuple[m.Truth, ...]]:
        """The further ways in which derivations count entries whose text names agents.

        A name with one use says no more than its fields do. One with several may be any of
        them; and a text that holds names leaves open what only they or the fields imply.
        """
        if not record.known:
            return set()
        agents = {
            (
                frozenset(tuple((f, c) for f, c in use.items() if f in asked) for use in one.uses),
                # What is said of a field that nothing asks about may still contradict a use.
                any(field not in asked for use in one.uses for field in use),
            )
            for one in record.known.values()
            if one.uses
        }
        options = [_every(record.fields[field], values) for field, values in asked.items()]
        size = 1
        for option in options:
            size *= len(option) if option else MOST_NAMED + 1
        if record.known_by in asked or size * len(agents) > MOST_NAMED:
            self.complete = False
            return set()
        found: set[tuple[m.Truth, ...]] = set()
        told: dict[frozenset[tuple[str, Any]], tuple[m.Truth, ...]] = {}

        def counts(held: Mapping[str, Any]) -> tuple[m.Truth, ...]:
            key = frozenset(held.items())
            if key not in told:
                effort.spent += Effort.ASKED
                told[key] = counted({f: list(v) if record.fields[f].many else v for f, v in key})
            return told[key]

        for combo in product(*options):
            held = {f: v for f, v in zip(asked, combo, strict=True) if v is not None}
            stated = counts(held)
            signs: set[tuple[bool, ...]] = set()
            for uses, free in agents:
                plain = [dict(use) for use in uses]
                agreeing = [use for use in plain if not any(contradicted(use, held))]
                matched = [counts({**held, **_single(record, use)}) for use in plain]
                may = tuple({*t} != {"false"} for t in zip(*matched, strict=True))
                signs |= {(bool(agreeing), *may), (bool(agreeing) and not free, *may)}
                ways = [counts({**held, **_joined(record, held, use)}) for use in agreeing]
                for n in range(2 if free else max(2, len(ways)), len(ways) + 1):
                    for some in combinations(ways, n):
                        columns = zip(*some, strict=True)
                        found.add(tuple(t[0] if len({*t}) == 1 else "unknown" for t in columns))
            joined, todo = set(signs), list(signs)
            while todo:
                one = todo.pop()
                more = {
                    tuple(a or b for a, b in zip(one, two, strict=True)) for two in signs
                } - joined
                joined |= more
                todo += more
            for agree, *implied in joined:
                found.add(
                    tuple(
                        "unknown" if (t == "true" and not agree) or (t == "false" and may) else t
                        for t, may in zip(stated, implied, strict=True)
                    )
                )
        return found

    def private(self, derive: Listed, truth: m.Truth) -> Plain | None:
        """An entry that one derivation counts (surely, or maybe) and no other does."""
        number = self.derivations.index(derive)
        only = tuple(truth if i == number else "false" for i in range(len(self.derivations)))
        return self.entries.get(only)

    def plainest(self, derive: Listed, truth: m.Truth) -> Plain | None:
        """An entry that one derivation counts (surely, or maybe), and as few others as can be."""
        number = self.derivations.index(derive)
        found = [truths for truths in self.entries if truths[number] == truth]
        if not found:
            return None
        return self.entries[min(found, key=lambda t: sum(one != "false" for one in t))]

    def nearest(self, derive: Listed) -> list[Listed]:
        """The other derivations that share the entries of one which has none of its own."""
        number = self.derivations.index(derive)
        found = [t for t in self.entries if t[number] == "true"]
        if not found:
            return []
        least = min(found, key=lambda t: sum(truth != "false" for truth in t))
        return [d for d, t in zip(self.derivations, least, strict=True) if t != "false"]


def _one_at_a_time(
    options: Sequence[Sequence[tuple[str, Any]]],
) -> Iterator[tuple[tuple[str, Any], ...]]:
    spare = tuple(option[0] for option in options)
    for i, option in enumerate(options):
        for one in option:
            yield (*spare[:i], one, *spare[i + 1 :])


def _spare(field: m.Field, values: Sequence[Any]) -> Any:
    """A value of a field that nothing asks for; None where there is none."""
    if field.type == "boolean":
        return next((b for b in (True, False) if b not in values), None)
    if field.type == "choice":
        unasked = [c.code for c in field.choices if c.code not in values]
        return next((c for c in unasked if c in ("other", "none")), unasked[0] if unasked else None)
    if field.type == "quantity":
        low, high = field.range_u or (0, m.LARGEST)
        tried = (v for step in (m.MILLION, 1) for v in range(low, high + 1, step))
        return next((v for v in tried if v not in values), None)
    return next(t for t in ("unlisted", "unlisted too") if t not in values)


def _every(field: m.Field, values: Sequence[Any]) -> list[Any]:
    """Everything that a field may hold, as far as matching and names tell it apart; none where
    that is too much."""
    if field.type != "choice":
        spare = _spare(field, values)
        more, _ = _several(field, values)
        return [None, *([spare] if spare is not None else []), *values, *more]
    codes = [choice.code for choice in field.choices]
    if not field.many:
        return [None, *codes]
    sets, every = _several(field, codes)
    return [None, *((code,) for code in codes), *(tuple(s) for s in sets)] if every else []


def _single(record: m.RecordList, use: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {f: codes if record.fields[f].many else codes[0] for f, codes in use.items()}


def _joined(
    record: m.RecordList, held: Mapping[str, Any], use: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """The fields of a use, with the codes that are stated beside its own."""
    return {
        f: (*held.get(f, ()), *codes) if record.fields[f].many else codes[0]
        for f, codes in use.items()
    }


def _several(field: m.Field, some: Sequence[Any]) -> tuple[list[Any], bool]:
    """Other values that a field may have, and whether those are all that matching tells apart.

    Codes of a field of several, also with one left blank; amounts as censored results.
    """
    if field.type == "quantity":
        return [(value, sign) for value in some for sign in ("<", "<=", ">", ">=")], True
    if not field.many:
        return [], True
    if len(some) > MOST_CODES:
        return [], False
    sets = [list(codes) for n in range(1, len(some) + 1) for codes in combinations(some, n)]
    return [codes for codes in sets if len(codes) > 1] + [[*codes, ""] for codes in sets], True


def _worth(plain: Plain) -> tuple[int, int]:
    """How well an entry reads: how much it says, in how plain a form."""
    return len(plain), -sum(isinstance(v, list) or str(v)[:1] in "<>" for v in plain.values())


def _plain_value(field: m.Field, value: Any) -> Any:
    if field.type != "quantity":
        return value
    if isinstance(value, tuple):
        return value[1] + decimal_text(value[0])
    return Num(decimal_text(value))


def matching(
    derivations: Sequence[Listed], record: m.RecordList
) -> Callable[[Mapping[str, Any]], tuple[m.Truth, ...]]:
    """Whether an entry with some values counts, for each derivation, asked of the reference."""
    facts = {
        f"d{i}": m.Fact(f"d{i}", "", "boolean", derive=m.Exists(record.name, d.where))
        for i, d in enumerate(derivations)
    }
    day = date(2026, 1, 15)
    made = m.Protocol("", "", "", None, {}, facts, {record.name: record}, {}, ())

    def asked(values: Mapping[str, Any]) -> tuple[m.Truth, ...]:
        held: dict[str, Any] = {}
        for name, value in values.items():
            field = record.fields[name]
            if field.type == "quantity":
                amount = value if isinstance(value, tuple) else (value, "")
                held[name] = m.Amount(amount[0], field.unit, amount[1])
            elif field.many:
                held[name] = tuple(value) if isinstance(value, list) else (value,)
            else:
                held[name] = value
        listed = m.Entries(day, (m.Entry("", held),))
        found = reference.readings(made, m.Subject("", {}, {record.name: listed}), day)
        return tuple(
            "unknown" if r.low is None else "true" if r.low else "false" for r in found.values()
        )

    return asked


Sum = tuple[int, ...]
"""What entries come to for one derivation; see `sum_of`."""

_NO_DAY = m.UNBOUNDED


def no_sum(derive: Listed) -> Sum:
    """The sum of no entries."""
    if isinstance(derive, m.LatestOf):
        return (0, m.NEVER, m.NEVER)
    return (0, m.NEVER, _NO_DAY, _NO_DAY) if isinstance(derive, m.EarliestOf) else (0, 0)


def sum_of(
    derive: Listed, truth: m.Truth, dates: Mapping[str, tuple[int, int] | str | None], today: int
) -> Sum:
    """What one entry, which counts surely, maybe or not, adds to a derivation.

    `exists` and `count`: how many count surely, and maybe. `latest`: whether a sure one has no
    day; the latest first day of sure ones, and the latest last day of all. `earliest`: the
    same flag and latest last day; the earliest first day of all, and the earliest last day of
    sure ones. These are what a reading is made of (SEMANTICS, section 5); a day that the others
    leave without effect is not told apart.
    """
    if truth == "false":
        return no_sum(derive)
    sure = truth == "true"
    if not isinstance(derive, m.LatestOf | m.EarliestOf):
        return (int(sure), int(not sure))
    said = dates[derive.field]
    days = (today, today) if said == "ongoing" else said
    assert not isinstance(days, str)
    open_ = int(sure and days is None)
    low, high = days or (m.PAST, today)
    if isinstance(derive, m.LatestOf):
        return _latest(open_, low if sure and not open_ else m.NEVER, high)
    return _earliest(open_, high, low, high if sure and not open_ else _NO_DAY)


def _latest(open_: int, first: int, last: int) -> Sum:
    return (open_, first, m.NEVER if open_ else last)


def _earliest(open_: int, last: int, first: int, end: int) -> Sum:
    known = end != _NO_DAY
    return (
        open_,
        m.NEVER if open_ or known else last,
        _NO_DAY if open_ else first,
        end,
    )


def added(one: Sum, other: Sum, most: int) -> Sum:
    """The sum of two sums; all numbers of entries from `most` on are alike."""
    if len(one) == 2:
        return (min(one[0] + other[0], most), min(one[1] + other[1], most))
    if len(one) == 3:
        return _latest(*(max(a, b) for a, b in zip(one, other, strict=True)))
    return _earliest(
        max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
    )


def entry_of(kind: Sequence[str], dates: Mapping[str, tuple[int, int] | str | None]) -> m.Entry:
    """An entry that derivations told apart by `told_apart` count as said."""
    values: dict[str, Any] = {
        f"~{i}": "yes" if truth == "true" else "no"
        for i, truth in enumerate(kind)
        if truth != "unknown"
    }
    for field, said in dates.items():
        if isinstance(said, str):
            values[field] = said
        elif said is not None:
            values[field] = m.Days(date.fromordinal(said[0]), date.fromordinal(said[1]))
    return m.Entry("", values)


def told_apart(protocol: m.Protocol, derivations: Sequence[Listed]) -> m.Protocol:
    facts = dict(protocol.facts)
    for name, fact in protocol.facts.items():
        if fact.derive in derivations:
            assert isinstance(fact.derive, m.ListDerivation)
            where = (m.Where(f"~{derivations.index(fact.derive)}", ("yes",)),)
            facts[name] = replace(fact, derive=replace(fact.derive, where=where))
    return replace(protocol, facts=facts)


def dated_by(derivations: Iterable[Listed]) -> list[str]:
    """The date fields that some derivations look at."""
    return sorted({d.field for d in derivations if isinstance(d, m.LatestOf | m.EarliestOf)})


def dated_when(derive: Listed, day: When) -> Plain:
    """The date that a derivation looks at, as a file says it."""
    return next((dated(field, day) for field in dated_by([derive])), {})


def dated(field: str, day: When) -> Plain:
    """A date of an entry, as a file says it."""
    if day is None:
        return {}
    return {field: date.fromordinal(day).isoformat() if isinstance(day, int) else day}
