"""Decision diagrams over regions: every question about a condition, answered exactly.

A diagram is a function from the regions of some variables to a truth: 0 false, 1 unknown,
2 true. Kleene's `all` is then the minimum, `any` the maximum and `not` the difference to 2.
Variables are tested in one fixed order and equal diagrams are one object, so two conditions
mean the same just when their diagrams are the same number.
Source of the method: R. Bryant, Graph-Based Algorithms for Boolean Function Manipulation,
IEEE Transactions on Computers C-35 (1986), with as many branches as a variable has regions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

FALSE, UNKNOWN, TRUE = 0, 1, 2
MOST_BRANCHES = 3_000_000
MOST_STEPS = 40_000_000
_LEVEL_OF_ENDS = 1 << 30


class TooLarge(Exception):
    """A question that needs more work or room than the limit: it is not decided."""


class Effort:
    """The work of one analysis, counted so that it ends at the same point on every machine.

    A step is one branch of a diagram looked at. What is put to the reference evaluator (and
    each test of it), or screened by the rules (in large packs each condition of them), counts
    as the steps that take about as long.
    """

    ASKED, TESTED, SCREENED, RULE = 400, 20, 4_000, 50

    def __init__(self, limit: int | None = None, *, times: int = 1) -> None:
        self.limit = times * (MOST_STEPS if limit is None else limit)
        self.spent = 0
        self.until = self.limit

    def question(self, share: int = 10) -> None:
        """Begin a question, which may take one part in `share` of the whole.

        So one hard question leaves something for the rest.
        """
        self.until = min(self.limit, self.spent + self.limit // share)

    def screened(self, *conditions: int) -> None:
        """Count a screening by packs of so many conditions."""
        self.spent += sum(max(self.SCREENED, self.RULE * count) for count in conditions)

    @property
    def over(self) -> bool:
        """Whether the question, or the whole, has taken what it may."""
        return self.spent > self.until


class Diagrams:
    """A store of diagrams. `widths[v]` is how many regions variable v has."""

    def __init__(self, widths: Sequence[int], effort: Effort | None = None) -> None:
        self.widths = tuple(widths)
        self.effort = effort or Effort()
        self.room = MOST_BRANCHES
        self.levels: list[int] = [_LEVEL_OF_ENDS] * 3
        self.branches: list[tuple[int, ...]] = [(), (), ()]
        self._unique: dict[tuple[int, tuple[int, ...]], int] = {}
        self._memo: dict[tuple[str, int, int], int] = {}

    def node(self, variable: int, branches: tuple[int, ...]) -> int:
        """The diagram that looks at a variable and goes on as its region says."""
        first = branches[0]
        if all(branch == first for branch in branches):
            return first
        key = (variable, branches)
        found = self._unique.get(key)
        if found is None:
            if len(branches) > self.room:
                raise TooLarge
            self.room -= len(branches)
            found = self._unique[key] = len(self.levels)
            self.levels.append(variable)
            self.branches.append(branches)
        return found

    def combine(self, name: str, function: Callable[[int, int], int], a: int, b: int) -> int:
        """The diagram of `function` over two diagrams' truths; `name` is its own name.

        Raises: TooLarge.
        """
        memo, levels, branches = self._memo, self.levels, self.branches
        effort = self.effort

        def go(a: int, b: int) -> int:
            if a <= TRUE and b <= TRUE:
                return function(a, b)
            key = (name, a, b)
            found = memo.get(key)
            if found is None:
                level = min(levels[a], levels[b])
                width = self.widths[level]
                effort.spent += width
                if effort.spent > effort.until:
                    raise TooLarge
                left = branches[a] if levels[a] == level else (a,) * width
                right = branches[b] if levels[b] == level else (b,) * width
                parts = tuple([go(x, y) for x, y in zip(left, right, strict=True)])
                found = memo[key] = self.node(level, parts)
            return found

        try:
            return go(a, b)
        except RecursionError:  # as deep as there are variables
            raise TooLarge from None

    def all(self, parts: Iterable[int]) -> int:
        """Every one holds."""
        result = TRUE
        for part in parts:
            result = self.combine("min", min, result, part)
        return result

    def any(self, parts: Iterable[int]) -> int:
        """At least one holds."""
        result = FALSE
        for part in parts:
            result = self.combine("max", max, result, part)
        return result

    def at_least(self, count: int, parts: Iterable[int]) -> int:
        """So many of them hold."""
        some = [TRUE, *[FALSE] * count]  # by place: of the parts so far, at least so many
        for part in parts:
            more = (self.any((b, self.all((part, a)))) for a, b in pairwise(some))
            some = [TRUE, *more]
        return some[count]

    def map(self, name: str, function: Callable[[int], int], a: int) -> int:
        """The diagram with every truth replaced."""
        return self.combine(name, lambda x, _: function(x), a, FALSE)

    def negate(self, a: int) -> int:
        return self.map("not", lambda truth: TRUE - truth, a)

    def is_(self, a: int, *truths: int) -> int:
        """True where `a` has one of the truths, else false."""
        chosen = frozenset(truths)
        return self.map(f"is {sorted(chosen)}", lambda t: TRUE if t in chosen else FALSE, a)

    def differ(self, a: int, b: int) -> int:
        """True where two diagrams differ."""
        return self.combine("differ", lambda x, y: FALSE if x == y else TRUE, a, b)

    def less(self, a: int, b: int) -> int:
        """True where `a` is further from true than `b`."""
        return self.combine("less", lambda x, y: TRUE if x < y else FALSE, a, b)

    def both(self, *parts: int) -> int:
        return self.all(parts)

    def support(self, a: int) -> frozenset[int]:
        """The variables a diagram looks at."""
        seen: set[int] = set()
        found: set[int] = set()
        todo = [a]
        while todo:
            one = todo.pop()
            if one > TRUE and one not in seen:
                seen.add(one)
                found.add(self.levels[one])
                todo.extend(set(self.branches[one]))
        return frozenset(found)

    def path(self, a: int, allowed: Callable[[int, int], bool]) -> dict[int, int] | None:
        """Regions, by variable, that lead to true, each `allowed`; None if none was found."""
        dead: set[int] = set()
        effort = self.effort

        def go(one: int) -> dict[int, int] | None:
            if one <= TRUE:
                return {} if one == TRUE else None
            if one in dead:
                return None
            level = self.levels[one]
            effort.spent += self.widths[level]
            if effort.spent > effort.until:
                return None
            for region, branch in enumerate(self.branches[one]):
                if branch != FALSE and allowed(level, region):
                    rest = go(branch)
                    if rest is not None:
                        return {level: region, **rest}
            dead.add(one)
            return None

        try:
            return go(a)
        except RecursionError:
            return None
