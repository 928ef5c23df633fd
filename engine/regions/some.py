"""Some of a product that is too large, and values beside limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from math import gcd, isqrt
from typing import TypeVar

from engine import terms as m

T = TypeVar("T")


def limit_for(ratio: int, usual: int, low: int, high: int) -> int | None:
    """A limit of normal for which a value of so many millionths of it lies inside a range, the
    usual one if it does; None where no limit does."""
    if ratio <= 0:
        inside = low <= ratio * usual // m.MILLION <= high
        return usual if inside and ratio * usual % m.MILLION == 0 else None
    whole = m.MILLION // gcd(ratio, m.MILLION)  # so that the value is a whole number
    least, most = max(1, -(-low * m.MILLION // ratio)), high * m.MILLION // ratio
    found = min(max(usual, least), most) // whole * whole
    if found < max(least, 1):
        found += whole
    return found if least <= found <= most else None


def grain(limits: Sequence[int]) -> int:
    """The step between values that a reader would write next to these limits."""
    step = m.MILLION
    while step > 1 and any(limit % step for limit in limits):
        step //= 10
    return step


def size_of(options: Sequence[Sequence[object]]) -> int:
    size = 1
    for option in options:
        size *= len(option)
    return size


def a_few(options: Sequence[Sequence[T]], most: int) -> Iterator[Sequence[T]]:
    """Some of a product that is too large: the first of each, then others in place of one
    of them, then of two, taken at even distances."""
    count = len(options)
    first = [some[0] for some in options]
    yield first
    each = max(1, most // (2 * count))
    for i, some in enumerate(options):
        for one in _thinned(some[1:], each):
            yield [*first[:i], one, *first[i + 1 :]]
    pairs = list(combinations(range(count), 2))
    side = max(1, isqrt(most // (2 * len(pairs) or 1)))
    for i, j in pairs[:most]:
        for one, other in product(_thinned(options[i][1:], side), _thinned(options[j][1:], side)):
            yield [*first[:i], one, *first[i + 1 : j], other, *first[j + 1 :]]


def _thinned(some: Sequence[T], most: int) -> Sequence[T]:
    return some[:: -(-len(some) // most) or 1]
