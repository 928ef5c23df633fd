"""Words of other languages, and of plain speech: what this language has instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.terms import DaysBetween, Fact

_WHEN = "write `{when: CONDITION, require: CONDITION}`"
_COHORTS = "there are no cohorts within a pack: write a pack for each"
_STEPS = "there are no steps within a pack: write a pack for each"
_DERIVED = "a fact says so with `derive:` in facts.yaml, and a condition tests that fact"
_SOME = "write `{at_least: 2, of: [CONDITION, ...]}`"

CONDITIONS: Mapping[str, str] = {
    **dict.fromkeys(("if", "then", "else", "unless", "implies", "case", "only_if"), _WHEN),
    **dict.fromkeys(("cohort", "cohorts", "arm", "group", "population"), _COHORTS),
    **dict.fromkeys(("step", "visit", "phase", "timepoint"), _STEPS),
    **dict.fromkeys(
        ("mean", "average", "avg", "median", "formula", "sum", "score", "highest", "lowest"),
        _DERIVED,
    ),
    **dict.fromkeys(("count", "exists", "latest", "earliest", "last", "first", "max"), _DERIVED),
    **dict.fromkeys(("days_between", "completed_years_since", "min", "stable"), _DERIVED),
    **dict.fromkeys(("when", "require"), _WHEN),
    **dict.fromkeys(("at_least", "of"), _SOME),
    **dict.fromkeys(("some_of", "n_of", "at_least_n", "count_of"), _SOME),
    **dict.fromkeys(("and", "all_of", "every", "AND"), "write `{all: [CONDITION, ...]}`"),
    **dict.fromkeys(("or", "any_of", "one_of", "either", "OR"), "write `{any: [CONDITION, ...]}`"),
    **dict.fromkeys(("none", "none_of", "neither", "nor"), "write `{not: {any: [...]}}`"),
    "NOT": "write `{not: CONDITION}`",
}
"""By a key where a condition is expected."""

DERIVATIONS: Mapping[str, str] = {
    **dict.fromkeys(("average", "avg"), "write `mean: LIST.FIELD`"),
    **dict.fromkeys(("max", "maximum", "worst", "peak"), "write `highest: LIST.FIELD`"),
    **dict.fromkeys(("min", "minimum", "nadir"), "write `lowest: LIST.FIELD`"),
    **dict.fromkeys(("most_recent", "newest"), "write `last: LIST.FIELD`, with `by: DATE_FIELD`"),
    **dict.fromkeys(
        ("sum", "total", "add", "score", "calculate", "expression", "ratio", "divide", "product"),
        'write `formula: "a + b"` over the names of facts',
    ),
    **dict.fromkeys(
        ("bmi", "bsa", "egfr", "qtcf", "cockcroft_gault"),
        "write `formula:` with the names of the facts that it takes",
    ),
    **dict.fromkeys(("age", "age_from", "years_since"), "write `completed_years_since: FACT`"),
    **dict.fromkeys(("any", "has", "some"), "write `exists: LIST`, with `where:`"),
    **dict.fromkeys(("if", "when", "case"), "a derivation has no conditions; a criterion has"),
}
"""By a key of `derive`."""

OPERATORS: Mapping[str, str] = {
    **dict.fromkeys((">=", "gte", "ge", "min", "minimum", "not_below", "from"), "write `at_least`"),
    **dict.fromkeys((">", "gt", "greater_than", "more_than", "over", "exceeds"), "write `above`"),
    **dict.fromkeys(("<=", "lte", "le", "max", "maximum", "up_to", "to"), "write `at_most`"),
    **dict.fromkeys(("<", "lt", "less_than", "under"), "write `below`"),
    **dict.fromkeys(
        ("=", "==", "eq", "equals", "is", "in"),
        "write the code itself, or of a number `between: [5, 5]`",
    ),
    **dict.fromkeys(("!=", "ne", "not", "is_not", "not_in"), "write `{not: {FACT: ...}}`"),
    **dict.fromkeys(("range", "within_range", "inside"), "write `between: [LOW, HIGH]`"),
    **dict.fromkeys(("mean", "average", "highest", "lowest", "formula", "count"), _DERIVED),
    **dict.fromkeys(("if", "when"), _WHEN),
    "since": "write `at_least_ago: 14 days` or `on_or_after: 2026-11-20`",
}
"""By a key where an operator is expected."""

CRITERIA: Mapping[str, str] = {
    **dict.fromkeys(("cohort", "arm", "arms", "group", "groups"), _COHORTS),
    **dict.fromkeys(("steps", "visit", "phase", "timepoint"), _STEPS),
    **dict.fromkeys(("if", "when", "only_if", "unless"), f"in `holds_when`, {_WHEN}"),
    **dict.fromkeys(("condition", "rule", "test", "criteria"), "write `holds_when`"),
}
"""By a key of a criterion."""

_HOURS = re.compile(r"([0-9]{1,5})\s*(?:h|hrs?|hours?)")


def said_otherwise(value: dict[str, Any], known: frozenset[str]) -> tuple[str, str] | None:
    """The first key of a condition that is another language's word, with what this one has."""
    for key, child in value.items():
        if key == "at_least" and isinstance(child, dict) and "of" in child:
            return key, _SOME
        if key in CONDITIONS and key not in known:
            return key, CONDITIONS[key]
    return None


def days_for(text: str) -> str:
    """What to write for a length of time in hours, which a date does not know; "" for others."""
    hours = _HOURS.fullmatch(text.strip())
    if hours is None:
        return ""
    days = -(-int(hours[1]) // 24)
    return f"a date has no clock; count calendar days, as in `{days} day{'s' * (days != 1)}`"


def months_for(fact: Fact) -> str:
    """What to write for a limit in months on a number of days."""
    if isinstance(fact.derive, DaysBetween):
        start, end = fact.derive.start, fact.derive.end
        asked = f"`{{{start}: {{at_least: 6 months, before: {end}}}}}`"
        return f"ask of the day itself, as in {asked}, or write the limit in `{fact.unit}`"
    return f"write the limit in `{fact.unit}`"
