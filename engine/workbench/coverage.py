"""What the cases of a pack cover, and a subject for what they do not.

Coverage asks of every test whether some case saw it true, false and unknown; and for every
criterion that uses it, whether some case saw it *decide* there: the answer was yes or no, and
with this test's truth turned round and all else as it was, it would have been the opposite
(masking MC/DC).
Source: J. Chilenski, S. Miller, Applicability of modified condition/decision coverage to
software testing, Software Engineering Journal 9 (1994); masking as in DO-178C's supporting
guidance (CAST-6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from engine import terms as m
from engine.decide.decision import Screener
from engine.record.wording import leaf_words
from engine.reference import evaluator as reference
from engine.regions.asked import Plain, subject_from
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.workbench.cases import Case
from engine.workbench.edits import at_path, leaf_paths, only_reached, replaced, users
from engine.workbench.witness import Witness, confirmed

SEEN = ("true", "false", "unknown")
DECIDES = ("decides when true", "decides when false")
Seen = str


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something about one test that cases should show. `path` is its place in the pack;
    `criterion` is the one that it should decide ("": any that uses it will do)."""

    path: str
    seen: Seen
    place: m.Span
    words: str
    criterion: str = ""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An obligation that no case meets, and a subject that would."""

    obligation: Obligation
    witness: Witness
    criterion: str
    answer: m.Answer


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of all obligations, which are met, which cannot be, and which are left."""

    met: int
    infeasible: tuple[Obligation, ...]
    undecided: tuple[Obligation, ...]
    uncovered: tuple[Uncovered, ...]

    @property
    def percent(self) -> int:
        """Met obligations of those that can be met, in whole percent, rounded down."""
        whole = self.met + len(self.uncovered) + len(self.undecided)
        return 100 * self.met // whole if whole else 100


def obligations(protocol: m.Protocol) -> list[Obligation]:
    """What cases should show of every test that some criterion uses."""
    found = []
    for path, leaf in leaf_paths(protocol).items():
        if isinstance(leaf, m.Todo) or not users(protocol, path):
            continue
        words = leaf_words(leaf, protocol.facts)
        found += [Obligation(path, seen, leaf.place, words) for seen in SEEN]
        found += [
            Obligation(path, seen, leaf.place, words, id_)
            for id_ in _using(protocol, path)
            for seen in DECIDES
        ]
    return found


def _using(protocol: m.Protocol, path: str) -> list[str]:
    """The criteria that the condition at a path is part of, in the pack's order."""
    using = users(protocol, path)
    return [criterion.id for criterion in protocol.criteria if criterion.id in using]


def coverage(
    protocol: m.Protocol,
    cases: Sequence[Case],
    space: Space,
    screener: Screener,
    progress: Progress = lambda *_: None,
) -> Coverage:
    """What the cases show; for what they do not, a subject that would or a proof of none."""
    met: set[tuple[str, Seen, str]] = set()
    everything = obligations(protocol)
    paths = {one.path: _using(protocol, one.path) for one in everything}
    turned = {
        (path, truth): _turned(protocol, path, truth)
        for path in paths
        for truth in ("true", "false")
    }
    for number, case in enumerate(cases):
        progress("what cases show", number, len(cases))
        readings = reference.readings(protocol, case.subject, case.as_of)
        truths = reference.truths(protocol, readings, case.as_of)
        for path, using in paths.items():
            truth = truths[path]
            met.add((path, truth, ""))
            seen = f"decides when {truth}"
            if truth != "unknown" and any((path, seen, id_) not in met for id_ in using):
                now = reference.truths(turned[path, truth], readings, case.as_of)
                met |= {(path, seen, id_) for id_ in using if _opposite(truths[id_], now[id_])}

    @cache
    def other_days() -> tuple[list[Space], bool]:
        found, complete = spaces([protocol], space.as_of, space.effort, progress)
        return found[1:], complete

    infeasible: list[Obligation] = []
    undecided: list[Obligation] = []
    uncovered: list[Uncovered] = []
    for number, one in enumerate(everything):
        progress("what is missing", number, len(everything))
        if (one.path, one.seen, one.criterion) in met:
            continue
        found = _would_cover(protocol, one, space, other_days, screener)
        if isinstance(found, Uncovered):
            uncovered.append(found)
        else:
            (infeasible if found else undecided).append(one)
    left = len(infeasible) + len(undecided) + len(uncovered)
    return Coverage(len(everything) - left, tuple(infeasible), tuple(undecided), tuple(uncovered))


def shows(protocol: m.Protocol, one: Obligation, recorded: Plain, as_of: date) -> bool:
    """Whether something recorded meets an obligation. Raises: InputRejected."""
    subject = subject_from(recorded, protocol, as_of)
    readings = reference.readings(protocol, subject, as_of)
    truths = reference.truths(protocol, readings, as_of)
    truth = one.seen.removeprefix("decides when ")
    if truths[one.path] != truth or truth == one.seen:
        return truths[one.path] == truth
    other = _turned(protocol, one.path, truth)
    now = reference.truths(other, readings, as_of)
    return _opposite(truths[one.criterion], now[one.criterion])


def _opposite(truth: m.Truth, other: m.Truth) -> bool:
    """Whether one is true and one is false: what is unknown is no decision."""
    return {truth, other} == {"true", "false"}


def _turned(protocol: m.Protocol, path: str, truth: str) -> m.Protocol:
    """The pack with one test's truth turned round, and only the criteria that use it."""
    constant = m.Any(()) if truth == "true" else m.All(())
    other = replaced(protocol, path, constant)
    using = users(protocol, path)
    return only_reached(other, [c for c in other.criteria if c.id in using])


def _would_cover(
    protocol: m.Protocol,
    one: Obligation,
    space: Space,
    other_days: Callable[[], tuple[Sequence[Space], bool]],
    screener: Screener,
) -> Uncovered | bool:
    """A subject that would meet an obligation; else whether it is proved that none does."""
    using = {one.criterion} if one.criterion else users(protocol, one.path)
    asked = [criterion for criterion in protocol.criteria if criterion.id in using]

    def on_the_day_of(space: Space) -> Uncovered | bool:
        complete = True
        for criterion in asked:
            found = _covering(protocol, one, criterion, space, screener)
            if isinstance(found, Witness):
                return Uncovered(one, found, criterion.id, found.answer(protocol, criterion.id))
            complete = complete and found
        return complete

    today = on_the_day_of(space)
    if today is not True or all(space.timeless([(0, c.holds_when)]) for c in asked):
        return today
    # Not on this day; where limits stand in another order it may be.
    days, complete = other_days()
    for other in days:
        found = on_the_day_of(other)
        if isinstance(found, Uncovered):
            return found
        complete = complete and found
    return complete


def _covering(
    protocol: m.Protocol, one: Obligation, criterion: m.Criterion, space: Space, screener: Screener
) -> Witness | bool:
    """A subject that meets an obligation in a criterion; else whether it is proved that, on
    this day, none does."""
    leaf = at_path(protocol, one.path)
    truth = one.seen.removeprefix("decides when ")
    number = {"true": TRUE, "false": FALSE, "unknown": UNKNOWN}[truth]
    space.effort.question()
    try:
        goal = space.diagrams.is_(space.diagram(leaf), number)
        if truth != one.seen:
            other = _turned(protocol, one.path, truth)
            changed = next(c for c in other.criteria if c.id == criterion.id)
            written = space.diagram_of(other, changed.holds_when)
            mine = space.diagram(criterion.holds_when)
            opposite = space.diagrams.combine(
                "opposite", lambda x, y: TRUE if {x, y} == {TRUE, FALSE} else FALSE, mine, written
            )
            goal = space.diagrams.both(goal, opposite)
    except TooLarge:
        return False
    for recorded, _ in space.witnesses(goal, 10):
        space.effort.screened(len(screener.program.paths))
        try:
            return confirmed(screener, recorded, space.as_of)
        except (InputRejected, EngineFault):
            continue
    # Whoever shows that a test is true or false, or decides, shows it with the rest known too.
    definite = truth != "unknown"
    return goal == FALSE and space.complete([(0, criterion.holds_when)], definite=definite)
