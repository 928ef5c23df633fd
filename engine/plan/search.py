"""Questions about every way in which the open facts may come out.

A `World` holds what a subject's facts come to on one day, and for every root that may still
come out differently its states. `find` looks for states under which given criteria come to
given truths: it assigns one root at a time, prunes by Kleene's logic, which never says true
or false of what may still be either, and splits the criteria wherever they share no root any
more. So it visits few of the products it answers for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine.plan.days import Day
from engine.plan.roots import TRUTH3, Root, Roots, State, Truth3, with_derived
from engine.reference.evaluator import truth_of
from engine.terms import All, Any, AtLeast, Condition, Defined, Not, Protocol, Reading, Test, Todo

MOST_STEPS = 60_000
"""Steps one plan may search; beyond that it says that it is not exhaustive."""

NO, OPEN, YES = 0, 1, 2

Group = tuple[str, tuple["Expression", ...]]
Expression = int | Group
"""A criterion as its passing: a leaf's number, or `all`, `any` or `not` over others."""


class OutOfSteps(Exception):
    """The search was cut short: there is no answer."""


@dataclass(slots=True)
class Steps:
    """How many steps are left."""

    left: int = MOST_STEPS


@dataclass(frozen=True, slots=True)
class Wanted:
    """A criterion that must come to one of `truths` (of its passing).

    `blind`: as it comes to without the root `World.hidden`, whatever state that is in.
    """

    criterion: int
    truths: frozenset[Truth3]
    blind: bool = False


NOT_FAILED = frozenset({OPEN, YES})


class Shape:
    """A protocol's criteria as expressions over numbered leaves."""

    def __init__(self, protocol: Protocol, tests: Sequence[Test], roots: Roots) -> None:
        self.protocol, self.tests, self.roots = protocol, tests, roots
        self.numbers = {test: number for number, test in enumerate(tests)}
        self.todo = len(tests)  # one leaf stands for every condition that is not yet written
        self.criteria: list[Expression] = []
        self._defined: dict[str, Expression] = {}
        for criterion in protocol.criteria:
            holds = self._expression(criterion.holds_when)
            passes = holds if criterion.kind == "inclusion" else ("not", (holds,))
            self.criteria.append(passes)
        self.leaf_roots: list[tuple[Root, ...]] = [roots.of[t.fact] for t in tests] + [()]
        self.leaves_of: dict[Root, list[int]] = {}
        for number, owners in enumerate(self.leaf_roots):
            for root in owners:
                self.leaves_of.setdefault(root, []).append(number)
        self.leaves_in = [frozenset(_leaves(e)) for e in self.criteria]
        self.roots_of = [
            {root for leaf in leaves for root in self.leaf_roots[leaf]} for leaves in self.leaves_in
        ]

    def _expression(self, condition: Condition) -> Expression:
        if isinstance(condition, All | Any):
            word = "all" if isinstance(condition, All) else "any"
            return (word, tuple(self._expression(child) for child in condition.children))
        if isinstance(condition, AtLeast):
            children = [self._expression(child) for child in condition.children]
            return _at_least(condition.count, children)
        if isinstance(condition, Not):
            return ("not", (self._expression(condition.child),))
        if isinstance(condition, Defined):
            name = condition.name
            if name not in self._defined:
                self._defined[name] = self._expression(self.protocol.definitions[name])
            return self._defined[name]
        return self.todo if isinstance(condition, Todo) else self.numbers[condition]


def _at_least(count: int, parts: list[Expression]) -> Expression:
    """At least so many of some parts: the first and one less of the others, or of the others."""
    if count == len(parts):
        return ("all", tuple(parts))
    if count == 1:
        return ("any", tuple(parts))
    first, rest = parts[0], parts[1:]
    return ("any", (("all", (first, _at_least(count - 1, rest))), _at_least(count, rest)))


def _leaves(expression: Expression) -> Iterable[int]:
    if isinstance(expression, int):
        yield expression
    else:
        for part in expression[1]:
            yield from _leaves(part)


class World:
    """One subject on one day: truths now, and the states of the roots that may yet change.

    `initial` is the truth of every leaf with nothing more known; `states` what each root may come
    to. A root that is not among them stays as it is.
    """

    def __init__(
        self, shape: Shape, day: Day, states: Mapping[Root, Sequence[State]], steps: Steps
    ) -> None:
        self.shape, self.day, self.states, self.steps = shape, day, states, steps
        self.number = day.on.toordinal()
        self.initial = [self._truth(test, day.readings) for test in shape.tests] + [OPEN]
        self.values = list(self.initial)
        self.blind = list(self.initial)
        self.hidden: Root | None = None
        self.loose: frozenset[Root] = frozenset()
        self.held: dict[Root, int] = {}
        self._truths: dict[tuple[int, tuple[int, ...]], Truth3] = {}

    @property
    def on(self) -> date:
        return self.day.on

    def _truth(self, test: Test, readings: Mapping[str, Reading]) -> Truth3:
        fact = self.shape.protocol.facts[test.fact]
        return TRUTH3[truth_of(test, readings[test.fact], fact, self.number)]

    def _leaf(self, number: int, hidden: Root | None = None) -> Truth3:
        """A leaf's truth under the states now held, but for that of `hidden`."""
        owners = self.shape.leaf_roots[number]
        held = tuple(-1 if r == hidden else self.held.get(r, -1) for r in owners)
        if self.loose and any(s < 0 and r in self.loose for r, s in zip(owners, held, strict=True)):
            return OPEN
        truth = self._truths.get((number, held))
        if truth is None:
            test = self.shape.tests[number]
            if len(owners) == 1 and held[0] >= 0:
                readings = self.states[owners[0]][held[0]].readings
            else:
                pairs = zip(owners, held, strict=True)
                readings = self.readings({root: state for root, state in pairs if state >= 0})
            truth = self._truths[number, held] = self._truth(test, readings)
        return truth

    def readings(self, held: Mapping[Root, int]) -> dict[str, Reading]:
        """What every fact comes to with some roots in given states."""
        readings = dict(self.day.readings)
        roots = self.shape.roots
        mixed = []
        for root, number in held.items():
            readings.update(self.states[root][number].readings)
            mixed += [n for n in roots.facts[root] if len(roots.of[n]) > 1]
        for name in mixed:
            readings.pop(name, None)
        return with_derived(roots, mixed, readings, self.number)

    def hold(self, root: Root, number: int) -> list[tuple[int, Truth3, Truth3]]:
        """Put a root in a state; what `release` needs to undo it."""
        values, blind = self.values, self.blind
        undo = [(leaf, values[leaf], blind[leaf]) for leaf in self.shape.leaves_of[root]]
        self.held[root] = number
        for leaf, _, _ in undo:
            values[leaf] = blind[leaf] = self._leaf(leaf)
            if self.hidden is not None and self.hidden in self.shape.leaf_roots[leaf]:
                blind[leaf] = self._leaf(leaf, self.hidden)
        return undo

    def release(self, root: Root, undo: Iterable[tuple[int, Truth3, Truth3]]) -> None:
        """Undo what `hold` did."""
        del self.held[root]
        for leaf, truth, blind in undo:
            self.values[leaf], self.blind[leaf] = truth, blind

    def passing(self, criterion: int) -> Truth3:
        """Whether a criterion passes under the states now held."""
        return self._value(self.shape.criteria[criterion])

    def verdict(self) -> Truth3:
        """Whether every criterion passes under the states now held."""
        return min((self._value(e) for e in self.shape.criteria), default=YES)

    def _value(self, expression: Expression) -> Truth3:
        if isinstance(expression, int):
            return self.values[expression]
        word, parts = expression
        if word == "not":
            return 2 - self._value(parts[0])
        if word == "all":
            result = YES
            for part in parts:
                result = min(result, self._value(part))
                if result == NO:
                    break
            return result
        result = NO
        for part in parts:
            result = max(result, self._value(part))
            if result == YES:
                break
        return result

    def _look(self, expression: Expression, values: Sequence[Truth3], leaves: list[int]) -> Truth3:
        """An expression's truth; the unknown leaves that it hangs on are added to `leaves`."""
        if isinstance(expression, int):
            if values[expression] == OPEN:
                leaves.append(expression)
            return values[expression]
        word, parts = expression
        before = len(leaves)
        if word == "not":
            result = 2 - self._look(parts[0], values, leaves)
        elif word == "all":
            result = min([self._look(part, values, leaves) for part in parts])
        else:
            result = max([self._look(part, values, leaves) for part in parts])
        if result != OPEN:
            del leaves[before:]
        return result

    def find_anew(self, wanted: Iterable[Wanted], free: Collection[Root]) -> dict[Root, int] | None:
        """As `find`, but the roots `free` need not come out as they are known now."""
        touched = {leaf for root in free for leaf in self.shape.leaves_of[root]}
        self.loose = frozenset(free)
        for leaf in touched:
            self.values[leaf] = OPEN
        try:
            return self.find(wanted, free)
        finally:
            self.loose = frozenset()
            for leaf in touched:
                self.values[leaf] = self.initial[leaf]

    # --- searching --------------------------------------------------------------------

    def find(self, wanted: Iterable[Wanted], free: Collection[Root]) -> dict[Root, int] | None:
        """States of some of the roots `free` under which every criterion is as wanted.

        Roots of `free` that the answer does not name may be in any state; all other roots
        stay as they are. None: there are no such states. Raises: OutOfSteps.
        """
        self.steps.left -= 1
        if self.steps.left < 0:
            raise OutOfSteps
        live: list[tuple[Wanted, dict[Root, None], list[int]]] = []
        for one in wanted:
            leaves: list[int] = []
            values = self.blind if one.blind else self.values
            truth = self._look(self.shape.criteria[one.criterion], values, leaves)
            roots: dict[Root, None] = {}
            if truth == OPEN:
                for leaf in leaves:
                    for root in self.shape.leaf_roots[leaf]:
                        unseen = one.blind and root == self.hidden
                        if root not in self.held and root in free and not unseen:
                            roots[root] = None
            if not roots:
                if truth not in one.truths:
                    return None
            else:
                live.append((one, roots, leaves))
        found: dict[Root, int] = {}
        for group in _apart(live):
            answer = self._branch(group, free)
            if answer is None:
                return None
            found |= answer
        return found

    def _branch(
        self,
        group: Sequence[tuple[Wanted, dict[Root, None], list[int]]],
        free: Collection[Root],
    ) -> dict[Root, int] | None:
        uses: dict[Root, int] = {}
        for _, roots, _ in group:
            for root in roots:
                uses[root] = uses.get(root, 0) + 1
        least = min(group, key=lambda item: len(item[1]))
        root = max(least[1], key=lambda r: uses[r])
        wanted = [item[0] for item in group]
        leaves = [leaf for _, _, some in group for leaf in some]
        alike: set[tuple[Truth3, ...]] = set()
        mixed = any(len(self.shape.leaf_roots[leaf]) > 1 for leaf in self.shape.leaves_of[root])
        for number in range(len(self.states[root])):
            undo = self.hold(root, number)
            try:
                if not mixed:
                    key = tuple([self.values[leaf] for leaf in leaves])
                    if key in alike:
                        continue
                    alike.add(key)
                answer = self.find(wanted, free)
            finally:
                self.release(root, undo)
            if answer is not None:
                return {**answer, root: number}
        return None


def _apart(
    live: Sequence[tuple[Wanted, dict[Root, None], list[int]]],
) -> list[list[tuple[Wanted, dict[Root, None], list[int]]]]:
    """The criteria in groups that share no root."""
    groups: list[tuple[set[Root], list[tuple[Wanted, dict[Root, None], list[int]]]]] = []
    for item in live:
        roots, members = set(item[1]), [item]
        rest = []
        for other_roots, others in groups:
            if roots & other_roots:
                roots |= other_roots
                members = others + members
            else:
                rest.append((other_roots, others))
        groups = [*rest, (roots, members)]
    return [members for _, members in groups]
