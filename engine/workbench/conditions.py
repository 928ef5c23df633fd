"""Findings about the conditions inside criteria and definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import combinations
from typing import assert_never

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.asked import PERSON, leaves_of
from engine.regions.bounds import opposite
from engine.regions.days import back
from engine.regions.diagrams import FALSE
from engine.workbench import asking as q
from engine.workbench.edits import leaf_paths, replaced, users
from engine.workbench.findings import Finding


def inside(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """Parts of an `all` or `any` that exclude each other, always hold, or make no difference."""
    told = set(known.told)
    for number, (path, condition) in enumerate(bench.paths.items()):
        if not bench.goes_on("conditions", number, len(bench.paths)):
            yield q.Left(len(bench.paths) - number)
            break
        using = users(bench.protocol, path)
        if not using or using <= known.silent or is_told(path, told):
            continue
        if not isinstance(condition, m.All | m.Any) or len(condition.children) < 2:
            continue
        ids = tuple(sorted(using))
        if isinstance(condition, m.All):
            if (yield from _apart(bench, path, condition, ids)):
                told.add(path)
                continue
        else:
            asked = bench.about(path, "whether one of its conditions always holds")
            goal = q.holds(condition, FALSE)
            if (yield from q.never(bench, goal, [condition], asked, definite=True)):
                told.add(path)
                what = f"{path}: one of these always holds, whatever is recorded"
                yield Finding("always-holds", condition.place, what, "", "proved", ids)
                continue
        left = bench.protocol  # of two that say the same, one has to stay
        gone = 0
        for i, child in enumerate(condition.children, start=1):
            if gone == len(condition.children) - 1:
                break
            other = replaced(left, f"{path}.{i - gone}", None)
            if (yield from _same(bench, other, using, f"{path}.{i}")):
                left, gone = other, gone + 1
                told.add(f"{path}.{i}")
                what = f"{path}.{i}: {_words(child, bench.protocol)} makes no difference here"
                hint = "remove it, or correct what hides it"
                yield Finding("never-matters", child.place, what, hint, "proved", ids)
    return replace(known, told=frozenset(told))


def is_told(path: str, told: Iterable[str]) -> bool:
    """Whether a finding was made of a condition, or of one that it is a part of."""
    return any(f"{path}.".startswith(f"{one}.") for one in told)


def _apart(bench: q.Bench, path: str, whole: m.All, ids: tuple[str, ...]) -> q.Said[bool]:
    """Parts of an `all` that can each hold, but not together: as few as say so."""
    parts = list(enumerate(whole.children, start=1))
    asked = bench.about(path, "whether two of its conditions exclude each other")
    can = []
    for i, one in parts:
        if (yield from q.settled(bench, partial(q.somewhere, bench, q.holds(one)), False, asked)):
            can.append((i, one))
    sets: list[Sequence[tuple[int, m.Condition]]] = [*combinations(can, 2)]
    if len(can) == len(parts) > 2:
        sets.append(parts)
    for some in sets:
        if not (yield from _never_hold(bench, path, some)):
            continue
        for spared in list(some):
            less = [one for one in some if one is not spared]
            if len(less) > 1 and (yield from _never_hold(bench, path, less)):
                some = less
        named = [_words(one, bench.protocol) for _, one in some]
        what = f"{path}: {', '.join(named[:-1])} and {named[-1]} never hold together"
        numbers = [str(i) for i, _ in some]
        hint = f"conditions {', '.join(numbers[:-1])} and {numbers[-1]} of this `all`"
        yield Finding("never-together", some[-1][1].place, what, hint, "proved", ids)
        return True
    return False


def _never_hold(bench: q.Bench, path: str, some: Sequence[tuple[int, m.Condition]]) -> q.Said[bool]:
    """Whether it is proved that some parts of an `all` never hold together."""
    parts = [one for _, one in some]
    asked = bench.about(path, "whether some of its conditions exclude each other")
    apart = yield from q.never(bench, q.holds(m.All(tuple(parts))), parts, asked, definite=True)
    return apart


def _same(bench: q.Bench, other: m.Protocol, using: frozenset[str], path: str) -> q.Said[bool]:
    """Whether it is proved that some criteria mean the same without the condition at a path."""
    pairs = [
        (mine.holds_when, theirs.holds_when)
        for mine, theirs in zip(bench.protocol.criteria, other.criteria, strict=True)
        if mine.id in using
    ]
    same = yield from q.never(
        bench,
        lambda s: s.diagrams.any(
            s.diagrams.differ(s.diagram(mine), s.diagram_of(other, theirs))
            for mine, theirs in pairs
        ),
        [mine for mine, _ in pairs],
        bench.about(path, "whether it makes a difference"),
    )
    return same


def _words(condition: m.Condition, protocol: m.Protocol) -> str:
    if isinstance(condition, m.Defined):
        return f"`{condition.name}`"
    if isinstance(condition, m.Not):
        return f"`not {_words(condition.child, protocol).strip('`')}`"
    if isinstance(condition, m.All | m.Any):
        first = next(leaves_of(condition, protocol.definitions))
        return f"the group with `{leaf_text(first, protocol.facts)}`"
    if isinstance(condition, m.Leaf):
        return f"`{leaf_text(condition, protocol.facts)}`"
    assert_never(condition)


# --- windows ------------------------------------------------------------------------------


def windows(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """A date that counts for longer than its statement is relied on."""
    protocol = bench.protocol
    for path, leaf in leaf_paths(protocol).items():
        using = users(protocol, path)
        if not isinstance(leaf, m.AgoTest) or not using:
            continue
        fact = protocol.facts[leaf.fact]
        if _turned(bench, path):
            turned = opposite(leaf)
            assert isinstance(turned, m.AgoTest)
            leaf = turned
        if fact.valid_for is None or leaf.op not in ("within_last", "less_than_ago"):
            continue
        if _days(leaf.duration)[1] < _days(fact.valid_for)[0]:
            continue
        days = _out_of_date(bench, leaf, fact.valid_for)
        if days is None:
            continue
        what = f"{path}: the window of {leaf.duration.text} is longer than `{fact.name}` "
        what += f"may be relied on ({fact.valid_for.text})"
        on = days[1].isoformat()
        said = {"value": on, "on": on, "by": PERSON}
        witness = q.shown(bench, {"facts": {fact.name: said}, "records": {}}, days[0])
        hint = "the witness's date lies inside the window, and is out of date"
        yield Finding(
            "window-beyond-validity", leaf.place, what, hint if witness else "",
            "witnessed" if witness else "read", tuple(sorted(using)), witness,
        )  # fmt: skip
    return known


def _turned(bench: q.Bench, path: str) -> bool:
    """Whether a condition stands under a `not`, in its criterion or definition."""
    steps = path.split(".")
    above = [bench.paths[".".join(steps[:n])] for n in range(1, len(steps))]
    return sum(isinstance(one, m.Not) for one in above) % 2 == 1


def _out_of_date(
    bench: q.Bench, leaf: m.AgoTest, valid_for: m.Duration
) -> tuple[date, date] | None:
    """An as-of date, and a day that lies inside a window then and is relied on no more.

    A month may be longer than 30 days, or shorter, and so may a year than 365: four years
    have all of their kinds.
    """
    first = bench.ground.spaces[0].as_of
    for as_of in (first + timedelta(days=n) for n in range(1461)):
        happened = back(as_of, valid_for, early=True, strict=True)
        if happened > back(as_of, leaf.duration, early=True, strict=leaf.op == "within_last"):
            return as_of, happened
    return None


def _days(duration: m.Duration) -> tuple[int, int]:
    """About how many days a duration has: never more than the least, nor less than the most."""
    years, months = divmod(duration.months, 12)
    least = years * 365 + months * 28 + duration.days
    return least, years * 366 + months * 31 + duration.days
