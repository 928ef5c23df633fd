"""Read conditions: tests on the facts of a dictionary, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any as Anything
from typing import get_args

from engine.read import files, hints, pairs
from engine.read.against import KEYS, fact_limit
from engine.read.sheet import NotThat, Sheet, describe, parse_amount, split_limit
from engine.read.source import Num, Path, shorten
from engine.terms import (
    LARGEST,
    MILLION,
    AgoOp,
    AgoTest,
    All,
    Any,
    BetweenTest,
    BooleanTest,
    Choice,
    ChoiceTest,
    Completed,
    CompletedYears,
    Condition,
    Count,
    DayOp,
    DaysBetween,
    DayTest,
    Defined,
    Distinct,
    EverTest,
    Fact,
    LastingTest,
    LimitTest,
    Not,
    QuantityOp,
    Span,
    Todo,
    UlnOp,
    UlnTest,
)
from engine.terms.faults import did_you_mean
from engine.terms.spellings import unit_code
from engine.terms.units import UnitError, conversion, months_each, stated_in

COMBINATORS = ("all", "any", "not", "defined", "todo")
TEMPERATURES = ("Cel", "[degF]", "[degRe]")
_QUANTITY_OPS: tuple[str, ...] = (*get_args(QuantityOp), "between")
_ULN_OPS: tuple[str, ...] = get_args(UlnOp)
_AGO_OPS: tuple[str, ...] = get_args(AgoOp)
_DAY_OPS: tuple[str, ...] = get_args(DayOp)
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "boolean": (),
    "choice": (),
    "text": (),
    "quantity": (*_QUANTITY_OPS, *_ULN_OPS),
    "date": (*_AGO_OPS, *_DAY_OPS, "ever", "lasting"),
}
"""The operators that fit each type of fact."""


@dataclass(frozen=True)
class Conditions:
    """What conditions may speak of: facts by name, names of faulty facts too, definitions."""

    facts: Mapping[str, Fact]
    fact_names: frozenset[str]
    definition_names: frozenset[str] = frozenset()

    def condition(self, sheet: Sheet, path: Path, value: Anything) -> Condition | None:
        """One condition; None after a fault."""
        if not isinstance(value, dict):
            sheet.expected(path, value, "a condition", "as in `age: {at_least: 2}`")
            return None
        if "of" in value and "at_least" in value:
            return pairs.at_least(self.condition, sheet, path, value)
        if "when" in value and "require" in value:
            return pairs.when(self.condition, sheet, path, value)
        other = hints.said_otherwise(value, self.fact_names | {*COMBINATORS})
        if other is not None:
            what = f"`{other[0]}` is not a word of conditions"
            sheet.fault((*path, other[0]), "other-word", what, other[1], key=True)
            return None
        if len(value) != 1:
            what = f"a condition has one key; this one has {len(value)}"
            sheet.fault(path, "condition", what, "join several with `all:` or `any:`")
            for key, child in value.items():
                self._keyed(sheet, (*path, key), key, child)
            return None
        ((key, child),) = value.items()
        return self._keyed(sheet, (*path, key), key, child)

    def _keyed(self, sheet: Sheet, path: Path, key: str, value: Anything) -> Condition | None:
        place = sheet.document.span(path, key=True)
        if key in ("all", "any"):
            children = sheet.list_of(path, value, "conditions")
            if isinstance(value, list) and not value:
                sheet.fault(path, "empty", f"an empty `{key}` says nothing", key=True)
            parsed = [self.condition(sheet, (*path, i), c) for i, c in enumerate(children)]
            whole = tuple(c for c in parsed if c is not None)
            if len(whole) != len(parsed) or not whole:
                return None
            return All(whole, place) if key == "all" else Any(whole, place)
        if key == "not":
            child = self.condition(sheet, path, value)
            return Not(child, place) if child else None
        if key == "defined":
            name = sheet.text_of(path, value, "a definition's name")
            if name is None:
                return None
            if name not in self.definition_names:
                what = f"there is no definition `{shorten(name)}`"
                hint = did_you_mean(name, self.definition_names)
                sheet.fault(path, "unknown-definition", what, hint)
                return None
            return Defined(name, place)
        if key == "todo":
            if value is not True:
                sheet.expected(path, value, "`true`", "or write the condition")
                return None
            return Todo(place)
        if key not in self.fact_names:
            what = f"there is no fact `{shorten(key)}`"
            hint = did_you_mean(key, self.fact_names | set(COMBINATORS))
            sheet.fault(path, "unknown-fact", what, hint, key=True)
            return None
        fact = self.facts.get(key)
        return self.test(sheet, path, fact, value, place) if fact else None

    def test(
        self, sheet: Sheet, path: Path, fact: Fact, value: Anything, place: Span
    ) -> Condition | None:
        """A test of a fact by its type; None after a fault."""
        if fact.type == "boolean":
            if isinstance(value, bool):
                return BooleanTest(fact.name, value, place)
            self._misfit(sheet, path, fact, value)
            return None
        if fact.type == "choice":
            if isinstance(value, dict):
                self._misfit(sheet, path, fact, value)
                return None
            many = isinstance(value, list)
            if many and not value:
                sheet.fault(path, "empty", "a list of no codes matches nothing")
            codes = []
            for i, one in enumerate(value if many else [value]):
                at = (*path, i) if many else path
                text = sheet.text_of(at, one, "a code")
                code = text and code_of(sheet, at, fact.choices, text)
                if code:
                    codes.append(code)
            # The order and repetition of codes say nothing: one form for equal tests.
            order = [choice.code for choice in fact.choices if choice.code in codes]
            return ChoiceTest(fact.name, tuple(order), place) if codes else None
        if fact.type == "text":
            sheet.fault(path, "misfit", f"`{fact.name}` is text, which cannot be tested", key=True)
            return None
        if not isinstance(value, dict):
            self._misfit(sheet, path, fact, value)
            return None
        if fact.type == "date" and ("before" in value or "after" in value):
            return pairs.anchored(self.facts, self.fact_names, sheet, path, fact, value, place)
        if len(value) != 1:
            what = f"a test has one operator; this one has {len(value)}"
            hint = "use `between`, or join tests with `all:`"
            if "unit" in value:
                hint = "write the unit with each number: `between: [53 mmol/mol, 86 mmol/mol]`"
            sheet.fault(path, "condition", what, hint)
            return None
        ((op, limit),) = value.items()
        if op not in OPERATORS[fact.type]:
            fits = OPERATORS[fact.type]
            known = frozenset(op for ops in OPERATORS.values() for op in ops)
            if fact.type == "date" and op in pairs.ANCHORED:
                what = f"`{op}` needs a day to be counted from or to"
                hint = f"add `before: FACT` or `after: FACT`, or write `{pairs.PLAIN[op]}`"
                sheet.fault((*path, op), "misfit", what, hint, key=True)
            elif op in known:
                what = f"`{op}` does not fit `{fact.name}`, which is a {fact.type}"
                hint = "it takes " + ", ".join(f"`{f}`" for f in fits)
                sheet.fault((*path, op), "misfit", what, hint, key=True)
            else:
                what = f"`{shorten(op)}` is not an operator"
                hint = hints.OPERATORS.get(op) or did_you_mean(op, fits)
                sheet.fault((*path, op), "unknown-operator", what, hint, key=True)
            return None
        return self._operator(sheet, (*path, op), fact, op, limit, place)

    def _misfit(self, sheet: Sheet, path: Path, fact: Fact, value: Anything) -> None:
        takes = {
            "boolean": "`true` or `false`",
            "choice": "a code or a list of codes",
            "quantity": "an operator, as in `{at_least: 5}`",
            "date": "an operator, as in `{at_least_ago: 7 days}`",
        }[fact.type]
        what = f"`{fact.name}` is a {fact.type}: {describe(value)} does not test it"
        sheet.fault(path, "misfit", what, f"it takes {takes}")

    def _operator(
        self, sheet: Sheet, path: Path, fact: Fact, op: Anything, value: Anything, place: Span
    ) -> Condition | None:
        if op == "between":
            ends = sheet.list_of(path, value, "two limits")
            limits = [self.limit(sheet, (*path, i), fact, end) for i, end in enumerate(ends)]
            if len(limits) != 2:
                sheet.fault(path, "range", "`between` takes a low and a high limit")
                return None
            low, high = limits
            if low is None or high is None:
                return None
            if low > high:
                sheet.fault(path, "range", "the low limit is above the high one")
                return None
            return BetweenTest(fact.name, low, high, place)
        if op in _QUANTITY_OPS and isinstance(value, dict) and KEYS & value.keys():
            known = (self.facts, self.fact_names)
            return fact_limit(sheet, path, fact, op, value, place, *known)
        if op in _QUANTITY_OPS:
            limit = self.limit(sheet, path, fact, value)
            return None if limit is None else LimitTest(fact.name, op, limit, place)
        if op in _ULN_OPS:
            times = sheet.amount_of(path, value)
            if times is None:
                return None
            if times <= 0:
                sheet.fault(path, "number", "how many times the upper limit of normal: above zero")
                return None
            if fact.derive is not None:
                sheet.fault(path, "misfit", f"`{fact.name}` is derived and has no limit of normal")
                return None
            if fact.unit in TEMPERATURES:
                what = f"`{fact.name}` is in `{fact.unit}`, a scale on which `times` means nothing"
                sheet.fault(path, "misfit", what, "compare it with a limit")
                return None
            return UlnTest(fact.name, op, times, place)
        if op in _AGO_OPS:
            duration = sheet.duration_of(path, value)
            if duration and op == "less_than_ago" and not (duration.days or duration.months):
                sheet.fault(path, "duration", "no date is less than 0 days ago")
                return None
            return AgoTest(fact.name, op, duration, place) if duration else None
        if op in _DAY_OPS:
            day = sheet.day_of(path, value)
            return DayTest(fact.name, op, day, place) if day else None
        if op == "lasting":
            length = sheet.duration_of(path, value)
            return LastingTest(fact.name, length, place) if length else None
        expected = sheet.boolean_of(path, value)
        return None if expected is None else EverTest(fact.name, expected, place)

    def limit(self, sheet: Sheet, path: Path, fact: Fact, value: Anything) -> int | None:
        """A limit in millionths of the fact's unit, converted once, half to even."""
        unit = ""
        if isinstance(value, dict):
            top = sheet.mapping_of(path, value, files.LimitFile) or {}
            number = top.get("value")
            unit = (sheet.text_of((*path, "unit"), top["unit"]) or "") if "unit" in top else ""
            if number is None:
                return None
        else:
            number = value
        if not isinstance(number, str):
            sheet.expected(path, number, "a limit", "a number, or a number and a unit")
            return None
        if not isinstance(number, Num):
            text, inside = split_limit(number)
            number, unit = text, unit or inside
        try:
            amount = parse_amount(number, yaml_number=isinstance(number, Num))
            if unit and unit != fact.unit:
                unit = unit_code(unit, fact.unit, fact.molar_mass, fact.also_in)
                if months_each(unit, fact.unit):
                    what = f"a month has no fixed number of days, and `{fact.name}` is in"
                    sheet.fault(path, "unit", f"{what} `{fact.unit}`", hints.months_for(fact))
                    return None
                factor, offset = conversion(unit, fact.unit, fact.molar_mass, fact.also_in)
                turned = Fraction(amount) * factor + offset * MILLION
                amount = round(turned)
                if amount != turned and stated_in(unit, fact.also_in):
                    what = f"this limit is no whole number of millionths of `{fact.unit}`"
                    sheet.fault(path, "too-fine", what, f"write the limit in `{fact.unit}`")
                    return None
        except NotThat as error:
            sheet.wrong(path, error)
            return None
        except UnitError as error:
            sheet.fault(path, "unit", str(error), f"`{fact.name}` is in `{fact.unit}`")
            return None
        if abs(amount) > LARGEST:
            sheet.fault(path, "too-large", f"{describe(value)} is beyond 9e12 `{fact.unit}`")
            return None
        if (
            isinstance(fact.derive, Completed | CompletedYears | Count | DaysBetween | Distinct)
            and amount % MILLION
        ):
            unit_word = {"a": "years", "d": "days", "mo": "months", "wk": "weeks"}.get(
                fact.unit, "numbers"
            )
            what = f"`{fact.name}` is counted in whole {unit_word}"
            sheet.fault(path, "whole", what, f"{describe(value)} is not whole")
            return None
        return amount


def code_of(sheet: Sheet, path: Path, choices: tuple[Choice, ...], code: str) -> str | None:
    """A code if a choice has it; None after a fault."""
    codes = [choice.code for choice in choices]
    if code in codes:
        return code
    what = f"`{shorten(code)}` is not one of the codes"
    sheet.fault(path, "unknown-code", what, did_you_mean(code, codes))
    return None
