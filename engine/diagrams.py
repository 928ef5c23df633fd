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

FALSE, UNKNOWN, TRUE = 0, 1, 2
_LEVEL_OF_ENDS = 1 << 30


class TooLarge(Exception):
    """A question that needs more nodes than the limit: it is not decided."""


class Diagrams:
    """A store of diagrams. `widths[v]` is how many regions variable v has."""

    def __init__(self, widths: Sequence[int], limit: int = 300_000) -> None:
        self.widths = tuple(widths)
        self.limit = limit
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
            if len(self.levels) >= self.limit:
                raise TooLarge
            found = self._unique[key] = len(self.levels)
            self.levels.append(variable)
            self.branches.append(branches)
        return found

    def combine(self, name: str, function: Callable[[int, int], int], a: int, b: int) -> int:
        """The diagram of `function` over two diagrams' truths; `name` is its own name."""
        memo, levels, branches = self._memo, self.levels, self.branches

        def go(a: int, b: int) -> int:
            if a <= TRUE and b <= TRUE:
                return function(a, b)
            key = (name, a, b)
            found = memo.get(key)
            if found is None:
                level = min(levels[a], levels[b])
                width = self.widths[level]
                left = branches[a] if levels[a] == level else (a,) * width
                right = branches[b] if levels[b] == level else (b,) * width
                parts = tuple([go(x, y) for x, y in zip(left, right, strict=True)])
                found = memo[key] = self.node(level, parts)
            return found

        return go(a, b)

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

    def path(
        self, a: int, allowed: Callable[[int, int], bool], skip: frozenset[int] = frozenset()
    ) -> dict[int, int] | None:
        """Regions, by variable, that lead to true, each `allowed`; None if there are none.

        `skip`: nodes that must not be passed.
        """
        dead: set[int] = set(skip)

        def go(one: int) -> dict[int, int] | None:
            if one <= TRUE:
                return {} if one == TRUE else None
            if one in dead:
                return None
            level = self.levels[one]
            for region, branch in enumerate(self.branches[one]):
                if branch != FALSE and allowed(level, region):
                    rest = go(branch)
                    if rest is not None:
                        return {level: region, **rest}
            dead.add(one)
            return None

        return go(a)
