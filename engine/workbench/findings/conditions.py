"""Findings about the conditions inside criteria and definitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import assert_never

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.asked import leaves_of
from engine.regions.diagrams import FALSE
from engine.workbench.edits import replaced, users
from engine.workbench.findings import Finding
from engine.workbench.findings import asking as q


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
    if isinstance(condition, m.Group):
        first = next(leaves_of(condition, protocol.definitions))
        return f"the group with `{leaf_text(first, protocol.facts)}`"
    if isinstance(condition, m.Leaf):
        return f"`{leaf_text(condition, protocol.facts)}`"
    assert_never(condition)
