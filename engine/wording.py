"""Words for values, dates and conditions, as records and traces show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from engine.model import (
    MILLION,
    NEVER,
    PAST,
    UNBOUNDED,
    AgoTest,
    BetweenTest,
    BooleanTest,
    ChoiceTest,
    DayTest,
    EverTest,
    Fact,
    Leaf,
    LimitTest,
    Todo,
    UlnTest,
)

OPERATOR_WORDS = {
    "at_least": "at least",
    "above": "above",
    "at_most": "at most",
    "below": "below",
    "at_least_uln": "at least",
    "above_uln": "above",
    "at_most_uln": "at most",
    "below_uln": "below",
    "at_least_ago": "at least {} ago",
    "more_than_ago": "more than {} ago",
    "within_last": "within the last {}",
    "less_than_ago": "less than {} ago",
    "on_or_after": "on or after {}",
    "on_or_before": "on or before {}",
}
UNIT_WORDS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "1": ""}


def decimal_text(amount_u: int) -> str:
    """A number of millionths as a plain decimal: `7.5`, `-0.000001`, `80`."""
    whole, rest = divmod(abs(amount_u), MILLION)
    sign = "-" if amount_u < 0 else ""
    return f"{sign}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "")


def amount_text(amount_u: int, unit: str) -> str:
    """A number with its unit: `0.8 mg/dL`, `16 years`, `1 year`."""
    word = UNIT_WORDS.get(unit, unit)
    if word.endswith("s") and abs(amount_u) == MILLION and unit in UNIT_WORDS:
        word = word[:-1]
    return f"{decimal_text(amount_u)} {word}".rstrip()


def range_text(low_u: int, high_u: int, unit: str) -> str:
    """Two ends with their unit: `0 to 100 %`, `0 to 5`."""
    return f"{decimal_text(low_u)} to {amount_text(high_u, unit)}"


def counted(count: int, unit: str) -> str:
    """A whole number of something: `1 day`, `2 days`."""
    return f"{count} {unit}{'' if count == 1 else 's'}"


def leaf_text(leaf: Leaf, facts: Mapping[str, Fact]) -> str:
    """A leaf by its fact's name, as traces show it; different leaves have different texts."""
    if isinstance(leaf, Todo):
        return "todo"
    return f"{leaf.fact} {test_text(leaf, facts[leaf.fact], labels=False)}"


def leaf_words(leaf: Leaf, facts: Mapping[str, Fact]) -> str:
    """A leaf in plain words, beginning with the fact's question."""
    if isinstance(leaf, Todo):
        return "not yet written as a rule"
    fact = facts[leaf.fact]
    return f"{fact.ask}: {test_text(leaf, fact, labels=True)}"


def test_text(leaf: Leaf, fact: Fact, *, labels: bool) -> str:
    """What a test asks of its fact."""
    if isinstance(leaf, BooleanTest):
        return "yes" if leaf.expected else "no"
    if isinstance(leaf, ChoiceTest):
        names = {c.code: c.label for c in fact.choices}
        return " or ".join(names[code] if labels else code for code in leaf.codes)
    if isinstance(leaf, LimitTest):
        return f"{OPERATOR_WORDS[leaf.op]} {amount_text(leaf.limit_u, fact.unit)}"
    if isinstance(leaf, BetweenTest):
        high = amount_text(leaf.high_u, fact.unit)
        return f"between {decimal_text(leaf.low_u)} and {high}"
    if isinstance(leaf, UlnTest):
        times = decimal_text(leaf.times_u)
        return f"{OPERATOR_WORDS[leaf.op]} {times} times the upper limit of normal"
    if isinstance(leaf, AgoTest):
        return OPERATOR_WORDS[leaf.op].format(leaf.duration.text)
    if isinstance(leaf, DayTest):
        return OPERATOR_WORDS[leaf.op].format(leaf.day.isoformat())
    assert isinstance(leaf, EverTest)
    return "ever" if leaf.expected else "never"


def day_text(number: int) -> str | None:
    """A day number as ISO text, `never`, or None for arbitrarily long ago."""
    if number == NEVER:
        return "never"
    return None if number == PAST else date.fromordinal(number).isoformat()


def bound_text(amount_u: int) -> str | None:
    """An end of a quantity's interval; None where it is open."""
    return None if abs(amount_u) >= UNBOUNDED else decimal_text(amount_u)
