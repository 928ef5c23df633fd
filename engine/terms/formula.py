"""Formulas over facts: sums, products and quotients of what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Operation = Literal["+", "-", "*", "/", "min", "max"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number that the formula states."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Input:
    """What a fact comes to, in its unit; of a choice, the points of its code."""

    fact: str


@dataclass(frozen=True, slots=True)
class Operated:
    """Two expressions with an operation between them.

    `times`: what the right one is multiplied with first, so that both are in one unit.
    """

    operation: Operation
    left: Expression
    right: Expression
    times: Fraction = Fraction(1)


Expression = Number | Input | Operated


def inputs_of(expression: Expression) -> Iterator[str]:
    """The facts that an expression names, in its order."""
    if isinstance(expression, Input):
        yield expression.fact
    elif isinstance(expression, Operated):
        yield from inputs_of(expression.left)
        yield from inputs_of(expression.right)
