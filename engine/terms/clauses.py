"""What an entry of a record list must be like to match: the clauses of `where`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.terms.condition import Test
from engine.terms.values import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Where:
    """One field an entry must match: equal to one of `values`.

    Values are codes or words for choice and text, `True`/`False` for boolean, millionths
    for quantity.
    """

    field: str
    values: tuple[str | bool | int, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several ways to match; an entry matches in a way if every clause of it fits."""

    ways: tuple[tuple[Clause, ...], ...]
    place: Span = field(default=NOWHERE, compare=False)


Clause = Where | Test | Either
"""A test in `where` has the name of the field for its fact."""


def equalities(where: Iterable[Clause]) -> Iterator[Where]:
    """The clauses that ask for values, those of every way among them."""
    for clause in where:
        if isinstance(clause, Either):
            for way in clause.ways:
                yield from equalities(way)
        elif isinstance(clause, Where):
            yield clause


def tests_in(where: Iterable[Clause]) -> Iterator[Test]:
    """The tests on fields, those of every way among them."""
    for clause in where:
        if isinstance(clause, Either):
            for way in clause.ways:
                yield from tests_in(way)
        elif not isinstance(clause, Where):
            yield clause


def fields_in(where: Iterable[Clause]) -> tuple[str, ...]:
    """The fields that are asked about, each once."""
    asked = tuple(where)
    named = [one.field for one in equalities(asked)]
    return tuple(dict.fromkeys([*named, *(test.fact for test in tests_in(asked))]))
