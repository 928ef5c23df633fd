"""What to collect: which open facts can still change the verdict, and which settle it.

All questions are asked of completions (`regions`) and of Kleene's verdict, the one that a
screening gives. A set of facts is *sufficient* if, whatever they come to, the verdict is then
decided, with all other facts left as they are. A fact *matters* if some completion of the
others leaves the verdict undetermined without it, and decided with it. Every sufficient set
holds every fact that matters, where any set is sufficient at all; so where the facts that
matter are sufficient, they are the only smallest set. Where they are not, the open facts
agree in a way that Kleene's logic does not see, and supersets are tried in order of size.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from engine.plan.roots import Root
from engine.plan.search import NO, NOT_FAILED, OPEN, YES, OutOfSteps, Wanted, World
from engine.terms import Verdict

MOST_SETS = 12
"""Smallest sets that are listed."""

Held = Mapping[Root, int]
"""States of some roots."""


@dataclass(frozen=True, slots=True)
class Collecting:
    """What an undetermined verdict still hangs on. Decided verdicts have nothing to collect.

    `possible` maps each verdict that a completion comes to (`undetermined` where even a
    complete one is, as over a criterion not yet written) to such a completion. `matters` maps
    each fact that can still change the verdict to states of the others that show it.
    `excludes` maps a root that alone could make the subject ineligible to such a state.
    `sets` are the smallest sufficient sets; none if nothing that can be collected suffices.
    `idle` can no longer change the verdict and need not be collected. `exact` is false where
    the search was cut short: then more facts may be listed than matter, never fewer.
    """

    possible: Mapping[Verdict, Held]
    matters: Mapping[Root, Held]
    excludes: Mapping[Root, int]
    sets: tuple[frozenset[Root], ...]
    idle: tuple[Root, ...]
    exact: bool

    @property
    def agrees(self) -> bool:
        """Whether every completion comes to one decided verdict."""
        return self.exact and len(self.possible) == 1 and "undetermined" not in self.possible


def open_roots(world: World) -> tuple[Root, ...]:
    """The roots that some unknown test looks at and that may still come out differently."""
    found: dict[Root, None] = {}
    for leaf, truth in enumerate(world.initial[:-1]):
        if truth == OPEN:
            for root in world.shape.leaf_roots[leaf]:
                if len(world.states.get(root, ())) > 0:
                    found[root] = None
    return tuple(found)


def collecting(world: World, exact: bool = True) -> Collecting:
    """What the verdict of a world hangs on. `exact`: whether its states are exhaustive."""
    roots = open_roots(world)
    if world.verdict() != OPEN:
        verdict: Verdict = "eligible" if world.verdict() == YES else "ineligible"
        return Collecting({verdict: {}}, {}, {}, (frozenset(),), roots, exact)
    excludes = {root: state for root in roots if (state := _excludes(world, root)) is not None}
    try:
        return _collecting(world, roots, excludes, exact)
    except OutOfSteps:
        # Every open fact together leaves nothing open that collecting could close.
        whole: dict[Root, Held] = {root: {} for root in roots}
        return Collecting({}, whole, excludes, (frozenset(roots),), (), False)


def _excludes(world: World, root: Root) -> int | None:
    """A state of one root in which the subject is ineligible whatever else is so."""
    touched = [n for n, roots in enumerate(world.shape.roots_of) if root in roots]
    for state in range(len(world.states[root])):
        undo = world.hold(root, state)
        failed = any(world.passing(criterion) == NO for criterion in touched)
        world.release(root, undo)
        if failed:
            return state
    return None


def _collecting(
    world: World, roots: tuple[Root, ...], excludes: Mapping[Root, int], exact: bool
) -> Collecting:
    criteria = range(len(world.shape.criteria))
    possible: dict[Verdict, Held] = {}
    passing = world.find([Wanted(c, frozenset({YES})) for c in criteria], roots)
    if passing is not None:
        possible["eligible"] = passing
    for criterion in criteria:
        failing = world.find([Wanted(criterion, frozenset({NO}))], roots)
        if failing is not None:
            possible["ineligible"] = failing
            break
    stuck = undecided(world, roots)
    if stuck is not None:
        possible["undetermined"] = stuck
    matters: dict[Root, Held] = {}
    for root in roots:
        shown = _matters(world, root, roots, settled=stuck is None)
        if shown is not None:
            matters[root] = shown
    sets = () if stuck is not None else _sufficient(world, frozenset(matters), roots)
    if sets is None:
        sets, exact = (frozenset(roots),), False
    named = set(matters).union(*sets)
    idle = tuple(root for root in roots if root not in named)
    return Collecting(possible, matters, excludes, sets, idle, exact)


def undecided(world: World, known: Collection[Root]) -> dict[Root, int] | None:
    """States of the roots `known` in which the verdict is undetermined; None if there are none."""
    for target in range(len(world.shape.criteria)):
        found = world.find(_open_at(world, target), known)
        if found is not None:
            return found
    return None


def _open_at(world: World, target: int, blind: bool = False) -> list[Wanted]:
    return [
        Wanted(c, frozenset({OPEN}) if c == target else NOT_FAILED, blind)
        for c in range(len(world.shape.criteria))
    ]


def _matters(
    world: World, root: Root, roots: Collection[Root], settled: bool
) -> dict[Root, int] | None:
    """States of the others in which this root makes the difference; None if there are none.

    `settled`: whether a complete subject is always decided. If so, it is enough that without
    this root the verdict is undetermined.
    """
    criteria = range(len(world.shape.criteria))
    touched = [c for c in criteria if root in world.shape.roots_of[c]]
    if settled:
        others = [other for other in roots if other != root]
        for target in touched:
            found = world.find(_open_at(world, target), others)
            if found is not None:
                return found
        return None
    world.hidden = root
    try:
        for target in touched:
            unfailed = [Wanted(c, NOT_FAILED, True) for c in criteria]
            found = world.find([Wanted(target, frozenset({NO})), *unfailed], roots)
            if found is None:
                passed = [Wanted(c, frozenset({YES})) for c in criteria]
                found = world.find([Wanted(target, frozenset({OPEN}), True), *passed], roots)
            if found is not None:
                return {other: state for other, state in found.items() if other != root}
    finally:
        world.hidden = None
    return None


def _sufficient(
    world: World, needed: frozenset[Root], roots: Iterable[Root]
) -> tuple[frozenset[Root], ...] | None:
    """The smallest sufficient sets; None if the search for them was cut short."""
    rest = [root for root in roots if root not in needed]
    try:
        for size in range(len(rest) + 1):
            found = [
                needed | set(more)
                for more in combinations(rest, size)
                if undecided(world, needed | set(more)) is None
            ]
            if found:
                return tuple(found[:MOST_SETS])
    except OutOfSteps:
        return None
    return ()
