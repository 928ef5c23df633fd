"""The cells of a variable: truths that tests can have together, and what is proved of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine import terms as m
from engine.regions.asked import Plain


@dataclass(frozen=True, slots=True)
class Cell:
    """Truths that tests can have together, and something recorded that gives them.

    `recorded` is None where the cell is only possible. `points`: the known readings of what
    is recorded as (low, high), by fact; `spread`: the least and the greatest precisely known
    value that was found in the cell.
    """

    truths: tuple[int, ...]
    recorded: Plain | None
    points: Mapping[str, tuple[int, int]]
    spread: Mapping[str, tuple[int, int]]


class Held(NamedTuple):
    """What is proved of some cells: that none is missing (`whole`), and that none of those is
    in which every fact is known precisely (`points`). The latter is enough for questions about
    decided truths: a wider interval decides no more than its points do."""

    whole: bool
    points: bool

    def __and__(self, other: Held) -> Held:
        return Held(self.whole and other.whole, self.points and other.points)


ALL, NOTHING = Held(True, True), Held(False, False)


@dataclass(frozen=True, slots=True)
class Variable:
    """Coupled facts, what they can come to, and what is proved of that.

    `timeless`: no day cuts them, so they are the same on every as-of date. `free`: not cut, and
    taken as coming out in any way.
    """

    facts: tuple[str, ...]
    leaves: tuple[tuple[int, m.Leaf], ...]
    cells: tuple[Cell, ...]
    held: Held
    timeless: bool
    free: bool = False
