"""The rules of a leaf: the comparisons that conclude a test true, false or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from engine import terms as m
from engine.compile.program import (
    Test,
)

CODES_A_LEVEL = 32
"""Codes of a choice that are told apart at one level of conditions."""


# Properties of a reading: `known`; `low`/`high` on the fact's own axis (for a date, its day
# number); days ago, and the month grid as of the day, of the day before, and of the day with
# the missing days of its month (`m`, `s`, `e`; engine.terms.calendar);
# floor and ceiling of the ratio to the upper limit of normal, in millionths; of a value held
# against another, the least and the greatest that it can exceed it by (`dl`, `dh`).
LONG_AGO = 3_900_000_000
NEVER_AGO = 4_000_000_000
Rows = list[tuple[m.Truth, tuple[Test, ...]]]


def _negated(rows: Rows) -> Rows:
    swap: dict[m.Truth, m.Truth] = {"true": "false", "false": "true", "unknown": "unknown"}
    return [(swap[truth], tests) for truth, tests in rows]


_KNOWN: Test = ("known", "==", 1)
_UNKNOWN: tuple[m.Truth, tuple[Test, ...]] = ("unknown", (("known", "==", 0),))


def _at_least(low: str, high: str, limit: int) -> Rows:
    return [
        ("true", (_KNOWN, (low, ">=", limit))),
        ("false", (_KNOWN, (high, "<", limit))),
        ("unknown", (_KNOWN, (low, "<", limit), (high, ">=", limit))),
        _UNKNOWN,
    ]


def _at_most(low: str, high: str, limit: int) -> Rows:
    return [
        ("true", (_KNOWN, (high, "<=", limit))),
        ("false", (_KNOWN, (low, ">", limit))),
        ("unknown", (_KNOWN, (low, "<=", limit), (high, ">", limit))),
        _UNKNOWN,
    ]


def _inside_rows(low: str, high: str, bottom: int, top: int) -> Rows:
    """Wholly between, wholly below, wholly above, across the bottom, across the top only."""
    return [
        ("true", (_KNOWN, (low, ">=", bottom), (high, "<=", top))),
        ("false", (_KNOWN, (high, "<", bottom))),
        ("false", (_KNOWN, (high, ">=", bottom), (low, ">", top))),
        ("unknown", (_KNOWN, (low, "<", bottom), (high, ">=", bottom), (low, "<=", top))),
        ("unknown", (_KNOWN, (low, ">=", bottom), (low, "<=", top), (high, ">", top))),
        _UNKNOWN,
    ]


def leaf_rows(protocol: m.Protocol, leaf: m.Leaf) -> Rows:
    """The rules of one leaf over its reading: exactly one matches any reading."""
    if isinstance(leaf, m.Todo):
        return [_UNKNOWN]
    fact = protocol.facts[leaf.fact]
    if isinstance(leaf, m.BooleanTest):
        rows: Rows = [
            ("true", (_KNOWN, ("low", "==", 1))),
            ("false", (_KNOWN, ("low", "==", 0))),
            _UNKNOWN,
        ]
        return rows if leaf.expected else _negated(rows)
    if isinstance(leaf, m.ChoiceTest):
        numbers = [fact.code_number(code) for code in leaf.codes]
        if len(fact.choices) > CODES_A_LEVEL:
            return _many_codes(frozenset(numbers), len(fact.choices))
        others: tuple[Test, ...] = tuple(("low", "!=", n) for n in numbers)
        rest: Rows = [("false", (_KNOWN, *others))] if len(numbers) < len(fact.choices) else []
        return [
            *(("true", (_KNOWN, ("low", "==", n))) for n in numbers),
            *rest,
            _UNKNOWN,
        ]
    if isinstance(leaf, m.LimitTest):
        rows = {
            "at_least": _at_least("low", "high", leaf.limit_u),
            "below": _negated(_at_least("low", "high", leaf.limit_u)),
            "at_most": _at_most("low", "high", leaf.limit_u),
            "above": _negated(_at_most("low", "high", leaf.limit_u)),
        }[leaf.op]
        return rows
    if isinstance(leaf, m.FactLimitTest):
        return {
            "at_least": _at_least("dl", "dh", 0),
            "below": _negated(_at_least("dl", "dh", 0)),
            "at_most": _at_most("dl", "dh", 0),
            "above": _negated(_at_most("dl", "dh", 0)),
        }[leaf.op]
    if isinstance(leaf, m.BetweenTest):
        return _inside_rows("low", "high", leaf.low_u, leaf.high_u)
    if isinstance(leaf, m.UlnTest):
        return _uln_rows(leaf)
    if isinstance(leaf, m.AgoTest):
        return _ago_rows(leaf)
    if isinstance(leaf, m.DayTest):
        day = leaf.day.toordinal()
        if leaf.op == "on_or_after":
            return _at_least("low", "high", day)
        return _inside_rows("low", "high", m.NEVER + 1, day)
    if isinstance(leaf, m.EverTest):
        rows = _inside_rows("near", "far", 0, NEVER_AGO - 1)
        return rows if leaf.expected else _negated(rows)
    if isinstance(leaf, m.AnchorTest):
        return _anchor_rows(leaf)
    if isinstance(leaf, m.LastingTest):
        return _lasting_rows(leaf)
    assert_never(leaf)


def _many_codes(asked: frozenset[int], count: int) -> Rows:
    """A choice of many codes, in two steps so that few conditions stand at one level.

    `block` is the code's number over `CODES_A_LEVEL`, `digit` the remainder.
    """
    rows: Rows = [_UNKNOWN]
    for start in range(0, count, CODES_A_LEVEL):
        block: Test = ("block", "==", start // CODES_A_LEVEL)
        numbers = range(start, min(start + CODES_A_LEVEL, count))
        truths: list[m.Truth] = ["true" if n in asked else "false" for n in numbers]
        if len(set(truths)) == 1:
            rows.append((truths[0], (_KNOWN, block)))
        else:
            rows += [
                (truth, (_KNOWN, block, ("digit", "==", n - start)))
                for n, truth in zip(numbers, truths, strict=True)
            ]
    return rows


def _uln_rows(leaf: m.UlnTest) -> Rows:
    """Over floor and ceiling of the ratio, which decide as the exact ratio would.

    For a whole number K of millionths and a ratio r: r >= K iff floor(r) >= K, r > K iff
    ceil(r) > K, and likewise r <= K iff ceil(r) <= K, r < K iff floor(r) < K.
    """
    k = leaf.times_u
    known: Test = ("uknown", "==", 1)
    if leaf.op in ("at_least_uln", "below_uln"):
        rows: Rows = [
            ("true", (known, ("ulf", ">=", k))),
            ("false", (known, ("uhf", "<", k))),
            ("unknown", (known, ("ulf", "<", k), ("uhf", ">=", k))),
        ]
    else:
        rows = [
            ("false", (known, ("uhc", "<=", k))),
            ("true", (known, ("ulc", ">", k))),
            ("unknown", (known, ("ulc", "<=", k), ("uhc", ">", k))),
        ]
    rows.append(("unknown", (("uknown", "==", 0),)))
    return rows if leaf.op in ("at_least_uln", "above_uln") else _negated(rows)


def _ago_rows(leaf: m.AgoTest) -> Rows:
    rows = _length_rows(LENGTHS[leaf.op], leaf.duration)
    return [*((truth, (_KNOWN, *tests)) for truth, tests in rows), _UNKNOWN]


LENGTHS: Mapping[m.AgoOp, m.AnchorOp] = {
    "at_least_ago": "at_least", "more_than_ago": "more_than",
    "within_last": "within", "less_than_ago": "less_than",
}  # fmt: skip
"""How each test against the as-of date reads against any date."""


def _lasting_rows(leaf: m.LastingTest) -> Rows:
    """As `at_least_ago`, but that `never` has not lasted (`near`, where it is nothing else)."""
    some: Test = ("near", "<", NEVER_AGO)
    rows: Rows = []
    for truth, tests in _length_rows("at_least", leaf.duration):
        if truth == "true":
            rows += [
                ("true", (_KNOWN, some, ("far", "!=", NEVER_AGO), *tests)),
                ("unknown", (_KNOWN, some, ("far", "==", NEVER_AGO), *tests)),
            ]
        else:
            rows.append((truth, (_KNOWN, some, *tests)))
    return [*rows, ("false", (_KNOWN, ("near", "==", NEVER_AGO))), _UNKNOWN]


NO_PAIR, NEVER_PAIR, PLANNED_PAIR, PAIR, MIXED_PAIR = range(5)
"""How a date and its anchor stand: not to be compared; `never`, which is settled whatever the
anchor; a day ahead that may not come about; two dates; two dates of which the first may be
`never`, as one that is longer ago than any other."""


def _anchor_rows(leaf: m.AnchorTest) -> Rows:
    """Over the time from one date to the other: at most `far`, at least `near`."""
    washout = leaf.side == "before" and leaf.op in ("at_least", "more_than")
    rows: Rows = [
        ("unknown", (("pair", "==", NO_PAIR),)),
        ("true" if washout else "false", (("pair", "==", NEVER_PAIR),)),
    ]
    most = MIXED_PAIR
    if leaf.duration is None:
        base: Rows = [
            ("true", (("near", ">", 0),)),
            ("false", (("far", "<=", 0),)),
            ("unknown", (("near", "<=", 0), ("far", ">", 0))),
        ]
        if leaf.side == "before":
            most = PAIR
            rows.append(("unknown", (("pair", "==", MIXED_PAIR),)))
    else:
        base = _length_rows(leaf.op, leaf.duration)
    for truth, tests in base:
        rows.append((truth, (("pair", ">=", PAIR), ("pair", "<=", most), *tests)))
        sure = truth == ("true" if washout else "false")
        rows.append((truth if sure else "unknown", (("pair", "==", PLANNED_PAIR), *tests)))
    return rows


def _length_rows(op: m.AnchorOp, duration: m.Duration) -> Rows:
    """Days ago, or steps of the month grid: `near` is the later end, `far` the earlier one.

    `sure`: for every date that the reading can be, and by both month-end rules, the length has
    passed; `may`: for one of the dates, by one of the rules. With months, that it has passed
    is asked of the grid as of the day (the earlier rule: with its missing days), and that it
    was over before, of the day before, as engine.terms.calendar explains.
    """
    over = op in ("more_than", "within")
    near, far, least, most = "near", "far", duration.days + over, duration.days + over
    if duration.months:
        near, far = ("snear", "mfar") if over else ("mnear", "efar")
        least = 31 * duration.months
        most = least + over
    sure: Test = (near, ">=", least)
    not_sure: Test = (near, "<", least)
    may: Test = (far, ">=", most)
    not_may: Test = (far, "<", most)
    if op in ("at_least", "more_than"):
        return [("true", (sure,)), ("false", (not_may,)), ("unknown", (not_sure, may))]
    come: Test = ("far", ">=", 0)
    return [
        ("true", (("near", ">=", 0), not_may)),
        ("false", (("far", "<", 0),)),
        ("false", (come, sure)),
        ("unknown", (("near", "<", 0), come, not_sure)),
        ("unknown", (("near", ">=", 0), not_sure, may)),
    ]
