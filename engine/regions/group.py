"""The facts of one variable: what is asked of them, and where days cut them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from engine import terms as m
from engine.regions.asked import Plain, subject_from
from engine.regions.cells import ALL, Held
from engine.regions.days import (
    FIRST_DAY,
    LAST_DAY,
    Source,
    back,
    cuts_of,
    edges_of,
    limits_of,
    sources,
)
from engine.regions.diagrams import Effort
from engine.regions.lists import Listed, Templates
from engine.terms.faults import InputRejected
from engine.terms.protocol import is_birth_date

MOST_COMBINATIONS = 3_000
LEAST_COMBINATIONS = 200
MOST_COUNTED = 200


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a source may have recorded: as in a file (None: it cannot be written
    down so), and as values.

    `age`: how many days ago the list was confirmed complete; None if nobody did."""

    facts: Plain | None
    statements: tuple[m.Statement, ...] = ()
    list_name: str = ""
    entries: tuple[Plain, ...] = ()
    made: tuple[m.Entry, ...] = ()
    age: int | None = 0


Known = tuple[Option, Sequence[m.Subject]]
"""An option, and what each pack's reader makes of it."""


@dataclass(frozen=True)
class Group:
    """Coupled facts, and the tests on them, while their cells are looked for.

    `members` are what the facts are recorded through.
    """

    protocols: Sequence[m.Protocol]
    as_of: date
    effort: Effort
    members: Sequence[Source]
    leaves: Sequence[tuple[int, m.Leaf]]
    templates: Mapping[str, Templates]

    @property
    def most(self) -> int:
        """So many ways of putting things together are tried."""
        return MOST_COMBINATIONS

    @cached_property
    def day_number(self) -> int:
        return self.as_of.toordinal()

    @cached_property
    def derivations(self) -> list[Listed]:
        return [one for one in self.members if not isinstance(one, str)]

    @cached_property
    def lists(self) -> dict[str, list[Listed]]:
        """The derivations of each list."""
        found: dict[str, list[Listed]] = {}
        for derive in self.derivations:
            found.setdefault(derive.records, []).append(derive)
        return found

    @cached_property
    def shared(self) -> list[str]:
        """The lists whose entries several derivations count."""
        return sorted(
            name
            for name, found in self.lists.items()
            if any(
                (self.templates[name].private if len(found) > 1 else self.templates[name].plainest)(
                    d, "true"
                )
                is None
                for d in found
            )
        )

    @cached_property
    def links(self) -> dict[tuple[int, int], list[int]]:
        """By two members, the bounds of the days from the first's date to the second's."""
        found: dict[tuple[int, int], dict[int, None]] = {}
        for k, leaf in self.leaves:
            assert not isinstance(leaf, m.Todo)
            fact = self.protocols[k].facts[leaf.fact]
            derive = fact.derive
            if not isinstance(derive, m.DaysBetween):
                continue
            (start,), (end,) = (sources(self.protocols[k], d) for d in (derive.start, derive.end))
            a, b = self.members.index(start), self.members.index(end)
            for limit in limits_of(leaf, fact):
                for days in (limit // m.MILLION + step for step in (-1, 0, 1)):
                    found.setdefault((a, b), {})[days] = None
                    found.setdefault((b, a), {})[-days] = None
        return {pair: list(days) for pair, days in found.items()}

    @property
    def days(self) -> list[list[int]]:
        """For each member the days at and beside every limit on it, the nearest first."""
        return self.cut_days[0]

    @cached_property
    def cut_days(self) -> tuple[list[list[int]], Held]:
        """The days, and what is proved by trying those."""
        held = ALL
        first, last = FIRST_DAY.toordinal(), LAST_DAY.toordinal()
        found = [{self.day_number, self.day_number + 1, first} for _ in self.members]
        for k, leaf in self.leaves:
            assert not isinstance(leaf, m.Todo)
            fact = self.protocols[k].facts[leaf.fact]
            for source in sources(self.protocols[k], leaf.fact):
                found[self.members.index(source)] |= edges_of(cuts_of(leaf, fact), self.as_of)
        if self.links and self.shared:
            # One entry dates several facts: every day that any of them may need.
            spans = {span for spans in self.links.values() for span in spans}
            whole = set().union(*found)
            for _ in self.members[1:]:
                whole |= {day + span for day in whole for span in spans}
                if len(whole) > self.most:
                    held = Held(True, False)
                    break
            found = [whole for _ in self.members]
        kept = []
        for what, days in zip(self.members, found, strict=True):
            born = isinstance(what, str) and any(
                is_birth_date(p, p.facts[what]) for p in self.protocols if what in p.facts
            )
            top = self.day_number if born else last
            inside = (day for day in days if first <= day <= top)
            kept.append(sorted(inside, key=lambda day: (abs(day - self.day_number), day)))
        return kept, held

    def fact(self, name: str) -> m.Fact:
        return next(p.facts[name] for p in self.protocols if name in p.facts)

    def at_limits(self, derive: Listed) -> set[int]:
        """The numbers of entries at and beside every limit on how many there are."""
        limits = {
            limit // m.MILLION
            for k, leaf in self.leaves
            if not isinstance(leaf, m.Todo) and self.protocols[k].facts[leaf.fact].derive == derive
            for limit in limits_of(leaf, self.protocols[k].facts[leaf.fact])
        }
        return {0, 1} | {limit + step for limit in limits for step in (-1, 0, 1)}

    def plausible(self, points: Mapping[str, tuple[int, int]]) -> bool:
        """Whether no derived amount lies outside its fact's range: that rejects a subject."""
        for name, (low, high) in points.items():
            for protocol in self.protocols:
                fact = protocol.facts.get(name)
                if fact is None or fact.derive is None or fact.range_u is None:
                    continue
                if high < fact.range_u[0] or low > fact.range_u[1]:
                    return False
        return True

    def read(self, option: Option) -> list[m.Subject] | None:
        """What each pack's reader makes of one thing recorded; None if one refuses it."""
        try:
            return [subject_from(self.recorded([option]), p, self.as_of) for p in self.protocols]
        except InputRejected:
            return None

    def subjects(self, parts: Sequence[Sequence[m.Subject]]) -> list[m.Subject]:
        """Several things recorded of one person, as each pack reads it."""
        if len(parts) == 1:
            return list(parts[0])
        subjects = []
        for k in range(len(self.protocols)):
            facts: dict[str, tuple[m.Statement, ...]] = {}
            records: dict[str, m.Entries] = {}
            for part in parts:
                facts |= part[k].facts
                for name, listed in part[k].records.items():
                    there = records.get(name)
                    if there is not None:
                        both = (there.complete_on, listed.complete_on)
                        on = None if None in both else min(day for day in both if day)
                        listed = m.Entries(on, (*there.entries, *listed.entries))
                    records[name] = listed
            subjects.append(m.Subject("", facts, records))
        return subjects

    def recorded(self, combo: Sequence[Option]) -> Plain:
        facts: Plain = {}
        records: Plain = {}
        for option in combo:
            facts |= option.facts or {}
            if option.list_name:
                on = self.confirmed_on(option)
                said = None if on is None else on.isoformat()
                listed = records.setdefault(option.list_name, {"complete_on": said, "entries": []})
                listed["entries"] = [*listed["entries"], *option.entries]
                if said is None or (listed["complete_on"] or said) > said:
                    listed["complete_on"] = said
        return {"facts": facts, "records": records}

    def confirmed_on(self, option: Option) -> date | None:
        return None if option.age is None else self.as_of - timedelta(days=option.age)

    def confirmed(self, name: str, options: Iterable[Option]) -> Iterator[Option]:
        """What a list may hold, as confirmed today; and where two versions rely on that for
        different times, as confirmed before."""
        spans = {p.records[name].valid_for for p in self.protocols if name in p.records}
        ages: dict[int, None] = {}
        for valid_for in spans if len(spans) > 1 else ():
            stale = (self.as_of - back(self.as_of, valid_for, early=True, strict=True)).days
            ages |= {stale - 1: None, stale: None}
        for option in options:
            yield option
            if option.age == 0:
                for age in sorted(ages):
                    yield replace(option, age=age)
