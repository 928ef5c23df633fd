"""Readings that nothing recorded was tried for: sums of entries, and intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import combinations_with_replacement, product

from engine import terms as m
from engine.read.source import Num
from engine.record.wording import decimal_text
from engine.reference import evaluator as reference
from engine.regions.asked import NUMBER, PERSON, Asked, Plain, asking
from engine.regions.days import FIRST_DAY, Cut, cuts_of, edges_of, limits_of
from engine.regions.diagrams import UNKNOWN, Effort
from engine.regions.entries import most
from engine.regions.group import MOST_COUNTED, Group, Option
from engine.regions.lists import Sum, added, dated_by, entry_of, no_sum, sum_of, told_apart


def added_up(group: Group) -> set[tuple[int, ...]] | None:
    """Truths of derivations that share a list's entries, whatever entries it has.

    What entries come to for a derivation is summed up in a few figures (`sum_of`), and two
    lists put together have the sums of both. So sums are added to each other until no
    new one is found. A day stands for all days that no test tells from it. None where
    there are too many, or days between dates are asked about as well.
    """
    derivations = group.derivations
    templates = group.templates[derivations[0].records]
    if group.links or not templates.complete or group.effort.over:
        return None
    kinds = {
        tuple(truths[templates.derivations.index(d)] for d in derivations)
        for truths in templates.kinds
    }
    tops = [most(group, d) for d in derivations]
    if max(tops) > MOST_COUNTED:
        return None
    made = [told_apart(p, derivations) for p in group.protocols]
    single: dict[tuple[Sum, ...], m.Entry] = {}
    spans = _spans(group, made)
    for kind in kinds - {("false",) * len(derivations)}:
        counted = (d for d, t in zip(derivations, kind, strict=True) if t != "false")
        fields = dated_by(counted)
        for chosen in product([None, "ongoing", *spans], repeat=len(fields)):
            dates = dict(zip(fields, chosen, strict=True))
            sums = tuple(
                sum_of(d, truth, dates, group.day_number)
                for d, truth in zip(derivations, kind, strict=True)
            )
            group.effort.spent += len(derivations)
            if sums not in single:
                single[sums] = entry_of(kind, dates)
            if len(single) > group.most:
                return None
    nothing = tuple(no_sum(d) for d in derivations)
    reached: dict[tuple[Sum, ...], tuple[m.Entry, ...]] = {nothing: ()}
    todo = [nothing]
    while todo:
        sums = todo.pop()
        group.effort.spent += 10 * len(single) * len(derivations)
        if len(reached) > group.most or group.effort.over:
            return None
        for other, entry in single.items():
            both = tuple(added(a, b, top) for a, b, top in zip(sums, other, tops, strict=True))
            if both not in reached:
                reached[both] = (*reached[sums], entry)
                todo.append(both)
    asked = Asked(made, group.leaves, group.as_of)
    name = derivations[0].records
    ages = [option.age for option in group.confirmed(name, [Option(None)])]
    found: set[tuple[int, ...]] = set()
    for entries, age in product(reached.values(), [*ages, None]):
        group.effort.spent += asked.cost
        on = None if age is None else group.as_of - timedelta(days=age)
        one = m.Subject("", {}, {name: m.Entries(on, entries)})
        truths, points = asked([one] * len(group.protocols))
        if group.plausible(points):
            found.add(truths)
    return found


def _spans(group: Group, made: Sequence[m.Protocol]) -> list[tuple[int, int]]:
    """The first and last days of dates, partial ones included: for each stretch of days
    that no test tells apart the first, and where a year may reach from one to another."""
    cuts: set[Cut] = set()
    for k, leaf in group.leaves:
        assert not isinstance(leaf, m.Todo)
        cuts |= cuts_of(leaf, group.protocols[k].facts[leaf.fact])
    edges = edges_of(cuts, group.as_of) | {FIRST_DAY.toordinal()}
    days = sorted(d for d in edges if FIRST_DAY.toordinal() <= d <= group.day_number)
    asked = Asked(made, group.leaves, group.as_of)
    fields = {getattr(d, "field", "") for d in group.members} - {""}
    sure = ["true"] * len(group.members)

    def truths(day: int) -> tuple[int, ...]:
        entry = entry_of(sure, dict.fromkeys(fields, (day, day)))
        records = {group.derivations[0].records: m.Entries(group.as_of, (entry,))}
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


def elapsed(group: Group) -> set[tuple[int, ...]] | None:
    """Truths of tests on the days between two dates, where nothing else is asked about:
    the days may lie in any interval. None where something is."""
    names = {leaf.fact for _, leaf in group.leaves if not isinstance(leaf, m.Todo)}
    if len(group.protocols) > 1 or len(names) > 1:
        return None
    (name,) = names
    made = asking(group.protocols[0], [leaf for _, leaf in group.leaves])
    ends = sorted(
        {limit // m.MILLION + step for _, leaf in group.leaves
         for limit in limits_of(leaf, group.protocols[0].facts[name]) for step in (-1, 0, 1)}
    )  # fmt: skip
    readings = [m.Reading(name, None, None, "no_date")]
    for i, low in enumerate(ends):
        for high in ends[i:]:
            if group.plausible({name: (low * m.MILLION, high * m.MILLION)}):
                readings.append(m.Reading(name, low * m.MILLION, high * m.MILLION, None))
    found = (reference.truths(made, {name: one}, group.as_of) for one in readings)
    return {tuple(NUMBER[truth] for truth in truths.values()) for truths in found}


def any_hull(
    group: Group, seen: Sequence[tuple[int, ...]]
) -> tuple[Mapping[tuple[int, ...], Plain | None], bool]:
    """Truths of tests on a recorded amount that may lie in any interval: values of which
    each may be the newest give a hull, and values of what never changes what they share.
    And whether all of them were tried."""
    every = True
    by_fact: dict[str, list[tuple[int, int, m.LimitTest | m.BetweenTest]]] = {}
    for i, (k, leaf) in enumerate(group.leaves):
        if (
            isinstance(leaf, m.LimitTest | m.BetweenTest)
            and group.protocols[k].facts[leaf.fact].derive is None
        ):
            by_fact.setdefault(leaf.fact, []).append((i, k, leaf))
    mixed: dict[tuple[int, ...], Plain | None] = dict.fromkeys(seen)
    for name, tests in by_fact.items():
        versions = [p.facts[name] for p in group.protocols if name in p.facts]
        if len({fact.unit for fact in versions}) > 1:
            every = False
            continue
        limits = {n for _, k, t in tests for n in limits_of(t, group.protocols[k].facts[name])}
        low = min(fact.range_u[0] if fact.range_u else -m.LARGEST for fact in versions)
        high = max(fact.range_u[1] if fact.range_u else m.LARGEST for fact in versions)
        ends = sorted({x for n in limits for x in (n - 1, n, n + 1) if low <= x <= high})
        made = {
            k: asking(group.protocols[k], [t for _, n, t in tests if n == k])
            for k in {k for _, k, _ in tests}
        }
        hulls: dict[tuple[int, ...], tuple[int, int]] = {}
        for first, last in combinations_with_replacement(ends, 2):
            group.effort.spent += len(made)
            reading = {name: m.Reading(name, first, last, None)}
            told = {
                k: iter(reference.truths(one, reading, group.as_of).values())
                for k, one in made.items()
            }
            hulls.setdefault(tuple(NUMBER[next(told[k])] for _, k, _ in tests), (first, last))
        for before, (others, hull) in product(list(mixed), hulls.items()):
            after = list(before)
            for (i, _, _), truth in zip(tests, others, strict=True):
                after[i] = truth
            alone = len(tests) == len(group.leaves) and len(group.members) == 1
            mixed.setdefault(tuple(after), _either(group, versions, *hull) if alone else None)
    return mixed, every


def _either(group: Group, versions: Sequence[m.Fact], low: int, high: int) -> Plain:
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
    dated = {**ends[0], "on": group.as_of.isoformat()}
    return {"facts": {fact.name: [dated, ends[1]]}, "records": {}}


def any_ratio(group: Group, seen: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Truths of tests on a ratio to a limit of normal that may lie in any interval.

    A result may print any limit of its own, so its ratio is free of its value; of two
    versions both read the same one.
    """
    tests = [
        (i, k, leaf) for i, (k, leaf) in enumerate(group.leaves) if isinstance(leaf, m.UlnTest)
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
        group.effort.spent += Effort.ASKED * len(group.protocols)
        truths = []
        for _, k, leaf in tests:
            reading = m.Reading(leaf.fact, 0, 0, None, ratio)
            made = asking(group.protocols[k], [leaf])
            (truth,) = reference.truths(made, {leaf.fact: reading}, group.as_of).values()
            truths.append(NUMBER[truth])
        ratios.add(tuple(truths))
    for before, others in product(seen, ratios):
        mixed = list(before)
        for (i, _, _), truth_there in zip(tests, others, strict=True):
            mixed[i] = truth_there
        yield tuple(mixed)
