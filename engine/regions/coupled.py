"""The cells of one variable: everything recorded is put to the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice, product

from engine import terms as m
from engine.regions.asked import PERSON, Asked, Plain, codes_of
from engine.regions.cells import ALL, NOTHING, Cell, Held, Variable
from engine.regions.days import FIRST_DAY, LAST_DAY, Source
from engine.regions.diagrams import UNKNOWN, Effort
from engine.regions.entries import counted, listed, shared
from engine.regions.group import LEAST_COMBINATIONS, Group, Known, Option
from engine.regions.intervals import added_up, any_hull, any_ratio, elapsed
from engine.regions.lists import dated_when, told_apart
from engine.regions.some import a_few, size_of
from engine.regions.values import any_days, root


def variable_of(group: Group) -> Variable:
    """The cells of the variable, with what is proved of them."""
    names = dict.fromkeys(leaf.fact for _, leaf in group.leaves if not isinstance(leaf, m.Todo))
    found: dict[tuple[int, ...], Cell] = {}
    asked = Asked(group.protocols, group.leaves, group.as_of)
    otherwise = _read_otherwise(group)
    # Two intervals may lie to each other in ways that are not tried.
    held = Held(not group.links, True) & group.cut_days[1] & counted(group)
    if otherwise:
        held = NOTHING
    number = 0
    for combo in _combinations(group):
        if isinstance(combo, Held):
            held &= combo
            continue
        if number >= LEAST_COMBINATIONS and group.effort.over:
            held = NOTHING
            break
        number += 1
        group.effort.spent += asked.cost
        truths, points = asked(group.subjects([part for _, part in combo]))
        if not group.plausible(points):
            continue
        if truths not in found:
            recorded = group.recorded([option for option, _ in combo])
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
    possible, tried = _possible(group) if held.whole else ((), True)
    held &= Held(tried, True)
    for truths in possible:
        found.setdefault(truths, Cell(truths, None, {}, {}))
    more = added_up(group) if group.shared else elapsed(group) if group.links else None
    if more is not None and not otherwise:
        for truths in more:
            found.setdefault(truths, Cell(truths, None, {}, {}))
        held = ALL
    if held.whole:
        hulls, tried = any_hull(group, list(found))
        held &= Held(tried, True)
        for truths, either in hulls.items():
            found.setdefault(truths, Cell(truths, either, {}, {}))
    for truths in any_ratio(group, list(found)):
        found.setdefault(truths, Cell(truths, None, {}, {}))
    if not found:  # none of what was tried is plausible
        held = NOTHING
        unknown = (UNKNOWN,) * len(group.leaves)
        found[unknown] = Cell(unknown, None, {}, {})
    # What is decided comes first, so that witnesses are as plain as they can be.
    cells = sorted(found.values(), key=lambda cell: cell.truths.count(UNKNOWN))
    return Variable(
        tuple(names), tuple(group.leaves), tuple(cells), held,
        never_cut(group.protocols, group.members),
    )  # fmt: skip


def _read_otherwise(group: Group) -> bool:
    """Whether two versions read what is recorded in ways that are not tried."""
    for what in group.members:
        if isinstance(what, str):
            facts = [p.facts[what] for p in group.protocols if what in p.facts]
            if len({(fact.type, fact.molar_mass, fact.also_in) for fact in facts}) > 1:
                return True
            # A ratio to a limit of normal ends where the range does, in its own unit.
            ratios = any(isinstance(leaf, m.UlnTest) for _, leaf in group.leaves)
            if ratios and len({(fact.unit, fact.range_u) for fact in facts}) > 1:
                return True
            continue
        for field in m.fields_in(what.where):
            held = [
                p.records[what.records].fields[field]
                for p in group.protocols
                if what.records in p.records and field in p.records[what.records].fields
            ]
            told = {
                (f.type, f.many, f.unit, f.molar_mass, f.also_in, f.range_u, codes_of(f))
                for f in held
            }
            if len(told) > 1:
                return True
        lists = [p.records[what.records] for p in group.protocols if what.records in p.records]
        if any(one.known != lists[0].known for one in lists):
            return True
    return False


def _combinations(group: Group) -> Iterator[Sequence[Known] | Held]:
    """What is put to the reference, one thing of each member at a time; and what is proved
    of what is to come, where it is not all."""
    if group.links and not group.shared:
        yield from _corners(group)
    members = []
    for options in _real(group):
        known, every = _known(group, options)
        members.append(known)
        if not every:
            yield NOTHING
    for name in group.shared:
        # Entries that count for others as well may widen these further; of several
        # entries of one kind only the latest and the earliest day tell, but not for counts.
        yield Held(False, not any(isinstance(d, m.Count) for d in group.lists[name]))
    if size_of(members) > group.most:
        # Where days lie between dates, the corners have all that is known precisely.
        yield Held(False, bool(group.links) and not group.shared)
        if all(members):
            yield from a_few(members, group.most)
        return
    yield from product(*members)


def _known(group: Group, options: Iterable[Option]) -> tuple[list[Known], bool]:
    """The options that every pack's reader takes, with what it makes of them; and whether
    all were tried."""
    found: list[Known] = []
    for number, option in enumerate(options):
        full = number >= group.most
        if full or (number >= LEAST_COMBINATIONS and group.effort.over):
            return found, False
        group.effort.spent += Effort.ASKED * len(group.protocols)
        read = group.read(option)
        if read:
            found.append((option, read))
    return found, True


def _corners(group: Group) -> Iterator[Sequence[Known] | Held]:
    """Dates in every order that they can have among each other and to the limits.

    The dates of one region, all of them known, are bounded each by days and two by two
    by distances. Such a region has a corner in whole days unless it is empty; there,
    each date stands on a bound of its own, or at a bound of its distance from another
    that does. A date may also be `never`, which is no distance from anything.
    """
    count = len(group.members)
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
                    for span in group.links.get((j, i), ())
                ]
                for day in dict.fromkeys([*group.days[i], m.NEVER, *near]):
                    wider[(*way[:i], day, *way[i + 1 :])] = None
            if len(wider) > group.most:
                break
        if len(wider) > group.most:
            yield Held(True, False)
        ways = dict.fromkeys(islice(wider, group.most))
    known: dict[tuple[int, int], Known | None] = {}
    for way in ways:
        parts = []
        for i, on in enumerate(way):
            assert on is not None
            if (i, on) not in known:
                known[i, on] = _dated_member(group, i, on)
            parts.append(known[i, on])
        if all(part is not None for part in parts):
            yield [part for part in parts if part is not None]


def _dated_member(group: Group, number: int, day: int) -> Known | None:
    """One member with one day (or `never`); None where that cannot be recorded."""
    what = group.members[number]
    if day != m.NEVER and not FIRST_DAY.toordinal() <= day <= LAST_DAY.toordinal():
        return None
    if isinstance(what, str):
        value = "never" if day == m.NEVER else date.fromordinal(day).isoformat()
        said: Plain = {"value": value, "on": group.as_of.isoformat()}
        facts = [p.facts[what] for p in group.protocols if what in p.facts]
        if any(fact.attested_by for fact in facts):
            said["by"] = PERSON
        option = Option({what: said})
    elif day == m.NEVER:
        option = Option({}, (), what.records)
    elif day > group.day_number:
        return None
    else:
        sure = group.templates[what.records].plainest(what, "true") or {}
        option = Option({}, (), what.records, ({**sure, **dated_when(what, day)},))
    read = group.read(option)
    return (option, read) if read else None


def _real(group: Group) -> Iterator[Iterable[Option]]:
    """For each member, what can be recorded."""
    for number, what in enumerate(group.members):
        if isinstance(what, str):
            yield root(group, group.fact(what), group.days[number])
        elif what.records not in group.shared:
            yield group.confirmed(what.records, listed(group, number))
    for name in group.shared:
        for options in shared(group, name, group.lists[name]):
            yield group.confirmed(name, options)


def _possible(group: Group) -> tuple[Iterable[tuple[int, ...]], bool]:
    """Truths that values made up give, over lists whose derivations are told apart; and
    whether all of them were tried."""
    dated = any(not isinstance(one, str) or group.fact(one).type == "date" for one in group.members)
    if not dated:
        return (), True
    options: list[list[Option]] = []
    for number, what in enumerate(group.members):
        if not isinstance(what, str):
            some = group.confirmed(what.records, listed(group, number, virtual=True))
        elif group.fact(what).type == "date":
            some = any_days(group, group.fact(what), group.days[number])
        else:
            some = root(group, group.fact(what), group.days[number])
        options.append(list(islice(some, group.most + 1)))
    size = size_of(options)
    group.effort.spent += Effort.ASKED * len(group.protocols) * min(size, group.most)
    if size > group.most or group.effort.over:
        return (), False
    made = [told_apart(p, group.derivations) for p in group.protocols]
    asked = Asked(made, group.leaves, group.as_of)
    parts = [
        [(o, _made_up(group, o, what)) for o in os]
        for what, os in zip(group.members, options, strict=True)
    ]
    seen = set()
    for combo in product(*parts):
        if all(part for _, part in combo):
            truths, points = asked(group.subjects([part for _, part in combo]))
            if group.plausible(points):
                seen.add(truths)
    return seen, True


def _made_up(group: Group, option: Option, what: Source) -> list[m.Subject]:
    """An option as values; empty where it is a file's and a pack refuses it."""
    if option.facts is not None:
        return group.read(option) or []
    facts = {what: option.statements} if isinstance(what, str) else {}
    on = group.confirmed_on(option)
    records = {option.list_name: m.Entries(on, option.made)} if option.list_name else {}
    return [m.Subject("", facts, records)] * len(group.protocols)


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
