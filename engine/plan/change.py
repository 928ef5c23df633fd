"""What would have to be different for a failed verdict not to fail.

A *change set* has up to three kinds of parts: a wait, the end of what is recorded as under
way, and new results; that is a day, and for some recorded facts a new value, while every other
result is kept current with the value it has. It is minimal: without any one of its parts some
criterion still fails. Facts that the dictionary marks as never changing stay as they are, and
a record list is history, to which only time is added.

The sets are the minimal hitting sets of the conflicts (facts that, kept as they are, make a
criterion fail), found with Reiter's tree.

Source: R. Reiter, A theory of diagnosis from first principles, Artificial Intelligence 32
(1987) 57-95.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

from engine.plan.days import Day, change_days, day_with, in_doubt, kept_current
from engine.plan.loose import is_loose
from engine.plan.regions import ways
from engine.plan.roots import Part, Root, State
from engine.plan.search import NO, NOT_FAILED, OPEN, OutOfSteps, Shape, Steps, Wanted, World
from engine.reference.evaluator import readings as read
from engine.terms import Days, EarliestOf, LatestOf, Protocol, Reading, Reason, Subject

FAR = 400
"""Days ahead that are looked at one by one, where a test stands as a fact."""
MOST_CHANGES = 12
"""Change sets that are listed."""
MOST_TRIED = 400
"""Sets that one day's search tries."""
MOST_VALUES = 400
"""Combinations of new values that one set's search tries."""


@dataclass(frozen=True, slots=True)
class NewResult:
    """A recorded fact and the values it would have to come to, as pieces of its axis."""

    root: Root
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A day to wait for (the as-of date: none) and new results, any combination of which does.

    `ended`: the record lists of which what was under way ended on the as-of date, if that is
    a part. `readings`: what the facts come to on that day with one such combination.
    """

    on: date
    ended: tuple[str, ...]
    results: tuple[NewResult, ...]
    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class Changing:
    """The minimal change sets, those without a wait first; `exact` is false if some may lack.

    `fixed`: where no change would do, the permanent facts because of which the subject is
    ineligible on every day, whatever else comes out.
    """

    sets: tuple[ChangeSet, ...]
    fixed: tuple[str, ...]
    exact: bool


def changing(shape: Shape, subject: Subject, today: Day, until: date, steps: Steps) -> Changing:
    """How an ineligible subject could cease to be so, on some day up to `until`."""
    protocol = shape.protocol
    fixed = permanent_cause(shape, subject, today, until)
    if fixed:
        return Changing((), fixed, True)
    lasting = kept_current(protocol, today, subject)
    found: list[tuple[tuple[str, ...], date, frozenset[Root], World]] = []
    exact = not any(is_loose(root) for root in shape.leaves_of)
    if not exact:  # then every day is looked at
        until = min(until, date.fromordinal(min(today.on.toordinal() + FAR, date.max.toordinal())))
    going = under_way(shape, subject)
    for ended in ((), going) if going else ((),):
        other = with_ended(subject, ended, today.on)
        seen: set[tuple[object, ...]] = set()
        days = [today.on, *change_days(lasting, shape.tests, other, today.on, until)]
        for on in days:
            if on == today.on and not ended:
                day = today
            else:
                day = day_with(lasting, read(lasting, other, on), on)
            known = tuple(day.truths.values())
            if known in seen or (on != today.on and doubted(shape, today, day)):
                continue
            seen.add(known)
            world, whole = _world(shape, other, day, steps)
            exact = exact and whole
            try:
                sets, whole = minimal_sets(world)
            except OutOfSteps:
                return Changing(_listed(found), (), False)
            exact = exact and whole
            for one in sets:
                # A longer wait is no smaller change, and none at all is the smallest.
                smaller = (
                    roots <= one and (not lists or ended) and (first == today.on or on > today.on)
                    for lists, first, roots, _ in found
                )
                if not any(smaller):
                    found.append((ended, on, one, world))
            if any(lists == ended and not roots for lists, _, roots, _ in found):
                break
    changes = _listed(found)
    return Changing(changes[:MOST_CHANGES], (), exact and len(changes) <= MOST_CHANGES)


def doubted(shape: Shape, today: Day, day: Day) -> bool:
    """Whether the calendar alone keeps a criterion open on a day that fails now.

    It is a day to pass over: the next one settles it.
    """
    open_ = World(shape, day, {}, Steps()).initial
    return any(
        was == "failed" and now == "open" and leaf != shape.todo and open_[leaf] == OPEN
        and in_doubt(shape.tests[leaf], day.readings[shape.tests[leaf].fact])
        for leaves, was, now in zip(
            shape.leaves_in, today.statuses.values(), day.statuses.values(), strict=True
        )
        for leaf in leaves
    )  # fmt: skip


def _listed(
    found: Iterable[tuple[tuple[str, ...], date, frozenset[Root], World]],
) -> tuple[ChangeSet, ...]:
    return tuple(
        change for ended, on, one, world in found for change in _boxes(world, on, ended, one)
    )


def under_way(shape: Shape, subject: Subject) -> tuple[str, ...]:
    """The record lists in which something is recorded as `ongoing` that a fact looks at."""
    derived = (shape.protocol.facts[name].derive for name in shape.roots.looked_at)
    fields = {(d.records, d.field) for d in derived if isinstance(d, LatestOf | EarliestOf)}
    return tuple(
        sorted(
            {
                name
                for name, field in fields
                if name in subject.records
                and any(
                    not entry.voided and entry.values.get(field) == "ongoing"
                    for entry in subject.records[name].entries
                )
            }
        )
    )


def with_ended(subject: Subject, lists: Collection[str], on: date) -> Subject:
    """The subject with all that is under way in some lists ended on a day."""
    if not lists:
        return subject
    records = dict(subject.records)
    for name in lists:
        entries = tuple(
            replace(
                entry,
                values={k: Days(on, on) if v == "ongoing" else v for k, v in entry.values.items()},
            )
            for entry in records[name].entries
        )
        records[name] = replace(records[name], entries=entries)
    return replace(subject, records=records)


def changeable(protocol: Protocol, root: Root) -> bool:
    """Whether a new statement may say something else than the last one."""
    told = root.startswith("records.") or is_loose(root)
    return not told and protocol.facts[root].changes != "never"


def _world(shape: Shape, subject: Subject, day: Day, steps: Steps) -> tuple[World, bool]:
    """A world in which each result near a failed criterion may be anything, or stay as it is."""
    roots = shape.roots
    failed = {n for n, s in enumerate(day.statuses.values()) if s == "failed"}
    near = _connected(shape, failed)
    states: dict[Root, Sequence[State]] = {}
    exact = True
    for root in near:
        found = ways(roots, root, subject, None, day.on)
        exact = exact and found.exact
        kept = State({name: day.readings[name] for name in roots.alone(root)})
        states[root] = (kept, *(s for s in found.states if not _doubtful(shape, s, day.on)))
    return World(shape, day, states, steps), exact


def _doubtful(shape: Shape, state: State, on: date) -> bool:
    """Whether the calendar alone leaves a test of what comes out in some way open."""
    truths = shape.roots.vector(state.readings, state.readings, on.toordinal())
    tests = [t for name in state.readings for t in shape.roots.tests.get(name, ())]
    return any(
        truth == OPEN and in_doubt(test, state.readings[test.fact])
        for test, truth in zip(tests, truths, strict=True)
    )


def _connected(shape: Shape, failed: Collection[int]) -> list[Root]:
    """The changeable roots of failed criteria, and of criteria that share one with them."""
    found: dict[Root, None] = {}
    queue, seen = list(failed), set(failed)
    while queue:
        criterion = queue.pop()
        for root in sorted(shape.roots_of[criterion]):
            if changeable(shape.protocol, root) and root not in found:
                found[root] = None
                for other, roots in enumerate(shape.roots_of):
                    if root in roots and other not in seen:
                        seen.add(other)
                        queue.append(other)
    return list(found)


def _works(world: World) -> Callable[[Collection[Root]], bool]:
    wanted = [Wanted(c, NOT_FAILED) for c in range(len(world.shape.criteria))]
    return lambda free: world.find_anew(wanted, free) is not None


def minimal_sets(world: World) -> tuple[list[frozenset[Root]], bool]:
    """The minimal sets of roots whose change can make every criterion not fail.

    False beside them where the search was cut short. Raises: OutOfSteps.
    """
    works = _works(world)
    every = frozenset(world.states)
    if not works(every):
        return [], True
    results: list[frozenset[Root]] = []
    queue: list[frozenset[Root]] = [frozenset()]
    seen = {queue[0]}
    conflicts: list[frozenset[Root]] = []
    for tried, one in enumerate(queue):
        if tried >= MOST_TRIED:
            return results, False
        if any(result <= one for result in results):
            continue
        conflict = next((c for c in conflicts if not c & one), None)
        if conflict is None:
            if works(one):
                results.append(one)
                continue
            conflict = _conflict(works, every, every - one)
            conflicts.append(conflict)
        for root in sorted(conflict):
            larger = one | {root}
            if larger not in seen:
                seen.add(larger)
                queue.append(larger)
    return results, True


def _conflict(
    works: Callable[[Collection[Root]], bool], every: frozenset[Root], frozen: frozenset[Root]
) -> frozenset[Root]:
    """A smallest part of `frozen` that, kept as it is, makes some criterion fail."""
    for root in sorted(frozen):
        if not works(every - (frozen - {root})):
            frozen -= {root}
    return frozen


def _boxes(
    world: World, on: date, ended: tuple[str, ...], roots: frozenset[Root]
) -> list[ChangeSet]:
    """A set's acceptable values, as boxes: any value of one fact goes with any of the others."""
    names = [n for n in world.shape.roots.facts if n in roots]
    sizes = [range(1, len(world.states[root])) for root in names]
    good: set[tuple[int, ...]] = set()
    for tried, combination in enumerate(product(*sizes)):
        if tried >= MOST_VALUES:
            break
        if _unfailed(world, names, combination):
            good.add(combination)
    found: list[ChangeSet] = []
    left = sorted(good)
    while left and len(found) < MOST_CHANGES:
        box: list[list[int]] = [[number] for number in left[0]]
        for at, size in enumerate(sizes):
            for number in size:
                if number not in box[at]:
                    added = (*box[:at], [number], *box[at + 1 :])
                    if all(c in good for c in product(*added)):
                        box[at].append(number)
        inside = set(product(*box))
        left = [combination for combination in left if combination not in inside]
        results = tuple(
            NewResult(root, tuple(p for n in sorted(numbers) for p in world.states[root][n].parts))
            for root, numbers in zip(names, box, strict=True)
        )
        held = {root: numbers[0] for root, numbers in zip(names, box, strict=True)}
        found.append(ChangeSet(on, ended, results, world.readings(held)))
    return found


def _unfailed(world: World, roots: Sequence[Root], states: Sequence[int]) -> bool:
    undos = []
    for root, state in zip(roots, states, strict=True):
        undos.append((root, world.hold(root, state)))
    unfailed = world.verdict() != NO
    for root, undo in reversed(undos):
        world.release(root, undo)
    return unfailed


# --- what can never change -------------------------------------------------------------------


def permanent_cause(shape: Shape, subject: Subject, today: Day, until: date) -> tuple[str, ...]:
    """Permanent facts that alone make the subject ineligible on every day; empty if none do.

    Permanent is what the dictionary says never changes, and what is counted from that alone.
    As few of them as possible, in the dictionary's order.
    """
    protocol = shape.protocol
    facts = [
        name
        for name in protocol.facts
        if name in shape.roots.looked_at and is_permanent(protocol, name)
    ]
    known = [name for name in facts if today.readings[name].low is not None]
    tests = [test for test in shape.tests if test.fact in known]
    days = [today.on, *change_days(protocol, tests, subject, today.on, until)]

    def out(names: Collection[str], on: Iterable[date]) -> bool:
        return all(
            _only(protocol, subject, today, names, day).verdict == "ineligible" for day in on
        )

    if not known or not out(known, days[:1]) or not out(known, days):
        return ()
    kept = list(known)
    for name in known:
        fewer = [other for other in kept if other != name]
        if out(fewer, days):
            kept = fewer
    return tuple(kept)


def is_permanent(protocol: Protocol, name: str) -> bool:
    """Whether nothing but time can change what a fact comes to."""
    fact = protocol.facts[name]
    if fact.changes is not None:
        return fact.changes == "never"
    derive = fact.derive
    sources = [getattr(derive, word, None) for word in ("since", "start", "end")]
    counted = [source for source in sources if source is not None]
    return bool(counted) and all(is_permanent(protocol, source) for source in counted)


def _only(
    protocol: Protocol, subject: Subject, today: Day, names: Collection[str], on: date
) -> Day:
    """A day on which nothing is known but some facts."""
    found = read(protocol, subject, on) if on != today.on else today.readings
    return day_with(protocol, {n: r if n in names else unknown(r) for n, r in found.items()}, on)


def unknown(reading: Reading) -> Reading:
    """The reading of a fact that is not recorded."""
    why: Reason = "not_recorded"
    uln = why if reading.times_uln is not None or reading.uln_reason else None
    return Reading(reading.fact, None, None, why, None, uln)
