"""Tests as bounds of their fact: ordered lists of steps, and limits that meet.

A test such as `at_least: 6` or `within_last: 30 days` bounds its fact from below, `below: 6`
or `more_than_ago: 30 days` from above (for dates, below is earlier), and `between` does both.
An *ordered list* is an `any` whose parts each begin with a band of one fact, together with
what is asked of it there; an `all` of `any` groups is one too, read the other way round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from engine import terms as m
from engine.regions.asked import leaves_of
from engine.regions.some import grain

Bound = m.LimitTest | m.UlnTest | m.AgoTest | m.DayTest
"""A test that bounds its fact from one side."""

Axis = tuple[str, bool]
"""What a bound bounds: a fact, or (True) its multiples of the upper limit of normal."""

FROM_BELOW = frozenset(
    "at_least above at_least_uln above_uln within_last less_than_ago on_or_after".split()
)
INCLUSIVE = frozenset(
    "at_least at_most at_least_uln at_most_uln at_least_ago within_last "
    "on_or_after on_or_before".split()
)
OPPOSITE: Mapping[str, str] = {
    a: b
    for pair in (
        "at_least below", "above at_most", "at_least_uln below_uln", "above_uln at_most_uln",
        "at_least_ago less_than_ago", "more_than_ago within_last",
    )
    for a, b in (pair.split(), reversed(pair.split()))
}  # fmt: skip


def opposite(bound: Bound) -> Bound:
    """The bound that takes every date or number that this one leaves out."""
    if isinstance(bound, m.DayTest):
        if bound.op == "on_or_after":
            return replace(bound, op="on_or_before", day=bound.day - timedelta(days=1))
        return replace(bound, op="on_or_after", day=bound.day + timedelta(days=1))
    other = OPPOSITE[bound.op]
    if isinstance(bound, m.LimitTest):
        return replace(bound, op=cast(m.QuantityOp, other))
    if isinstance(bound, m.UlnTest):
        return replace(bound, op=cast(m.UlnOp, other))
    return replace(bound, op=cast(m.AgoOp, other))


def axis(test: m.Leaf) -> Axis | None:
    """What a test bounds; None where it is none that does."""
    if isinstance(test, m.LimitTest | m.BetweenTest | m.AgoTest | m.DayTest | m.UlnTest):
        return test.fact, isinstance(test, m.UlnTest)
    return None


def bounds(condition: m.Condition) -> tuple[Bound, ...] | None:
    """The bounds that hold together just where a condition does; None where there are none.

    The condition has its definitions written out.
    """
    if isinstance(condition, m.LimitTest | m.UlnTest | m.AgoTest | m.DayTest):
        return (condition,)
    if isinstance(condition, m.BetweenTest):
        fact, place = condition.fact, condition.place
        return (
            m.LimitTest(fact, "at_least", condition.low_u, place),
            m.LimitTest(fact, "at_most", condition.high_u, place),
        )
    if isinstance(condition, m.All):
        parts = [bounds(child) for child in condition.children]
        if any(part is None for part in parts):
            return None
        found = tuple(one for part in parts for one in part or ())
        return found if len({axis(one) for one in found}) == 1 else None
    if isinstance(condition, m.Not):
        inside = bounds(condition.child)
        return (opposite(inside[0]),) if inside is not None and len(inside) == 1 else None
    return None


def meet(upper: Bound, lower: Bound, fact: m.Fact, *, nearly: bool = False) -> bool:
    """Whether a band that ends at `upper` and one that begins at `lower` are neighbours.

    Their limits are one, or a step apart: the fact's `resolution`, a whole year or day or
    entry where it is counted, else the last decimal place of the limits; where both limits
    belong to their bands, a value may be missing between them. `nearly`: a fifth of the
    larger limit may be.
    """
    if nearly and _nearly(_size(upper), _size(lower)):
        return True
    both = upper.op in INCLUSIVE and lower.op in INCLUSIVE
    if isinstance(upper, m.LimitTest) and isinstance(lower, m.LimitTest):
        limits = [upper.limit_u, lower.limit_u]
        step = fact.resolution_u or (m.MILLION if fact.derive else grain(limits))
        return abs(limits[1] - limits[0]) <= step * (2 if both else 1)
    if isinstance(upper, m.UlnTest) and isinstance(lower, m.UlnTest):
        return upper.times_u == lower.times_u
    if isinstance(upper, m.DayTest) and isinstance(lower, m.DayTest):
        return abs((lower.day - upper.day).days) <= 2
    if isinstance(upper, m.AgoTest) and isinstance(lower, m.AgoTest):
        one, other = upper.duration, lower.duration
        return one.months == other.months and abs(one.days - other.days) <= (2 if both else 1)
    return False


def _size(bound: Bound) -> int:
    """A limit's amount, for telling whether two are of about one size; days of a duration."""
    if isinstance(bound, m.LimitTest):
        return bound.limit_u
    if isinstance(bound, m.UlnTest):
        return bound.times_u
    if isinstance(bound, m.AgoTest):
        return bound.duration.days + bound.duration.months * 30
    return 0


def _nearly(one: int, other: int) -> bool:
    return one * other > 0 and 5 * abs(one - other) <= max(abs(one), abs(other))


def shared_value(
    one: m.Leaf, turned: bool, other: m.Leaf, also_turned: bool, facts: Mapping[str, m.Fact]
) -> m.Condition | None:
    """The one value, the limit of both, at which two tests both hold; or the codes that both
    name. None where they share nothing, or more than a limit.

    `turned`: the test counts turned round (`not`).
    """
    if isinstance(one, m.ChoiceTest) and isinstance(other, m.ChoiceTest):
        if one.fact != other.fact or turned or also_turned:
            return None
        codes = tuple(code for code in one.codes if code in other.codes)
        return replace(other, codes=codes) if codes else None
    if axis(one) is None or axis(other) is None:
        return None
    mine, theirs = (
        bounds(m.Not(test) if turn else test)
        for test, turn in ((one, turned), (other, also_turned))
    )
    for x in mine or ():
        for y in theirs or ():
            a, b = x, y
            if axis(x) != axis(y):
                a, b = _of_the_date(x, facts), _of_the_date(y, facts)
            if axis(a) == axis(b) and _touch(a, b, facts[a.fact]):
                return m.All((x, y), other.place)
    return None


def cut_by(one: m.Leaf, turned: bool, other: m.Leaf, also_turned: bool) -> Iterator[Bound]:
    """The limits of one test that another, on the same thing, may reach beyond: those from one
    side where the other bounds from the other. `turned`: it counts turned round (`not`)."""
    if axis(one) is None or axis(one) != axis(other):
        return
    mine, theirs = (
        bounds(m.Not(test) if turn else test) or ()
        for test, turn in ((one, turned), (other, also_turned))
    )
    for x in mine:
        if any((x.op in FROM_BELOW) != (y.op in FROM_BELOW) for y in theirs):
            yield x


def _of_the_date(bound: Bound, facts: Mapping[str, m.Fact]) -> Bound:
    """A bound on an age, as one on the date that it is counted from."""
    derive = facts[bound.fact].derive
    if not isinstance(bound, m.LimitTest) or not isinstance(derive, m.CompletedYears):
        return bound
    years = -(-bound.limit_u // m.MILLION)
    if bound.op in ("above", "at_most"):
        years = bound.limit_u // m.MILLION + 1
    old = bound.op in FROM_BELOW
    length = m.Duration(0, 12 * years)
    return m.AgoTest(derive.since, "at_least_ago" if old else "less_than_ago", length)


def _touch(one: Bound, other: Bound, fact: m.Fact) -> bool:
    """Whether two bounds, one from each side, have their limit in common and nothing else."""
    if (one.op in FROM_BELOW) == (other.op in FROM_BELOW):
        return False
    limits = _last_taken(one, fact), _last_taken(other, fact)
    return None not in limits and limits[0] == limits[1]


def _last_taken(bound: Bound, fact: m.Fact) -> object:
    """The value nearest to its limit that a bound takes, comparable among those of one axis;
    None where there is none."""
    taken = bound.op in INCLUSIVE
    if isinstance(bound, m.DayTest):
        return bound.day
    if isinstance(bound, m.UlnTest):
        return bound.times_u if taken else None
    if isinstance(bound, m.AgoTest):
        length = bound.duration
        if taken:
            return length.months, length.days
        more = 1 if bound.op == "more_than_ago" else -1
        return None if length.months else (0, length.days + more)
    step = fact.resolution_u or (m.MILLION if fact.derive else 0)
    if not step:
        return bound.limit_u if taken else None
    if bound.op in FROM_BELOW:
        return -(-bound.limit_u // step) * step if taken else (bound.limit_u // step + 1) * step
    return bound.limit_u // step * step if taken else (-(-bound.limit_u // step) - 1) * step


def held(condition: m.Condition, negated: bool = False) -> Iterator[tuple[m.Leaf, bool]]:
    """The tests of a condition, each with whether it counts turned round."""
    if isinstance(condition, m.Group):
        for child in condition.children:
            yield from held(child, negated)
    elif isinstance(condition, m.Not):
        yield from held(condition.child, not negated)
    elif not isinstance(condition, m.Defined):
        yield condition, negated


def without(condition: m.Condition, leaf: m.Leaf) -> m.Condition:
    """A condition in which one test never helps: it counts as not held (turned round, held)."""
    return _settled(condition, leaf, m.Any(()))


def _settled(condition: m.Condition, leaf: m.Leaf, as_: m.Condition) -> m.Condition:
    if isinstance(condition, m.Group):
        children = tuple(_settled(child, leaf, as_) for child in condition.children)
        return replace(condition, children=children)
    if isinstance(condition, m.Not):
        turned = m.All(()) if isinstance(as_, m.Any) else m.Any(())
        return replace(condition, child=_settled(condition.child, leaf, turned))
    return as_ if condition == leaf else condition


def _recordable(bound: Bound, fact: m.Fact) -> Bound:
    """A bound at the nearest value that it takes, where a fact is recorded in steps."""
    if not isinstance(bound, m.LimitTest) or not fact.resolution_u:
        return bound
    last = _last_taken(bound, fact)
    assert isinstance(last, int)
    return replace(bound, op="at_least" if bound.op in FROM_BELOW else "at_most", limit_u=last)


# --- ordered lists ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an ordered list: its band, and for whom it is (`guard`: sexes, codes).

    `asked`: the facts that the step asks about in its band, those of the guard included;
    `measured`: without them; `whole`: all that it asks.
    """

    band: m.Condition
    bounds: tuple[Bound, ...]
    guard: m.All
    asked: frozenset[str]
    measured: frozenset[str]
    whole: m.All

    @property
    def holds(self) -> m.Condition:
        return m.All((self.band, self.guard), self.band.place)

    def beyond(self, fact: m.Fact, *, above: bool) -> m.Condition:
        """The fact lies above (or below) the band, which is for this subject; never true
        where the band has no end there. Values that nobody records, finer than the fact's
        `resolution`, lie nowhere."""
        ends = [one for one in self.bounds if (one.op in FROM_BELOW) != above]
        return m.All((m.Any(tuple(_recordable(opposite(one), fact) for one in ends)), self.guard))


@dataclass(frozen=True, slots=True)
class Ladder:
    """An ordered list: steps that are bands of one fact, or (`ratio`) of its multiples of the
    upper limit of normal."""

    fact: m.Fact
    ratio: bool
    steps: tuple[Step, ...]
    facts: Mapping[str, m.Fact]

    @property
    def table(self) -> bool:
        """Whether all steps ask about one thing in common, as the lines of a table do."""
        return bool(frozenset.intersection(*(step.asked for step in self.steps)))

    @property
    def measures(self) -> bool:
        """Whether all steps measure one thing in common, beside sexes and codes."""
        return bool(frozenset.intersection(*(step.measured for step in self.steps)))

    def neighbours(self, one: Step, other: Step, *, nearly: bool = False) -> bool:
        """Whether one step may be meant to begin where the other ends."""
        return self.table or any(
            meet(upper, lower, self.fact, nearly=nearly)
            for upper in one.bounds
            if upper.op not in FROM_BELOW
            for lower in other.bounds
            if lower.op in FROM_BELOW
        )

    @property
    def none_holds(self) -> m.Condition:
        return m.Not(m.Any(tuple(step.holds for step in self.steps)))

    @property
    def between(self) -> m.Condition:
        """The fact lies above one step and below another that are for this subject."""
        pairs = [
            m.All((one.beyond(self.fact, above=True), other.beyond(self.fact, above=False)))
            for one in self.steps
            for other in self.steps
            if one is not other and self.neighbours(one, other, nearly=True)
        ]
        return m.All((self.none_holds, m.Any(tuple(pairs))))

    @property
    def for_some(self) -> m.Condition:
        """The fact lies in a step that is for others, and in none for this subject."""
        return m.All((self.none_holds, m.Any(tuple(step.band for step in self.steps))))

    @property
    def fixed(self) -> bool:
        """Whether its steps are for people told apart by what never changes, if at all."""
        tests = [leaf for step in self.steps for leaf in leaves_of(step.guard, {})]
        return all(
            not isinstance(leaf, m.Todo) and self.facts[leaf.fact].changes == "never"
            for leaf in tests
        )

    def alike(self) -> Iterator[list[Step]]:
        """The steps, by their bands."""
        found: dict[frozenset[Bound], list[Step]] = {}
        for step in self.steps:
            found.setdefault(frozenset(step.bounds), []).append(step)
        yield from found.values()


def ladders(
    condition: m.Condition, definitions: Mapping[str, m.Condition], facts: Mapping[str, m.Fact]
) -> Iterator[Ladder]:
    """The ordered lists that a condition is: by each fact of which several parts have bands."""
    if isinstance(condition, m.Defined):
        return  # said of the definition
    groups = [_flat(part) for part in _parts(m.inlined(condition, definitions))]
    bands: dict[Axis, dict[int, list[m.Condition]]] = {}
    for number, group in enumerate(groups):
        for child in group:
            found = bounds(child)
            where = axis(found[0]) if found else None
            if where is not None:
                bands.setdefault(where, {}).setdefault(number, []).append(child)
    for (fact, ratio), by_part in bands.items():
        if len(by_part) < 2:
            continue
        steps = [
            _step(groups[number], own) for number, own in by_part.items()
            if len(groups[number]) > len(own)
        ]  # fmt: skip
        elsewhere = Counter(
            axis(leaf)
            for number, group in enumerate(groups)
            for child in group
            if child not in by_part.get(number, ())
            for leaf in leaves_of(child, definitions)
        )
        # A band in a form that is not read here may take what the others leave.
        if len(steps) == len(by_part) and not elsewhere[fact, ratio]:
            yield Ladder(facts[fact], ratio, tuple(steps), facts)


def _parts(condition: m.Condition) -> Sequence[m.Condition]:
    if isinstance(condition, m.Any):
        return condition.children
    if isinstance(condition, m.All):
        groups = [child for child in condition.children if isinstance(child, m.Any)]
        return [
            m.All(tuple(m.Not(part, part.place) for part in group.children)) for group in groups
        ]
    return ()


def _flat(condition: m.Condition) -> list[m.Condition]:
    """The parts of an `all`, also of one inside it; `not` of an `any` is one."""
    if isinstance(condition, m.All):
        return [one for child in condition.children for one in _flat(child)]
    if isinstance(condition, m.Not):
        inside = condition.child
        if isinstance(inside, m.Not):
            return _flat(inside.child)
        if isinstance(inside, m.Any):
            return [one for child in inside.children for one in _flat(m.Not(child, child.place))]
    return [condition]


def _step(group: Sequence[m.Condition], own: Sequence[m.Condition]) -> Step:
    rest = [one for one in group if one not in own]
    guards = [one for one in rest if _guards(one)]
    band = own[0] if len(own) == 1 else m.All(tuple(own), own[0].place)
    found = bounds(band)
    assert found is not None
    return Step(
        band,
        found,
        m.All(tuple(guards)),
        _facts(rest),
        _facts(one for one in rest if one not in guards),
        m.All(tuple(group), band.place),
    )


def _guards(condition: m.Condition) -> bool:
    leaves = leaves_of(condition, {})
    return all(isinstance(leaf, m.ChoiceTest) for leaf in leaves)


def _facts(conditions: Iterable[m.Condition]) -> frozenset[str]:
    leaves = (leaf for one in conditions for leaf in leaves_of(one, {}))
    return frozenset(name for leaf in leaves for name in m.facts_of(leaf))
