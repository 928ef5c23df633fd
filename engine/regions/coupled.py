"""The facts of one variable: what can be recorded of them, and what tests make of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, combinations_with_replacement, islice, pairwise, product
from typing import Any

from engine import terms as m
from engine.read.source import Num
from engine.record.wording import decimal_text
from engine.reference import evaluator as reference
from engine.regions.asked import NUMBER, PERSON, Asked, Plain, asking, subject_from
from engine.regions.cells import ALL, NOTHING, Cell, Held, Variable
from engine.regions.days import (
    FIRST_DAY,
    LAST_DAY,
    Cut,
    Source,
    back,
    cuts_of,
    edges_of,
    limits_of,
    sources,
)
from engine.regions.diagrams import UNKNOWN, Effort
from engine.regions.lists import (
    Listed,
    Sum,
    Templates,
    added,
    dated,
    dated_when,
    entry_of,
    no_sum,
    sum_of,
    told_apart,
)
from engine.regions.some import a_few, grain, limit_for, size_of
from engine.terms.faults import InputRejected
from engine.terms.protocol import is_birth_date

MOST_COMBINATIONS = 3_000
LEAST_COMBINATIONS = 200
MOST_COUNTED = 200


@dataclass(frozen=True, slots=True)
class _Option:
    """One thing that a source may have recorded: as in a file (None: it cannot be written
    down so), and as values.

    `age`: how many days ago the list was confirmed complete; None if nobody did."""

    facts: Plain | None
    statements: tuple[m.Statement, ...] = ()
    list_name: str = ""
    entries: tuple[Plain, ...] = ()
    made: tuple[m.Entry, ...] = ()
    age: int | None = 0


_Known = tuple[_Option, Sequence[m.Subject]]
"""An option, and what each pack's reader makes of it."""


class Coupled:
    """The facts of one variable while their cells are looked for."""

    def __init__(
        self,
        protocols: Sequence[m.Protocol],
        as_of: date,
        effort: Effort,
        members: Sequence[Source],
        leaves: Sequence[tuple[int, m.Leaf]],
        templates: Mapping[str, Templates],
    ) -> None:
        self.protocols, self.as_of, self.effort = protocols, as_of, effort
        self.members, self.leaves, self.templates = members, leaves, templates
        self.day_number = self.as_of.toordinal()
        self.lists: dict[str, list[Listed]] = {}
        self.derivations: list[Listed] = [one for one in members if not isinstance(one, str)]
        for derive in self.derivations:
            self.lists.setdefault(derive.records, []).append(derive)
        self.shared = sorted(
            name
            for name, found in self.lists.items()
            if any(
                (templates[name].private if len(found) > 1 else templates[name].plainest)(d, "true")
                is None
                for d in found
            )
        )
        self.links = self._links()
        self.otherwise = self._read_otherwise()
        self.days, days_held = self._days()
        # Two intervals may lie to each other in ways that are not tried.
        self.held = Held(not self.links, True) & days_held & self._counted()
        if self.otherwise:
            self.held = NOTHING

    def variable(self) -> Variable:
        """The cells of the variable, with what is proved of them."""
        names = dict.fromkeys(leaf.fact for _, leaf in self.leaves if not isinstance(leaf, m.Todo))
        found: dict[tuple[int, ...], Cell] = {}
        asked = Asked(self.protocols, self.leaves, self.as_of)
        held, number = self.held, 0
        for combo in self._combinations():
            if isinstance(combo, Held):
                held &= combo
                continue
            if number >= LEAST_COMBINATIONS and self.effort.over:
                held = NOTHING
                break
            number += 1
            self.effort.spent += asked.cost
            truths, points = asked(self._subjects([part for _, part in combo]))
            if not self._plausible(points):
                continue
            if truths not in found:
                recorded = self._recorded([option for option, _ in combo])
            else:
                recorded = {}
            exactly = {name: ends for name, ends in points.items() if ends[0] == ends[1]}
            before = found.get(truths)
            if before is None:
                found[truths] = Cell(truths, recorded, points, exactly)
            else:
                for name, (value, _) in exactly.items():
                    low, high = before.spread.get(name, (value, value))
                    exactly[name] = (min(low, value), max(high, value))
                spread = {**before.spread, **exactly}
                found[truths] = replace(before, spread=spread)
        possible, tried = self._possible() if held.whole else ((), True)
        held &= Held(tried, True)
        for truths in possible:
            found.setdefault(truths, Cell(truths, None, {}, {}))
        more = self._added_up() if self.shared else self._elapsed() if self.links else None
        if more is not None and not self.otherwise:
            for truths in more:
                found.setdefault(truths, Cell(truths, None, {}, {}))
            held = ALL
        if held.whole:
            hulls, tried = self._any_hull(list(found))
            held &= Held(tried, True)
            for truths, either in hulls.items():
                found.setdefault(truths, Cell(truths, either, {}, {}))
        for truths in self._any_ratio(list(found)):
            found.setdefault(truths, Cell(truths, None, {}, {}))
        if not found:  # none of what was tried is plausible
            held = NOTHING
            unknown = (UNKNOWN,) * len(self.leaves)
            found[unknown] = Cell(unknown, None, {}, {})
        # What is decided comes first, so that witnesses are as plain as they can be.
        cells = sorted(found.values(), key=lambda cell: cell.truths.count(UNKNOWN))
        return Variable(
            tuple(names), tuple(self.leaves), tuple(cells), held,
            never_cut(self.protocols, self.members),
        )  # fmt: skip

    def _plausible(self, points: Mapping[str, tuple[int, int]]) -> bool:
        """Whether no derived amount lies outside its fact's range: that rejects a subject."""
        for name, (low, high) in points.items():
            for protocol in self.protocols:
                fact = protocol.facts.get(name)
                if fact is None or fact.derive is None or fact.range_u is None:
                    continue
                if high < fact.range_u[0] or low > fact.range_u[1]:
                    return False
        return True

    def _read_otherwise(self) -> bool:
        """Whether two versions read what is recorded in ways that are not tried."""
        for what in self.members:
            if isinstance(what, str):
                facts = [p.facts[what] for p in self.protocols if what in p.facts]
                if len({(fact.type, fact.molar_mass) for fact in facts}) > 1:
                    return True
                # A ratio to a limit of normal ends where the range does, in its own unit.
                ratios = any(isinstance(leaf, m.UlnTest) for _, leaf in self.leaves)
                if ratios and len({(fact.unit, fact.range_u) for fact in facts}) > 1:
                    return True
                continue
            for field in (where.field for where in what.where):
                held = [
                    p.records[what.records].fields[field]
                    for p in self.protocols
                    if what.records in p.records and field in p.records[what.records].fields
                ]
                told = {(f.type, f.many, f.unit, f.molar_mass, f.range_u, _codes(f)) for f in held}
                if len(told) > 1:
                    return True
            lists = [p.records[what.records] for p in self.protocols if what.records in p.records]
            if any(one.known != lists[0].known for one in lists):
                return True
        return False

    # --- how members are put together -----------------------------------------------------

    def _combinations(self) -> Iterator[Sequence[_Known] | Held]:
        """What is put to the reference, one thing of each member at a time; and what is proved
        of what is to come, where it is not all."""
        if self.links and not self.shared:
            yield from self._corners()
        members = []
        for options in self._real():
            known, every = self._known(options)
            members.append(known)
            if not every:
                yield NOTHING
        for name in self.shared:
            # Entries that count for others as well may widen these further; of several
            # entries of one kind only the latest and the earliest day tell, but not for counts.
            yield Held(False, not any(isinstance(d, m.Count) for d in self.lists[name]))
        if size_of(members) > MOST_COMBINATIONS:
            # Where days lie between dates, the corners have all that is known precisely.
            yield Held(False, bool(self.links) and not self.shared)
            if all(members):
                yield from a_few(members, MOST_COMBINATIONS)
            return
        yield from product(*members)

    def _known(self, options: Iterable[_Option]) -> tuple[list[_Known], bool]:
        """The options that every pack's reader takes, with what it makes of them; and whether
        all were tried."""
        found: list[_Known] = []
        for number, option in enumerate(options):
            full = number >= MOST_COMBINATIONS
            if full or (number >= LEAST_COMBINATIONS and self.effort.over):
                return found, False
            self.effort.spent += Effort.ASKED * len(self.protocols)
            read = self._read(option)
            if read:
                found.append((option, read))
        return found, True

    def _corners(self) -> Iterator[Sequence[_Known] | Held]:
        """Dates in every order that they can have among each other and to the limits.

        The dates of one region, all of them known, are bounded each by days and two by two
        by distances. Such a region has a corner in whole days unless it is empty; there,
        each date stands on a bound of its own, or at a bound of its distance from another
        that does. A date may also be `never`, which is no distance from anything.
        """
        count = len(self.members)
        blank: tuple[int | None, ...] = (None,) * count
        ways: dict[tuple[int | None, ...], None] = {blank: None}
        for _ in range(count):
            wider: dict[tuple[int | None, ...], None] = {}
            for way in ways:
                for i in (i for i in range(count) if way[i] is None):
                    near = [
                        day + span
                        for j, day in enumerate(way)
                        if day is not None and day != m.NEVER
                        for span in self.links.get((j, i), ())
                    ]
                    for day in dict.fromkeys([*self.days[i], m.NEVER, *near]):
                        wider[(*way[:i], day, *way[i + 1 :])] = None
                if len(wider) > MOST_COMBINATIONS:
                    break
            if len(wider) > MOST_COMBINATIONS:
                yield Held(True, False)
            ways = dict.fromkeys(islice(wider, MOST_COMBINATIONS))
        known: dict[tuple[int, int], _Known | None] = {}
        for way in ways:
            parts = []
            for i, on in enumerate(way):
                assert on is not None
                if (i, on) not in known:
                    known[i, on] = self._dated_member(i, on)
                parts.append(known[i, on])
            if all(part is not None for part in parts):
                yield [part for part in parts if part is not None]

    def _dated_member(self, number: int, day: int) -> _Known | None:
        """One member with one day (or `never`); None where that cannot be recorded."""
        what = self.members[number]
        if day != m.NEVER and not FIRST_DAY.toordinal() <= day <= LAST_DAY.toordinal():
            return None
        if isinstance(what, str):
            value = "never" if day == m.NEVER else date.fromordinal(day).isoformat()
            said: Plain = {"value": value, "on": self.as_of.isoformat()}
            facts = [p.facts[what] for p in self.protocols if what in p.facts]
            if any(fact.attested_by for fact in facts):
                said["by"] = PERSON
            option = _Option({what: said})
        elif day == m.NEVER:
            option = _Option({}, (), what.records)
        elif day > self.day_number:
            return None
        else:
            sure = self.templates[what.records].plainest(what, "true") or {}
            option = _Option({}, (), what.records, ({**sure, **dated_when(what, day)},))
        read = self._read(option)
        return (option, read) if read else None

    def _read(self, option: _Option) -> list[m.Subject] | None:
        """What each pack's reader makes of one thing recorded; None if one refuses it."""
        try:
            return [subject_from(self._recorded([option]), p, self.as_of) for p in self.protocols]
        except InputRejected:
            return None

    def _subjects(self, parts: Sequence[Sequence[m.Subject]]) -> list[m.Subject]:
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

    def _real(self) -> Iterator[Iterable[_Option]]:
        """For each member, what can be recorded."""
        for number, what in enumerate(self.members):
            if isinstance(what, str):
                yield self._root(self._fact(what), self.days[number])
            elif what.records not in self.shared:
                yield self._confirmed(what.records, self._listed(number))
        for name in self.shared:
            for options in self._shared(name, self.lists[name]):
                yield self._confirmed(name, options)

    def _possible(self) -> tuple[Iterable[tuple[int, ...]], bool]:
        """Truths that values made up give, over lists whose derivations are told apart; and
        whether all of them were tried."""
        dated = any(
            not isinstance(one, str) or self._fact(one).type == "date" for one in self.members
        )
        if not dated:
            return (), True
        options: list[list[_Option]] = []
        for number, what in enumerate(self.members):
            if not isinstance(what, str):
                some = self._confirmed(what.records, self._listed(number, virtual=True))
            elif self._fact(what).type == "date":
                some = self._any_days(self._fact(what), self.days[number])
            else:
                some = self._root(self._fact(what), self.days[number])
            options.append(list(islice(some, MOST_COMBINATIONS + 1)))
        size = size_of(options)
        self.effort.spent += Effort.ASKED * len(self.protocols) * min(size, MOST_COMBINATIONS)
        if size > MOST_COMBINATIONS or self.effort.over:
            return (), False
        made = [told_apart(p, self.derivations) for p in self.protocols]
        asked = Asked(made, self.leaves, self.as_of)
        parts = [
            [(o, self._made_up(o, what)) for o in os]
            for what, os in zip(self.members, options, strict=True)
        ]
        seen = set()
        for combo in product(*parts):
            if all(part for _, part in combo):
                truths, points = asked(self._subjects([part for _, part in combo]))
                if self._plausible(points):
                    seen.add(truths)
        return seen, True

    def _added_up(self) -> set[tuple[int, ...]] | None:
        """Truths of derivations that share a list's entries, whatever entries it has.

        What entries come to for a derivation is summed up in a few figures (`sum_of`), and two
        lists put together have the sums of both. So sums are added to each other until no
        new one is found. A day stands for all days that no test tells from it. None where
        there are too many, or days between dates are asked about as well.
        """
        derivations = self.derivations
        templates = self.templates[derivations[0].records]
        if self.links or not templates.complete or self.effort.over:
            return None
        kinds = {
            tuple(truths[templates.derivations.index(d)] for d in derivations)
            for truths in templates.kinds
        }
        most = [self._most(d) for d in derivations]
        if max(most) > MOST_COUNTED:
            return None
        made = [told_apart(p, derivations) for p in self.protocols]
        single: dict[tuple[Sum, ...], m.Entry] = {}
        spans = self._spans(made)
        for kind in kinds - {("false",) * len(derivations)}:
            counted = [(d, t) for d, t in zip(derivations, kind, strict=True) if t != "false"]
            fields = sorted(
                {d.field for d, _ in counted if isinstance(d, m.LatestOf | m.EarliestOf)}
            )
            for chosen in product([None, "ongoing", *spans], repeat=len(fields)):
                dates = dict(zip(fields, chosen, strict=True))
                sums = tuple(
                    sum_of(d, truth, dates, self.day_number)
                    for d, truth in zip(derivations, kind, strict=True)
                )
                self.effort.spent += len(derivations)
                if sums not in single:
                    single[sums] = entry_of(kind, dates)
                if len(single) > MOST_COMBINATIONS:
                    return None
        nothing = tuple(no_sum(d) for d in derivations)
        reached: dict[tuple[Sum, ...], tuple[m.Entry, ...]] = {nothing: ()}
        todo = [nothing]
        while todo:
            sums = todo.pop()
            self.effort.spent += 10 * len(single) * len(derivations)
            if len(reached) > MOST_COMBINATIONS or self.effort.over:
                return None
            for other, entry in single.items():
                both = tuple(added(a, b, top) for a, b, top in zip(sums, other, most, strict=True))
                if both not in reached:
                    reached[both] = (*reached[sums], entry)
                    todo.append(both)
        asked = Asked(made, self.leaves, self.as_of)
        name = derivations[0].records
        ages = [option.age for option in self._confirmed(name, [_Option(None)])]
        found: set[tuple[int, ...]] = set()
        for entries, age in product(reached.values(), [*ages, None]):
            self.effort.spent += asked.cost
            on = None if age is None else self.as_of - timedelta(days=age)
            one = m.Subject("", {}, {name: m.Entries(on, entries)})
            truths, points = asked([one] * len(self.protocols))
            if self._plausible(points):
                found.add(truths)
        return found

    def _spans(self, made: Sequence[m.Protocol]) -> list[tuple[int, int]]:
        """The first and last days of dates, partial ones included: for each stretch of days
        that no test tells apart the first, and where a year may reach from one to another."""
        cuts: set[Cut] = set()
        for k, leaf in self.leaves:
            assert not isinstance(leaf, m.Todo)
            cuts |= cuts_of(leaf, self.protocols[k].facts[leaf.fact])
        edges = edges_of(cuts, self.as_of) | {FIRST_DAY.toordinal()}
        days = sorted(d for d in edges if FIRST_DAY.toordinal() <= d <= self.day_number)
        asked = Asked(made, self.leaves, self.as_of)
        fields = {getattr(d, "field", "") for d in self.members} - {""}
        sure = ["true"] * len(self.members)

        def truths(day: int) -> tuple[int, ...]:
            entry = entry_of(sure, dict.fromkeys(fields, (day, day)))
            records = {self.derivations[0].records: m.Entries(self.as_of, (entry,))}
            return asked([m.Subject("", {}, records)] * len(made))[0]

        first: list[int] = []
        before: tuple[int, ...] | None = None
        for day in days:
            now = truths(day)
            if now != before:
                first.append(day)
            before = now
        return [
            (low, high)
            for i, low in enumerate(first)
            for j, high in enumerate(first[i:], start=i)
            if j <= i + 1 or high - first[i + 1] < 366
        ]

    def _elapsed(self) -> set[tuple[int, ...]] | None:
        """Truths of tests on the days between two dates, where nothing else is asked about:
        the days may lie in any interval. None where something is."""
        names = {leaf.fact for _, leaf in self.leaves if not isinstance(leaf, m.Todo)}
        if len(self.protocols) > 1 or len(names) > 1:
            return None
        (name,) = names
        made = asking(self.protocols[0], [leaf for _, leaf in self.leaves])
        ends = sorted(
            {limit // m.MILLION + step for _, leaf in self.leaves
             for limit in limits_of(leaf, self.protocols[0].facts[name]) for step in (-1, 0, 1)}
        )  # fmt: skip
        readings = [m.Reading(name, None, None, "no_date")]
        for i, low in enumerate(ends):
            for high in ends[i:]:
                if self._plausible({name: (low * m.MILLION, high * m.MILLION)}):
                    readings.append(m.Reading(name, low * m.MILLION, high * m.MILLION, None))
        found = (reference.truths(made, {name: one}, self.as_of) for one in readings)
        return {tuple(NUMBER[truth] for truth in truths.values()) for truths in found}

    def _any_hull(
        self, seen: Sequence[tuple[int, ...]]
    ) -> tuple[Mapping[tuple[int, ...], Plain | None], bool]:
        """Truths of tests on a recorded amount that may lie in any interval: values of which
        each may be the newest give a hull, and values of what never changes what they share.
        And whether all of them were tried."""
        every = True
        by_fact: dict[str, list[tuple[int, int, m.LimitTest | m.BetweenTest]]] = {}
        for i, (k, leaf) in enumerate(self.leaves):
            if (
                isinstance(leaf, m.LimitTest | m.BetweenTest)
                and self.protocols[k].facts[leaf.fact].derive is None
            ):
                by_fact.setdefault(leaf.fact, []).append((i, k, leaf))
        mixed: dict[tuple[int, ...], Plain | None] = dict.fromkeys(seen)
        for name, tests in by_fact.items():
            versions = [p.facts[name] for p in self.protocols if name in p.facts]
            if len({fact.unit for fact in versions}) > 1:
                every = False
                continue
            limits = {n for _, k, t in tests for n in limits_of(t, self.protocols[k].facts[name])}
            low = min(fact.range_u[0] if fact.range_u else -m.LARGEST for fact in versions)
            high = max(fact.range_u[1] if fact.range_u else m.LARGEST for fact in versions)
            ends = sorted({x for n in limits for x in (n - 1, n, n + 1) if low <= x <= high})
            made = {
                k: asking(self.protocols[k], [t for _, n, t in tests if n == k])
                for k in {k for _, k, _ in tests}
            }
            hulls: dict[tuple[int, ...], tuple[int, int]] = {}
            for first, last in combinations_with_replacement(ends, 2):
                self.effort.spent += len(made)
                reading = {name: m.Reading(name, first, last, None)}
                told = {
                    k: iter(reference.truths(one, reading, self.as_of).values())
                    for k, one in made.items()
                }
                hulls.setdefault(tuple(NUMBER[next(told[k])] for _, k, _ in tests), (first, last))
            for before, (others, hull) in product(list(mixed), hulls.items()):
                after = list(before)
                for (i, _, _), truth in zip(tests, others, strict=True):
                    after[i] = truth
                alone = len(tests) == len(self.leaves) and len(self.members) == 1
                mixed.setdefault(tuple(after), self._either(versions, *hull) if alone else None)
        return mixed, every

    def _either(self, versions: Sequence[m.Fact], low: int, high: int) -> Plain:
        """Two values of which either may be the newest; of what never changes, two bounds."""
        fact = versions[0]
        ends: list[Plain] = [{"value": Num(decimal_text(low))}, {"value": Num(decimal_text(high))}]
        if all(one.changes == "never" for one in versions):
            ends = [
                {"value": sign + str(end["value"])}
                for sign, end in zip((">=", "<="), ends, strict=True)
            ]
        if any(one.unit_required for one in versions):
            ends = [{**end, "unit": fact.unit} for end in ends]
        if any(one.attested_by for one in versions):
            ends = [{**end, "by": PERSON} for end in ends]
        dated = {**ends[0], "on": self.as_of.isoformat()}
        return {"facts": {fact.name: [dated, ends[1]]}, "records": {}}

    def _any_ratio(self, seen: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
        """Truths of tests on a ratio to a limit of normal that may lie in any interval.

        A result may print any limit of its own, so its ratio is free of its value; of two
        versions both read the same one.
        """
        tests = [
            (i, k, leaf) for i, (k, leaf) in enumerate(self.leaves) if isinstance(leaf, m.UlnTest)
        ]
        if not tests:
            return
        times = {Fraction(leaf.times_u, m.MILLION) for _, _, leaf in tests}
        edge = Fraction(1, 1000 * m.MILLION)
        ends = sorted({t + d for t in times for d in (-edge, Fraction(0), edge)})
        intervals = [m.UlnRatio(a, b) for i, a in enumerate(ends) for b in ends[i:]]
        intervals += [m.UlnRatio(None, b) for b in ends] + [m.UlnRatio(a, None) for a in ends]
        ratios = {tuple(UNKNOWN for _ in tests)}
        for ratio in intervals:
            self.effort.spent += Effort.ASKED * len(self.protocols)
            truths = []
            for _, k, leaf in tests:
                reading = m.Reading(leaf.fact, 0, 0, None, ratio)
                made = asking(self.protocols[k], [leaf])
                (truth,) = reference.truths(made, {leaf.fact: reading}, self.as_of).values()
                truths.append(NUMBER[truth])
            ratios.add(tuple(truths))
        for before, others in product(seen, ratios):
            mixed = list(before)
            for (i, _, _), truth_there in zip(tests, others, strict=True):
                mixed[i] = truth_there
            yield tuple(mixed)

    def _made_up(self, option: _Option, what: Any) -> list[m.Subject]:
        """An option as values; empty where it is a file's and a pack refuses it."""
        if option.facts is not None:
            return self._read(option) or []
        facts = {what: option.statements} if isinstance(what, str) else {}
        on = self._confirmed_on(option)
        records = {option.list_name: m.Entries(on, option.made)} if option.list_name else {}
        return [m.Subject("", facts, records)] * len(self.protocols)

    def _recorded(self, combo: Sequence[_Option]) -> Plain:
        facts: Plain = {}
        records: Plain = {}
        for option in combo:
            facts |= option.facts or {}
            if option.list_name:
                on = self._confirmed_on(option)
                said = None if on is None else on.isoformat()
                listed = records.setdefault(option.list_name, {"complete_on": said, "entries": []})
                listed["entries"] = [*listed["entries"], *option.entries]
                if said is None or (listed["complete_on"] or said) > said:
                    listed["complete_on"] = said
        return {"facts": facts, "records": records}

    def _confirmed_on(self, option: _Option) -> date | None:
        return None if option.age is None else self.as_of - timedelta(days=option.age)

    def _confirmed(self, name: str, options: Iterable[_Option]) -> Iterator[_Option]:
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

    def _fact(self, name: str) -> m.Fact:
        return next(p.facts[name] for p in self.protocols if name in p.facts)

    # --- recorded facts -------------------------------------------------------------------

    def _root(self, fact: m.Fact, own: Sequence[int]) -> Iterator[_Option]:
        versions = [p.facts[fact.name] for p in self.protocols if fact.name in p.facts]
        days = {self.as_of}
        stale = {v.valid_for for v in versions}
        if len(stale) > 1:
            # Two dictionaries rely on a result for different times: try between them.
            for valid_for in stale - {None}:
                assert valid_for is not None
                stale_on = back(self.as_of, valid_for, early=True, strict=True)
                days |= {stale_on, stale_on + timedelta(days=1)}
        signed = [True] if len({bool(v.attested_by) for v in versions}) == 1 else [True, False]
        for on, by in product(sorted(days, reverse=True), signed):
            said: Plain = {"on": on.isoformat()}
            if by and any(v.attested_by for v in versions):
                said["by"] = PERSON
            for value in self._values(fact, own):
                yield _Option({fact.name: {**value, **said}})
        yield _Option({})

    def _values(self, fact: m.Fact, own: Sequence[int]) -> Iterator[Plain]:
        if fact.type == "boolean":
            yield from ({"value": True}, {"value": False})
        elif fact.type == "choice":
            codes = [
                c.code
                for p in self.protocols
                if fact.name in p.facts
                for c in p.facts[fact.name].choices
            ]
            yield from ({"value": code} for code in dict.fromkeys(codes))
        elif fact.type == "quantity":
            yield from self._amounts(fact)
        elif fact.type == "date":
            for day in own:
                yield {"value": date.fromordinal(day).isoformat()}
            yield {"value": "never"}
            # With other dates beside it, every pair would be tried: two partial ones do.
            partial = own if len(self.members) == 1 else [self.day_number]
            text = [date.fromordinal(day).isoformat() for day in partial]
            yield from ({"value": t} for t in dict.fromkeys(day[:7] for day in text))
            yield from ({"value": t} for t in dict.fromkeys(day[:4] for day in text))

    def _any_days(self, fact: m.Fact, own: Sequence[int]) -> Iterator[_Option]:
        """Any day, and any partial date whatever the day of screening: at most a year, or
        whatever lies between two days of which either may be the newest."""
        on = self.as_of
        held = [p.facts[fact.name] for p in self.protocols if fact.name in p.facts]
        lasting = all(one.changes == "never" for one in held)

        def said(value: m.Days | str) -> _Option:
            return _Option(None, (m.Statement("", value, None, on, by=PERSON),))

        yield _Option(None)
        if not any(
            is_birth_date(p, p.facts[fact.name]) for p in self.protocols if fact.name in p.facts
        ):
            yield said("never")
        days = sorted(own)
        for i, first in enumerate(days):
            yield said(m.Days(date.fromordinal(first), date.fromordinal(first)))
            for j in range(i + 1, len(days)):
                # The ends may lie anywhere beside the limits between them.
                if lasting and days[j] - days[i + 1] > 366:
                    break
                ends = (date.fromordinal(first), date.fromordinal(days[j]))
                yield said(m.Days(*ends))

    def _amounts(self, fact: m.Fact) -> Iterator[Plain]:
        limits: set[tuple[int, str]] = set()
        times: set[int] = set()
        for k, leaf in self.leaves:
            if getattr(leaf, "fact", None) != fact.name:
                continue
            unit = self.protocols[k].facts[fact.name].unit
            if isinstance(leaf, m.LimitTest):
                limits.add((leaf.limit_u, unit))
            elif isinstance(leaf, m.BetweenTest):
                limits |= {(leaf.low_u, unit), (leaf.high_u, unit)}
            elif isinstance(leaf, m.UlnTest):
                times.add(leaf.times_u)
        ranges = [p.facts[fact.name].range_u for p in self.protocols if fact.name in p.facts]
        single = len({unit for _, unit in limits} | {fact.unit}) == 1
        step = fact.resolution_u or grain([limit for limit, _ in limits])
        values: dict[tuple[int, str], None] = {}
        exact = sorted({limit for limit, unit in limits if unit == fact.unit})
        for end in {e for r in ranges if r for e in r} if single else ():
            exact = sorted({*exact, end})
        for limit in exact or [0 if not ranges[0] else ranges[0][0]]:
            for other in (limit + step, limit - step, limit, limit + 1, limit - 1):
                values[other, fact.unit] = None
        for low, high in pairwise(exact):
            values[(low + high) // 2, fact.unit] = None
        for limit, unit in limits:
            if unit != fact.unit:
                values |= {(limit, unit): None, (limit + 1, unit): None, (limit - 1, unit): None}
        if times:
            yield from self._ratios(fact, sorted(times), [v for v, _ in values] if limits else [])
        if not (times and not limits):
            for value, unit in values:
                yield self._amount(fact, "", value, unit, single)
            for sign, (value, unit) in product(("<", "<=", ">", ">="), values):
                yield self._amount(fact, sign, value, unit, single)

    def _ratios(self, fact: m.Fact, times: Sequence[int], values: Sequence[int]) -> Iterator[Plain]:
        low, high = fact.range_u or (-m.LARGEST, m.LARGEST)
        step = max(1, min((b - a for a, b in pairwise([0, *times])), default=2) // 2)
        wanted = dict.fromkeys(r for t in times for r in (t + step, t - step, t))
        wanted |= {min(times) - step: None}
        for ratio in wanted:
            limit = limit_for(ratio, fact.uln_u or 10 * m.MILLION, low, high)
            if limit is not None:
                for sign in ("", "<", "<=", ">", ">="):
                    text = sign + decimal_text(ratio * limit // m.MILLION)
                    said = Num(decimal_text(limit))
                    yield {"value": text if sign else Num(text), "uln": said}
        for one, other in combinations(sorted(wanted), 2) if fact.range_u else ():
            # A censored result reaches from its bound to the end of the range.
            limit = high * m.MILLION // other if other > 0 else 0
            if limit > 0 and low <= one * limit // m.MILLION <= high:
                text = f">{decimal_text(one * limit // m.MILLION)}"
                yield {"value": text, "uln": Num(decimal_text(limit))}
        own = {p.facts[fact.name].uln_u for p in self.protocols if fact.name in p.facts}
        # Results without a limit of their own are divided by those of the dictionaries.
        limits = [limit for limit in own if limit is not None]
        turning = {t * limit // m.MILLION for t in times for limit in limits}
        for value in sorted({v + d for v in turning for d in (-1, 0, 1)} | {*limits}):
            if low <= value <= high:
                for sign in ("", "<", "<=", ">", ">=") if len(own) > 1 else ("",):
                    text = sign + decimal_text(value)
                    yield {"value": text if sign else Num(text)}
        if values:
            # Both the value and its ratio are asked about: try each with each.
            for value, ratio in product(values, wanted):
                limit_at = Fraction(value * m.MILLION, ratio) if ratio else Fraction(0)
                if limit_at > 0 and low <= value <= high:
                    shown = Num(decimal_text(max(1, round(limit_at))))
                    yield {"value": Num(decimal_text(value)), "uln": shown}

    def _amount(self, fact: m.Fact, sign: str, value: int, unit: str, single: bool) -> Plain:
        said: Plain = {
            "value": Num(decimal_text(value)) if not sign else sign + decimal_text(value)
        }
        return said if single else {**said, "unit": unit}

    # --- dates ----------------------------------------------------------------------------

    def _links(self) -> dict[tuple[int, int], list[int]]:
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

    def _days(self) -> tuple[list[list[int]], Held]:
        """For each member the days at and beside every limit on it, the nearest first; and what
        is proved by trying those."""
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
                if len(whole) > MOST_COMBINATIONS:
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

    # --- record lists -----------------------------------------------------------------------

    def _listed(self, member: int, virtual: bool = False) -> Iterator[_Option]:
        """What a list may hold for one derivation that has entries of its own."""
        derive = self.members[member]
        assert not isinstance(derive, str)
        name = derive.records
        templates = self.templates[name]
        sure, maybe = templates.plainest(derive, "true"), templates.plainest(derive, "unknown")
        number = self.derivations.index(derive)

        def option(*entries: tuple[bool, Any], age: int | None = 0) -> _Option:
            """Entries as (surely counted, date or dates or None)."""
            if virtual:
                made = tuple(self._made(derive, number, *entry) for entry in entries)
                return _Option(None, (), name, (), made, age)
            assert sure is not None
            plain = tuple(
                {**((sure if certain else maybe) or {}), **dated_when(derive, day)}
                for certain, day in entries
            )
            return _Option({}, (), name, plain, (), age)

        yield option()
        past = [day for day in self.days[member] if day <= self.day_number]
        for plain in () if virtual else self._known_to_one(derive, sure or {}):
            when = dated_when(derive, past[0] if past else None)
            yield _Option({}, (), name, ({**plain, **when},))
        possible = virtual or maybe is not None
        if isinstance(derive, m.Exists):
            yield option((True, None))
            if possible:
                yield option((False, None))
            if not virtual:
                yield option(age=None)
            return
        if isinstance(derive, m.Count):
            counts = self._counts(derive)
            for n in counts:
                yield option(*[(True, None)] * n)
                if possible:
                    for most in counts:
                        if most > n:
                            yield option(*[(True, None)] * n, *[(False, None)] * (most - n))
                if not virtual:
                    yield option(*[(True, None)] * n, age=None)
            return
        for day in past:
            yield option((True, day))
        if virtual:
            ordered = sorted(past)
            for i, low in enumerate(ordered):
                for high in ordered[i + 1 :]:
                    yield option((True, (low, high)))
                    yield option((True, (low, high)), (True, None))
        else:
            text = [date.fromordinal(day).isoformat() for day in past]
            for partial in dict.fromkeys([*(t[:7] for t in text), *(t[:4] for t in text)]):
                yield option((True, partial))
        yield option((True, "ongoing"))
        yield option((True, None))
        for day in past:
            yield option((True, day), (True, None))
        if possible:
            for day in past:
                yield option((False, day))
                for other in past:
                    yield option((True, other), (False, day))
        if not virtual:
            yield option(age=None)
            for day in past:
                yield option((True, day), age=None)

    def _known_to_one(self, derive: Listed, entry: Plain) -> Iterator[Plain]:
        """An entry with each code that one version's dictionary has, and the other has not."""
        for where in derive.where:
            fields = [
                p.records[derive.records].fields.get(where.field)
                for p in self.protocols
                if derive.records in p.records
            ]
            codes = [_codes(field) for field in fields if field is not None]
            for code in sorted(frozenset().union(*codes) - frozenset.intersection(*codes)):
                yield {**entry, where.field: code}

    def _counted(self) -> Held:
        """Whether as many entries are tried as any limit on their number asks for."""
        derived = [one for one in self.derivations if isinstance(one, m.Count)]
        return ALL if all(max(self._at_limits(d)) <= MOST_COUNTED for d in derived) else NOTHING

    def _counts(self, derive: Listed) -> list[int]:
        """The numbers of entries that are tried for limits on how many there are."""
        return sorted(n for n in self._at_limits(derive) if 0 <= n <= MOST_COUNTED)

    def _at_limits(self, derive: Listed) -> set[int]:
        """The numbers of entries at and beside every limit on how many there are."""
        limits = {
            limit // m.MILLION
            for k, leaf in self.leaves
            if not isinstance(leaf, m.Todo) and self.protocols[k].facts[leaf.fact].derive == derive
            for limit in limits_of(leaf, self.protocols[k].facts[leaf.fact])
        }
        return {0, 1} | {limit + step for limit in limits for step in (-1, 0, 1)}

    def _most(self, derive: Listed) -> int:
        """The number of entries beyond which no test tells one from another."""
        limits = [
            limit // m.MILLION
            for k, leaf in self.leaves
            if not isinstance(leaf, m.Todo) and self.protocols[k].facts[leaf.fact].derive == derive
            for limit in limits_of(leaf, self.protocols[k].facts[leaf.fact])
        ]
        return max(limits, default=0) + 2

    def _made(self, derive: Listed, number: int, certain: bool, when: Any) -> m.Entry:
        """An entry that one derivation alone counts, told apart by fields made up for it."""
        values: dict[str, Any] = {
            f"~{i}": "no" for i, one in enumerate(self.members) if not isinstance(one, str)
        }
        mine = f"~{number}"
        values = {key: value for key, value in values.items() if key != mine}
        if certain:
            values[mine] = "yes"
        if isinstance(derive, m.LatestOf | m.EarliestOf) and when is not None:
            ends = when if isinstance(when, tuple) else (when, when)
            values[derive.field] = (
                when
                if isinstance(when, str)
                else m.Days(date.fromordinal(ends[0]), date.fromordinal(ends[1]))
            )
        return m.Entry("", values)

    def _shared(self, name: str, together: Sequence[Listed]) -> Iterator[Iterable[_Option]]:
        """For each kind of entry that coupled derivations share, what may be recorded."""
        templates = self.templates[name]
        numbers = [templates.derivations.index(d) for d in together]
        kinds: dict[tuple[m.Truth, ...], Plain] = {}
        for truths, plain in sorted(
            templates.entries.items(),
            key=lambda one: sum(t != "false" for i, t in enumerate(one[0]) if i not in numbers),
        ):
            kinds.setdefault(tuple(truths[i] for i in numbers), plain)
        kinds.pop(tuple("false" for _ in numbers), None)
        fields = sorted({d.field for d in together if isinstance(d, m.LatestOf | m.EarliestOf)})
        days = dict.fromkeys(
            day
            for number, what in enumerate(self.members)
            if what in together
            for day in self.days[number]
        )
        past = [day for day in days if day <= self.day_number]
        ways: dict[str, set[type]] = {}
        for derive in together:
            if isinstance(derive, m.LatestOf | m.EarliestOf):
                ways.setdefault(derive.field, set()).add(type(derive))
        both = any(len(types) > 1 for types in ways.values())
        counts = [
            n
            for derive in together
            if isinstance(derive, m.Count)
            for n in self._counts(derive)
            if n > 1
        ]
        for number, plain in enumerate(kinds.values()):
            yield self._entries(name, plain, number, fields, past, both, counts)

    def _entries(
        self, name: str, plain: Plain, number: int, fields: Sequence[str], past: Sequence[int],
        both: bool, counts: Sequence[int],
    ) -> Iterator[_Option]:  # fmt: skip
        """What may be recorded of one kind of entry."""
        yield _Option({}, (), name)
        if number == 0:
            yield _Option({}, (), name, age=None)
        dates = [*past, "ongoing", None]

        def entries() -> Iterator[Plain]:
            for chosen in product(dates, repeat=len(fields)):
                entry = dict(plain)
                for field, day in zip(fields, chosen, strict=True):
                    entry |= dated(field, day)
                yield entry

        for entry in entries():
            yield _Option({}, (), name, (entry,))
        for n in dict.fromkeys(counts):
            for entry in entries():
                yield _Option({}, (), name, (entry,) * n)
        if both:
            # The earliest and the latest day of one kind are those of two entries.
            made = list(islice(entries(), MOST_COMBINATIONS))
            for two in combinations(made, 2):
                yield _Option({}, (), name, two)


def _codes(of: m.Fact | m.Field) -> frozenset[str]:
    return frozenset(choice.code for choice in of.choices)


def never_cut(protocols: Sequence[m.Protocol], members: Iterable[Source]) -> bool:
    """Whether no day cuts what some sources can come to."""
    for what in members:
        if not isinstance(what, str):
            spans = {
                p.records[what.records].valid_for for p in protocols if what.records in p.records
            }
            if isinstance(what, m.LatestOf | m.EarliestOf) or len(spans) > 1:
                return False
            continue
        facts = [p.facts[what] for p in protocols if what in p.facts]
        if facts[0].type == "date" or len({fact.valid_for for fact in facts}) > 1:
            return False
    return True
