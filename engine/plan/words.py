"""A plan's sentences. Days are ISO text, as in every record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from fractions import Fraction
from itertools import groupby, pairwise

from engine import terms as m
from engine.plan.days import in_doubt
from engine.plan.roots import Part, Root
from engine.plan.search import NO, YES
from engine.record.wording import amount_text, counted, day_text, decimal_text, leaf_words
from engine.terms.condition import limits_named

LAPSED = "out of date after"


def listed(words: Sequence[str], most: int = 4) -> str:
    """`a`, `a and b`, `a, b, c and 3 more`."""
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1} more"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def days_text(count: int) -> str:
    return counted(count, "day")


def ask_of(protocol: m.Protocol, root: Root) -> str:
    """A root's question."""
    if root.startswith("records."):
        return protocol.records[root.removeprefix("records.")].ask
    return protocol.facts[root].ask


def turned(
    protocol: m.Protocol, test: m.Test, before: int, after: int, reading: m.Reading, on: date
) -> str:
    """What time alone did to a test's truth on a day."""
    words = leaf_words(test, protocol.facts)
    if after == YES:
        return f"{words} (from {on})"
    if after == NO:
        return f"{words} (no longer, from {on})" if before == YES else f"not {words} (from {on})"
    if in_doubt(test, reading):
        return f"{words} (on {on} not known: a month lacks the day)"
    if reading.reason == "conflicting":
        return f"{words} (contradicted, from {on})"
    return f"{words} (not known, from {on})"


def sentences(said: Sequence[str], most: int = 3) -> str:
    """Sentences in one line, the first few of many."""
    if len(said) > most:
        said = [*said[: most - 1], f"{len(said) - most + 1} more"]
    return "; ".join(said)


def reading_words(fact: m.Fact, reading: m.Reading) -> str:
    """What is known of a permanent fact: `Date of birth: 2006-11-20`."""
    low, high = reading.low, reading.high
    if low is None or high is None:
        return f"{fact.ask}: not known"
    ends = [_end(fact, low), _end(fact, high)]
    value = ends[0] if low == high else f"between {ends[0]} and {ends[1]}"
    return f"{fact.ask}: {value}"


def _end(fact: m.Fact, number: int) -> str:
    if fact.type == "boolean":
        return "yes" if number else "no"
    if fact.type == "choice":
        return fact.choices[number].label
    if fact.type == "quantity":
        return amount_text(number, fact.unit)
    return day_text(number) or "long ago"


def parts_words(fact: m.Fact, tests: Iterable[m.Test], parts: Sequence[Part]) -> str:
    """The pieces of a fact's axis in words: `at most 0.8 mg/dL`, `Controlled or None`."""
    tests = tuple(tests)
    if fact.type == "boolean":
        return " or ".join("yes" if part.low else "no" for part in parts)
    if fact.type == "choice":
        codes = sorted(part.low for part in parts)
        others = [n for n in range(len(fact.choices)) if n not in codes]
        if len(codes) > 3 and others and len(others) < len(codes):
            return "anything but " + " or ".join(fact.choices[n].label for n in others)
        return " or ".join(fact.choices[n].label for n in codes)
    if fact.type == "date":
        return " or ".join(_day_range(low, high) for low, high in _days_joined(parts))
    limits = {limit for test in tests for limit in limits_named(test)}
    cuts = sorted({Fraction(t.times_u, m.MILLION) for t in tests if isinstance(t, m.UlnTest)})
    if not cuts:
        ranges = _joined((part.low, part.high) for part in parts)
        return " or ".join(_amounts(fact, low, high, limits) for low, high in ranges)
    # Zero is below every multiple, so it is told with the values just above it.
    lowest = next((cut for cut in cuts if cut > 0), None)
    by_times: dict[_Times, list[tuple[int, int]]] = {}
    for part in parts:
        assert part.times is not None
        zero = part.times == _ZERO and cuts[0] > 0
        times = (Fraction(0), lowest) if zero else part.times
        by_times.setdefault(times, []).append((part.low, part.high) if limits else (0, 0))
    by_values: dict[tuple[tuple[int, int], ...], list[_Times]] = {}
    for times, values in by_times.items():
        by_values.setdefault(tuple(_joined(values)), []).append(times)
    told = []
    for some, together in by_values.items():
        words = [_multiples(together, cuts)]
        if limits:
            words.insert(0, " or ".join(_amounts(fact, low, high, limits) for low, high in some))
        told.append(" and ".join(w for w in words if w != _ANY) or _ANY)
    return ", or ".join(dict.fromkeys(told))


_ANY = "any value"
_Times = tuple[Fraction | None, Fraction | None]
"""A piece of the axis of ratios: its ends, None where open; equal ends are a point."""
_ZERO: _Times = (Fraction(0), Fraction(0))


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for low, high in sorted(set(ranges)):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _days_joined(parts: Sequence[Part]) -> list[tuple[int, int]]:
    return _joined((part.low, part.high) for part in parts)


def _day_range(low: int, high: int) -> str:
    if low == high:
        return day_text(low) or "long ago"
    return f"{day_text(low)} to {day_text(high)}"


def _amounts(fact: m.Fact, low: int, high: int, limits: Iterable[int]) -> str:
    cuts = set(limits)
    bottom, top = fact.range_u if fact.range_u is not None else (-m.UNBOUNDED, m.UNBOUNDED)
    if low <= bottom and high >= top:
        return _ANY
    if low == high:
        return amount_text(low, fact.unit)
    least = (
        f"above {amount_text(low - 1, fact.unit)}"
        if low - 1 in cuts and low not in cuts
        else f"at least {amount_text(low, fact.unit)}"
    )
    most = (
        f"below {amount_text(high + 1, fact.unit)}"
        if high + 1 in cuts and high not in cuts
        else f"at most {amount_text(high, fact.unit)}"
    )
    if low <= bottom:
        return most
    return least if high >= top else f"{least} and {most}"


def _multiples(pieces: Collection[_Times], cuts: Sequence[Fraction]) -> str:
    """Pieces of the axis of ratios in words, neighbours told together."""
    edges: list[Fraction | None] = [None, *sorted({*cuts, Fraction(0)}), None]
    axis: list[_Times] = []
    for low, high in pairwise(edges):
        if low is not None:
            axis.append((low, low))
        axis.append((low, high))
    told = []
    for have, run in groupby(axis, key=lambda piece: piece in pieces):
        if have:
            inside = list(run)
            first, last = inside[0], inside[-1]
            words = []
            if first[0] is not None and first != _ZERO and (first[0] != 0 or 0 in cuts):
                words.append(
                    f"{'at least' if first[0] == first[1] else 'above'} {_times(first[0])}"
                )
            if last[1] is not None:
                words.append(f"{'at most' if last[0] == last[1] else 'below'} {_times(last[1])}")
            if len(words) == 2 and first == last and first[0] == first[1]:
                words = [f"exactly {_times(last[1] or Fraction(0))}"]
            if not words:
                return _ANY
            told.append(" and ".join(words))
    return f"{' or '.join(told)} times the upper limit of normal"


def _times(ratio: Fraction) -> str:
    return decimal_text(int(ratio * m.MILLION))
