"""Words for values, dates and conditions, as records and traces show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import assert_never

from engine import terms as m
from engine.record import messages
from engine.record.messages import UNIT_WORDS
from engine.record.shape import TestRecord, Value

_DURATION_UNITS = {"day": "d", "week": "wk", "month": "mo", "year": "a"}
_EXACT_FLOAT = 2**53
"""Below this many millionths a float prints the decimal exactly."""


def number_value(amount_u: int) -> Value:
    """A number of millionths as records hold it: whole, a float, or text if too long for one."""
    if amount_u % m.MILLION == 0:
        return amount_u // m.MILLION
    text = decimal_text(amount_u)
    return float(text) if abs(amount_u) < _EXACT_FLOAT else text


def decimal_text(amount_u: int) -> str:
    """A number of millionths as a plain decimal: `7.5`, `-0.000001`, `80`."""
    whole, rest = divmod(abs(amount_u), m.MILLION)
    sign = "-" if amount_u < 0 else ""
    return f"{sign}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "")


def amount_text(amount_u: int, unit: str) -> str:
    """A number with its unit: `0.8 mg/dL`, `16 years`, `1 year`."""
    word = UNIT_WORDS.get(unit, unit)
    if word.endswith("s") and abs(amount_u) == m.MILLION and unit in UNIT_WORDS:
        word = word[:-1]
    return f"{decimal_text(amount_u)} {word}".rstrip()


def range_text(low_u: int, high_u: int, unit: str) -> str:
    """Two ends with their unit: `0 to 100 %`, `0 to 5`."""
    return f"{decimal_text(low_u)} to {amount_text(high_u, unit)}"


def counted(count: int, unit: str) -> str:
    """A whole number of something: `1 day`, `2 days`."""
    return f"{count} {unit}{'' if count == 1 else 's'}"


def group_word(condition: m.Group | m.Not) -> str:
    """What a group asks of the conditions inside."""
    if isinstance(condition, m.AtLeast):
        return f"at least {condition.count} of"
    return {m.All: "all of", m.Any: "any of", m.Not: "not"}[type(condition)]


def leaf_text(leaf: m.Leaf, facts: Mapping[str, m.Fact]) -> str:
    """A leaf by its fact's name, as traces show it; different leaves have different texts."""
    if isinstance(leaf, m.Todo):
        return "todo"
    return f"{leaf.fact} {test_text(leaf, facts[leaf.fact], labels=False)}"


def leaf_words(leaf: m.Leaf, facts: Mapping[str, m.Fact]) -> str:
    """A leaf in plain words, beginning with the fact's question."""
    if isinstance(leaf, m.Todo):
        return "not yet written as a rule"
    fact = facts[leaf.fact]
    if fact.stands_for is not None:
        return leaf_words(fact.stands_for, facts)
    return f"{fact.ask}: {messages.asked_text(asked_of(leaf, facts))}"


def asked_of(leaf: m.Test, facts: Mapping[str, m.Fact]) -> TestRecord:
    """What a test asks, as data; another date by its question too."""
    record = test_record(leaf, facts[leaf.fact])
    for other in m.facts_of(leaf)[1:]:
        record["anchor_ask"] = facts[other].ask
    return record


_WAYS = {m.LatestOf: "latest", m.EarliestOf: "earliest", m.Exists: "exists", m.Count: "count"}


def list_words(derive: m.FromList, fields: Mapping[str, m.Field]) -> str:
    """What a fact follows from in a list: `count therapy where kind: chemo`."""
    field = getattr(derive, "field", "")
    if isinstance(derive, m.OfSeveral):
        said = f"{derive.way} {derive.records}.{field}"
        said += f" by {derive.by}" if derive.by else ""
        said += f" of at least {counted(derive.least, 'value')}" if derive.least else ""
    elif isinstance(derive, m.Stable):
        said = f"stable {derive.records}.{field} for {derive.lasting.text}"
        said += f" from {derive.start} to {derive.stop}"
    elif isinstance(derive, m.Distinct):
        said = f"count {derive.records} distinct {field}"
    else:
        said = f"{_WAYS[type(derive)]} {derive.records}{f'.{field}' if field else ''}"
    where = where_text(derive.where, fields)
    return f"{said} where {where}" if where else said


def where_text(where: Iterable[m.Clause], fields: Mapping[str, m.Field]) -> str:
    """What an entry must be like: `kind: chemo or radiation and dose at least 5 mg`."""
    return " and ".join(_clause_text(clause, fields) for clause in where)


def _clause_text(clause: m.Clause, fields: Mapping[str, m.Field]) -> str:
    if isinstance(clause, m.Either):
        return f"({' or '.join(where_text(way, fields) for way in clause.ways)})"
    if isinstance(clause, m.Where):
        return f"{clause.field}: " + " or ".join(_asked_text(value) for value in clause.values)
    field = fields.get(clause.fact) or m.Field(clause.fact, clause.fact, "quantity")
    return f"{clause.fact} {test_text(clause, field, labels=False)}"


def _asked_text(value: str | bool | int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return decimal_text(value) if isinstance(value, int) else value


def test_text(leaf: m.Test, fact: m.Fact | m.Field, *, labels: bool) -> str:
    """What a test asks of its fact."""
    return messages.asked_text(test_record(leaf, fact), labels=labels)


def test_record(leaf: m.Test, fact: m.Fact | m.Field) -> TestRecord:
    """What a test asks of its fact, as data."""
    if isinstance(leaf, m.BooleanTest):
        return {"operator": "is", "limits": [leaf.expected]}
    if isinstance(leaf, m.ChoiceTest):
        names = {c.code: c.label for c in fact.choices}
        codes: list[Value] = [*leaf.codes]
        return {
            "operator": "one_of",
            "limits": codes,
            "labels": [names.get(c, c) for c in leaf.codes],
        }
    if isinstance(leaf, m.LimitTest):
        return {"operator": leaf.op, "limits": [number_value(leaf.limit_u)], "unit": fact.unit}
    if isinstance(leaf, m.BetweenTest):
        limits = [number_value(leaf.low_u), number_value(leaf.high_u)]
        return {"operator": "between", "limits": limits, "unit": fact.unit}
    if isinstance(leaf, m.UlnTest):
        return {"operator": leaf.op, "limits": [number_value(leaf.times_u)]}
    if isinstance(leaf, m.FactLimitTest):
        limits = [number_value(leaf.times_u)]
        return {"operator": f"{leaf.op}_fact", "limits": limits, "anchor": leaf.against}
    if isinstance(leaf, m.AgoTest):
        count, unit = _length(leaf.duration)
        return {"operator": leaf.op, "limits": [count], "unit": unit}
    if isinstance(leaf, m.DayTest):
        return {"operator": leaf.op, "limits": [leaf.day.isoformat()]}
    if isinstance(leaf, m.EverTest):
        return {"operator": "ever", "limits": [leaf.expected]}
    if isinstance(leaf, m.LastingTest):
        count, unit = _length(leaf.duration)
        return {"operator": "lasting", "limits": [count], "unit": unit}
    if isinstance(leaf, m.AnchorTest):
        of: TestRecord = {"operator": f"{leaf.op}_{leaf.side}", "limits": []}
        if leaf.duration is not None:
            count, unit = _length(leaf.duration)
            of = {"operator": f"{leaf.op}_{leaf.side}", "limits": [count], "unit": unit}
        return {**of, "anchor": leaf.anchor}
    assert_never(leaf)


def _length(duration: m.Duration) -> tuple[int, str]:
    """A duration as its author counted it."""
    count, _, word = duration.text.partition(" ")
    if count.isdigit() and word.rstrip("s") in _DURATION_UNITS:
        return int(count), _DURATION_UNITS[word.rstrip("s")]
    return (duration.months, "mo") if duration.months else (duration.days, "d")


def day_text(number: int) -> str | None:
    """A day number as ISO text, `never`, or None for arbitrarily long ago."""
    if number == m.NEVER:
        return "never"
    return None if number == m.PAST else date.fromordinal(number).isoformat()
