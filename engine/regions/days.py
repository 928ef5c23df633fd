"""Days: where tests cut them, and which as-of dates there are to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache

from engine import terms as m
from engine.regions.asked import pack_leaves
from engine.regions.axis import turns
from engine.regions.free import is_free
from engine.terms import calendar
from engine.terms.condition import limits_named
from engine.terms.dictionary import derived_from

Source = str | m.ListDerivation
"""What a fact is recorded through: a recorded fact's name, or a derivation over a list."""

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
CENTURY = 12 * (2000 - FIRST_DAY.year)
"""So many months before the first as-of date, in the year 2000, nothing can be recorded."""
MOST_DATES = 24

Cut = date | tuple[int, int, bool]
"""What cuts dates: a day, or so many days and months ago (True: the day before as well)."""


def sources(protocol: m.Protocol, name: str) -> frozenset[Source]:
    """What a fact is recorded through: facts, and derivations over lists."""
    fact = protocol.facts[name]
    if fact.derive is None or isinstance(
        fact.derive, m.Distinct | m.OfSeveral | m.OfValues | m.Stable
    ):
        return frozenset([name])
    if isinstance(fact.derive, m.ListDerivation):
        return frozenset([fact.derive])
    return frozenset().union(*(sources(protocol, one) for one in derived_from(fact)))


def limits_of(leaf: m.Leaf, fact: m.Fact) -> tuple[int, ...]:
    """Where a test on a derived number cuts it, with the ends of its range: what lies outside
    rejects a subject. Ends of an age of a century are left out: on some as-of dates nobody of
    that age can be recorded, and there are younger ones on the same side of every limit."""
    limits = limits_named(leaf)
    if not limits or fact.range_u is None:
        return limits
    aged = isinstance(fact.derive, m.CompletedYears)
    return (*limits, *(end for end in fact.range_u if not aged or end < 100 * m.MILLION))


def cuts_of(leaf: m.Leaf, fact: m.Fact) -> set[Cut]:
    """Where one test cuts the dates that it asks about, or that its fact is derived from."""
    turning = turns(leaf, fact, limits_of(leaf, fact))
    strict = (False, True) if isinstance(leaf, m.AgoTest) else (False,)
    cuts: set[Cut] = {(one.days, one.months, s) for one in turning.lengths for s in strict}
    return cuts | {day - timedelta(days=n) for day in turning.days for n in (0, 1)}


def edges_of(cuts: Iterable[Cut], as_of: date) -> set[int]:
    """The day numbers on both sides of every cut, on an as-of date."""
    return {edge for cut in cuts for edge in _edges_of(cut, as_of)}


def _edges_of(cut: Cut, as_of: date) -> list[int]:
    """Both sides of one cut, by both month-end rules."""
    if isinstance(cut, date):
        days = [cut, cut]
    else:
        days = [back(as_of, m.Duration(*cut[:2]), early=e, strict=cut[2]) for e in (False, True)]
    return [day.toordinal() + step for day in days for step in (0, 1)]


def back(as_of: date, duration: m.Duration, *, early: bool, strict: bool) -> date:
    """The latest day from which the duration has passed by the as-of date (strict: before)."""
    day = calendar.back(as_of, duration, early=early, strict=strict)
    if day is None and duration.months > 0:
        return date.min + timedelta(days=1)
    return LAST_DAY if day is None else min(day, LAST_DAY)


def as_of_dates(protocols: Sequence[m.Protocol], base: date) -> tuple[tuple[date, ...], bool]:
    """As-of dates that stand for all from 2000 to 2099, and whether they do.

    One is enough while nothing compares days with months or with fixed days.
    """
    clusters: dict[str, tuple[set[str], set[tuple[int, m.Test]]]] = {}

    def near(protocol: m.Protocol, name: str) -> set[str]:
        """Where a fact comes from; an entry of a list may count for each that comes from it."""
        found = sources(protocol, name)
        return {one if isinstance(one, str) else f"records.{one.records}" for one in found}

    fixed: set[date] = set()
    for k, protocol in enumerate(protocols):
        for leaf in pack_leaves(protocol):
            if isinstance(leaf, m.Todo) or is_free(protocol, leaf):
                continue
            if isinstance(leaf, m.DayTest):
                fixed.add(leaf.day)
            # Dates with days between them are bounded by each other's limits.
            members, leaves = near(protocol, leaf.fact), {(k, leaf)}
            for source in list(members):
                if source in clusters:
                    members |= clusters[source][0]
                    leaves |= clusters[source][1]
            for source in members:
                clusters[source] = (members, leaves)
    mixed: list[set[tuple[int, m.Test]]] = []
    chained = False
    for members, leaves in clusters.values():
        kinds = {
            "months" if leaf.duration.months else "days"
            for _, leaf in leaves
            if isinstance(leaf, m.AgoTest) and (leaf.duration.months or leaf.duration.days > 1)
        }
        derived = {type(protocols[k].facts[leaf.fact].derive) for k, leaf in leaves}
        kinds |= {"months"} if m.CompletedYears in derived else set()
        kinds |= {"days"} if m.DaysBetween in derived else set()
        if len(kinds) > 1 or _month_ends(protocols, leaves):
            mixed.append(leaves)
        if m.DaysBetween in derived and (len(kinds) > 1 or fixed) and len(members) > 2:
            chained = True
    lasting = _lasting(protocols)
    if not fixed and not mixed and not lasting:
        return _unmixed(_reach(protocols, [held for _, held in clusters.values()]), base)
    asked = {
        (k, leaf)
        for leaves in ([held for _, held in clusters.values()] if fixed else mixed)
        for k, leaf in leaves
    }
    cuts = {cut for k, leaf in asked for cut in cuts_of(leaf, protocols[k].facts[leaf.fact])}
    cuts |= {(one.days, one.months, True) for one in lasting}
    in_order = tuple(sorted(cuts, key=lambda cut: (isinstance(cut, date), cut)))
    spans = {
        sign * (limit // m.MILLION + step)
        for k, leaf in asked
        if isinstance(protocols[k].facts[leaf.fact].derive, m.DaysBetween)
        for limit in limits_of(leaf, protocols[k].facts[leaf.fact])
        for step in (-1, 0, 1)
        for sign in (1, -1)
    }
    dates, complete = _orders(
        in_order, tuple(sorted(spans)), tuple(sorted(fixed)), bool(mixed or lasting),
        max([_reach(protocols, [asked]), *(one.months + one.days // 28 for one in lasting)]), base,
    )  # fmt: skip
    # Of three dates and more, distances add up: their orders are not all told apart.
    return dates, complete and not chained


def _lasting(protocols: Sequence[m.Protocol]) -> set[m.Duration]:
    """How long two versions rely on one fact or list, where one counts months and one days."""
    found: set[m.Duration] = set()
    for name in {name for p in protocols for name in (*p.facts, *p.records)}:
        spans = {
            one.valid_for
            for p in protocols
            for one in (p.facts.get(name), p.records.get(name))
            if one is not None and one.valid_for is not None
        }
        if len({span.months > 0 for span in spans}) > 1:
            found |= spans
    return found


def _month_ends(protocols: Sequence[m.Protocol], leaves: Iterable[tuple[int, m.Test]]) -> bool:
    """Whether some months are counted in two ways, up to a day and beyond it, of one date.

    At the end of a month one of the two may be decided where the other is not, which no date
    of which the month is known shows on another day.
    """
    counted = set()
    for k, leaf in leaves:
        fact = protocols[k].facts[leaf.fact]
        beyond = isinstance(leaf, m.AgoTest) and leaf.op in ("more_than_ago", "within_last")
        lengths = turns(leaf, fact, limits_of(leaf, fact)).lengths
        aged = isinstance(fact.derive, m.CompletedYears)
        counted |= {(one.months, beyond) for one in lengths if one.months or aged}
    return len({months for months, _ in counted}) < len(counted)


def _reach(
    protocols: Sequence[m.Protocol], clusters: Iterable[Iterable[tuple[int, m.Test]]]
) -> int:
    """The most months that the tests of a cluster go back together; 0 if none counts months,
    or reaches a century back.

    An age goes back as far as its limit, and days between dates come on top of it.
    """
    most = 0
    for leaves in clusters:
        back_to = between = 0
        monthly = False
        for k, leaf in leaves:
            fact = protocols[k].facts[leaf.fact]
            derive = fact.derive
            if isinstance(leaf, m.AgoTest):
                back_to = max(back_to, leaf.duration.months + -(-leaf.duration.days // 28))
                monthly = monthly or leaf.duration.months > 0
            elif isinstance(derive, m.CompletedYears):
                years = [limit // m.MILLION + 1 for limit in limits_of(leaf, fact)]
                back_to = max(back_to, 12 * max(years, default=0))
                monthly = True
            elif isinstance(derive, m.DaysBetween):
                days = [abs(limit) // m.MILLION + 1 for limit in limits_of(leaf, fact)]
                between = max(between, -(-max(days, default=0) // 28))
        if monthly or between or back_to > CENTURY:
            most = max(most, back_to + between)
    return most


def _unmixed(longest: int, base: date) -> tuple[tuple[date, ...], bool]:
    """The as-of dates to look at where limits never change their order.

    On a 29th, 30th or 31st some day of that number may be missing from the month that a limit
    goes back to, and then nothing lies exactly so many months ago; at the end of a month it may
    not be known what does. A day inside a month stands for all others: what is not known at the
    end of a month is not known either of a date of which only the month is known. Nothing is
    recorded before `FIRST_DAY`, which a limit of a century meets on some days only.
    """
    if not longest:
        return (base,), True
    common = [base]
    if not 1 < base.day < 28:
        common.append((base.replace(day=1) + timedelta(days=31)).replace(day=15))
    if longest < CENTURY:
        return tuple(common), True
    return (*common, date(2099, 12, 15)), False


@lru_cache(maxsize=64)
def _orders(
    cuts: tuple[Cut, ...],
    spans: tuple[int, ...],
    fixed: tuple[date, ...],
    mixed: bool,
    longest: int,
    base: date,
) -> tuple[tuple[date, ...], bool]:
    """As `as_of_dates`, by where dates are cut: many mutants of a pack cut them alike.

    `spans`: the days that may have to lie between two dates; `longest`: the most months that
    a test goes back, ages and days between dates included.
    """

    def signature(as_of: date) -> tuple[int, ...]:
        edges: list[int] = [as_of.toordinal(), *(day.toordinal() for day in fixed)]
        for cut in cuts:
            edges += _edges_of(cut, as_of)
        edges += [edge + span for edge in edges for span in spans]
        rank = {edge: i for i, edge in enumerate(sorted(set(edges)))}
        return tuple(rank[edge] for edge in edges)

    complete = True
    tried = [base]
    if mixed:
        # From 2000 to 2099 every fourth year is a leap year, so four years hold all months'
        # lengths; limits that reach back before 1901 would meet the year that was none.
        start, years = date(2024, 1, 1), 4
        if fixed:
            # The order of fixed days and moving ones changes round the fixed ones.
            first = max(2000, fixed[0].year - 4)
            years = min(2100, fixed[-1].year + longest // 12 + 6) - first
            start = date(min(first, 2096), 1, 1)
            complete = years <= 16
            years = max(4, min(16, years))
        tried += [start + timedelta(days=i) for i in range(years * 1461 // 4)]
        complete = complete and longest < 99 * 12
    else:
        for day in fixed:
            near_base = [e for cut in cuts for e in edges_of([cut], base)]
            for edge in (e + span for e in near_base for span in (0, *spans)):
                # As months differ in length, so may the day on which the two meet.
                met = day.toordinal() + base.toordinal() - edge
                near = range(met - 4, met + 5)
                tried += [date.fromordinal(d) for d in near if 0 < d < 3_000_000]
            tried += [day + timedelta(days=d) for d in range(-2, 3)]
        tried += [date(2000, 1, 1), date(2099, 12, 31)]
    found: dict[tuple[int, ...], date] = {}
    for as_of in dict.fromkeys(tried):
        if len(found) > MOST_DATES:
            break
        if date(2000, 1, 1) <= as_of <= date(2099, 12, 31) or as_of == base:
            found.setdefault(signature(as_of), as_of)
    dates = tuple(found.values())
    return dates[:MOST_DATES], complete and len(dates) <= MOST_DATES
