"""Findings about numbers: what the words of a criterion name and no test has, or the reverse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from fractions import Fraction

from engine import terms as m
from engine.record.wording import amount_text
from engine.regions.asked import leaves_of
from engine.terms.dictionary import facts_behind
from engine.terms.spellings import spelled, unit_code
from engine.terms.units import MONTHS, UnitError, conversion, known_unit
from engine.workbench.findings import Finding

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_AMOUNT = re.compile(
    rf"(?<![\w.,^*-])({_NUMBER})(?:\s*(?:to|-|–|and|or)\s*({_NUMBER}))?[-\s]*"
    r"([x×]\s*(?=10)|[x×]|times)?[-\s]*((?:10\s*[\^*]\s*\d+\s*)?[^\s\d.,;:()][^\s,;:()]*)"
)
_LIMIT_OF_NORMAL = re.compile(r"(the\s+)?(ULN|upper limit)", re.IGNORECASE)
_ASIDE = re.compile(r"\([^()]*\)")
_DAYS = {"d": 1, "wk": 7}
_UNITS = "ms s mo wk mg kg g ug ng mL dL L cm mm m mmol umol nmol pmol U mV Hz kcal Gy".split()
"""Units of letters alone that are no English words."""

_TIME = (*_DAYS, *MONTHS, "h", "min")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit: a UCUM code, or `uln` for times the upper limit of normal."""

    number: Fraction
    unit: str
    molar_mass: Decimal | None = None


def amounts_in(text: str) -> Iterator[tuple[str, Amount]]:
    """The numbers of a text that have a unit, each with the words that it stands in."""
    for found in _AMOUNT.finditer(text):
        first, last, times, unit = found.groups()
        if times and _LIMIT_OF_NORMAL.match(text, found.start(4)):
            code, unit = "uln", "times the upper limit of normal"
        else:
            try:
                code = unit_code(unit.rstrip(".'\"”’"), "d" if _is_time(unit) else "", None)
            except UnitError:
                code = spelled(unit)
                if times and times.strip() in ("times", "x", "×") and not code.startswith("10*"):
                    continue
        word = unit.isalpha() and code == unit and code not in _UNITS
        if code in ("uln", "%") or code in _TIME or (not word and known_unit(code)):
            for number in (first, last):
                if number is not None:
                    yield f"{number} {unit}", Amount(Fraction(number.replace(",", "")), code)


def _is_time(unit: str) -> bool:
    return re.match(r"(day|week|month|year|hour|minute|wk|hr|min)s?\b", unit.casefold()) is not None


def numbers(protocol: m.Protocol) -> Iterator[Finding]:
    """A number with its unit that the words of a criterion name and no test has; and a limit
    that no words name, where they name another of its kind."""
    for one in protocol.criteria:
        leaves = list(leaves_of(one.holds_when, protocol.definitions))
        tests = [leaf for leaf in leaves if not isinstance(leaf, m.Todo)]
        facts = _behind(protocol, tests)
        if len(tests) < len(leaves) or any(fact.attested_by for fact in facts):
            continue  # somebody judges what the words say
        asked = [amount for fact in facts for _, amount in amounts_in(fact.ask)]
        limits = [a for leaf in tests for a in _limits(leaf, _units(protocol.facts))]
        counted = [*limits, *asked, *(a for fact in facts for a in _of_fact(protocol, fact))]
        counted += [a for leaf in tests for a in _last_whole(leaf)]
        words = _ASIDE.sub(" ", f"{one.text} {one.interpretation}")
        untested = [
            said
            for said, amount in dict(amounts_in(words)).items()
            if not any(_same(amount, other) for other in counted)
        ]
        for said in untested:
            what = f"{one.id}: the words say `{said}`, and no test has that number"
            hint = "correct the words or the test, or say in `interpretation` how it is read"
            yield Finding("number-untested", one.place, what, hint, "read", (one.id,))
        told = {amount for _, amount in amounts_in(f"{one.text} {one.interpretation}")}
        whole = {a for leaf in tests for a in _last_whole(leaf)}
        summed = any(_same(amount, last) for last in whole for amount in told)
        for limit in dict.fromkeys(() if untested or summed else limits):
            near = [amount for amount in told if _same(amount, limit) is not None]
            alike = [other for other in {*limits} if _same(other, limit) is not None]
            # Where tests have more numbers than the words, the words only sum them up.
            if len(near) >= len(alike) and not any(_same(amount, limit) for amount in near):
                unit = "times the upper limit of normal" if limit.unit == "uln" else limit.unit
                said = amount_text(round(limit.number * m.MILLION), unit)
                what = f"{one.id}: a test has {said}, which the words do not name"
                hint = "correct the words or the test, or name it in `interpretation`"
                yield Finding("number-unworded", one.place, what, hint, "read", (one.id,))


def _last_whole(leaf: m.Test) -> Iterator[Amount]:
    """The last whole unit that a window leaves in: less than 105 weeks is up to 104 weeks old."""
    if isinstance(leaf, m.AgoTest) and leaf.op in ("less_than_ago", "more_than_ago"):
        for _, amount in amounts_in(leaf.duration.text):
            yield Amount(amount.number - 1, amount.unit)


def _behind(protocol: m.Protocol, tests: Iterable[m.Test]) -> list[m.Fact]:
    """The facts that tests look at, and those that they follow from."""
    return [protocol.facts[name] for name in facts_behind(protocol.facts, tests)]


def _of_fact(protocol: m.Protocol, fact: m.Fact) -> Iterator[Amount]:
    """The lengths and limits in how a fact is derived, and for how long it is relied on."""
    records = protocol.records.get(getattr(fact.derive, "records", ""))
    for valid_for in (fact.valid_for, records.valid_for if records else None):
        yield from _limits(valid_for, {})
    yield from _limits(fact.derive, _units(records.fields) if records else {})


def _units(of: Mapping[str, m.Fact] | Mapping[str, m.Field]) -> dict[str, Amount]:
    """For every name a whole unit of what it measures."""
    return {name: Amount(Fraction(1), one.unit, one.molar_mass) for name, one in of.items()}


def _limits(part: object, units: Mapping[str, Amount]) -> Iterator[Amount]:
    """The lengths of time and the limits in a test or derivation."""
    if isinstance(part, m.Duration):
        yield Amount(Fraction(part.months or part.days), "mo" if part.months else "d")
    elif isinstance(part, m.UlnTest):
        yield Amount(Fraction(part.times_u, m.MILLION), "uln")
    elif isinstance(part, tuple):
        for one in part:
            yield from _limits(one, units)
    elif is_dataclass(part):
        of = units.get(getattr(part, "fact", getattr(part, "field", "")))
        for field in fields(part):
            value = getattr(part, field.name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if whole and field.name.endswith("_u") and of is not None:
                yield Amount(Fraction(value, m.MILLION), of.unit, of.molar_mass)
            elif field.compare:
                yield from _limits(value, units)


def _same(said: Amount, limit: Amount) -> bool | None:
    """Whether two amounts are one; None where they do not convert."""
    if "uln" in (said.unit, limit.unit):
        return said.number == limit.number if said.unit == limit.unit else None
    for units in (_DAYS, MONTHS):
        if said.unit in units and limit.unit in units:
            return said.number * units[said.unit] == limit.number * units[limit.unit]
    try:
        code = unit_code(said.unit, limit.unit, limit.molar_mass)
        factor, offset = conversion(code, limit.unit, limit.molar_mass)
    except UnitError:
        # Thirty days and a month are both times, and not the same.
        return False if said.unit in _TIME and limit.unit in _TIME else None
    exact = said.number * factor + offset
    return abs(exact - limit.number) * 200 <= abs(limit.number)
