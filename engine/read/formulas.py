"""Read formulas over facts, and see that their units come out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any as Anything
from typing import NamedTuple

from engine.read.sheet import NotThat, Sheet, parse_amount
from engine.read.source import Path, shorten
from engine.terms import MILLION, Fact, Formula, FromList, OfValues, derived_from
from engine.terms.faults import did_you_mean
from engine.terms.formula import Expression, Input, Number, Operated, Operation
from engine.terms.units import UnitError, conversion

MOST_SIGNS = 300
_TOKEN = re.compile(r"\s*(?:([0-9]+(?:\.[0-9]+)?)|([A-Za-z][A-Za-z0-9_]*)|([-+*/(),]))")
_SCALES = ("Cel", "[degF]", "[degRe]", "[pH]")
_MOST_NESTED = 20


class Measured(NamedTuple):
    """An expression with its unit: codes above and below the line; None for a bare number."""

    expression: Expression
    above: tuple[str, ...]
    below: tuple[str, ...]
    bare: bool = False


class NotAFormula(Exception):
    """What is wrong with a formula, and how to mend it."""

    def __init__(self, what: str, hint: str = "") -> None:
        self.what, self.hint = what, hint


def read_formula(
    sheet: Sheet, path: Path, top: Mapping[str, Anything], names: frozenset[str]
) -> Formula | None:
    """`{formula: "a / (b * b)", within: 7 days}`; its units are seen to by `settle_formulas`."""
    text = sheet.text_of((*path, "formula"), top["formula"], "a formula")
    within = sheet.given(path, top, "within", sheet.duration_of)
    if text is None:
        return None
    try:
        expression = _Parser(text, names).whole()
    except NotAFormula as wrong:
        sheet.fault((*path, "formula"), "formula", wrong.what, wrong.hint)
        return None
    return Formula(" ".join(text.split()), expression, within)


class _Parser:
    """A formula's signs, taken one by one."""

    def __init__(self, text: str, names: frozenset[str]) -> None:
        self.names, self.at = names, 0
        self.tokens: list[tuple[str, str]] = []
        if len(text) > MOST_SIGNS:
            raise NotAFormula(f"a formula of more than {MOST_SIGNS} signs", "name a part of it")
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if found is None:
                sign = text[end:].strip()[0]
                hint = "a formula has names of facts, numbers, `+ - * /`, `( )`, `min` and `max`"
                raise NotAFormula(f"`{sign}` is no sign of a formula", hint)
            number, name, sign = found.groups()
            self.tokens.append(
                ("number", number) if number else ("name", name) if name else (sign, sign)
            )
            end = found.end()

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, kind: str) -> str:
        if self.peek() != kind:
            found = f"`{self.tokens[self.at][1]}`" if self.peek() else "the end"
            raise NotAFormula(f"{found} stands where `{kind}` is expected")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def whole(self) -> Expression:
        found = self.sum(0)
        if self.peek():
            raise NotAFormula(f"`{self.tokens[self.at][1]}` stands where nothing is expected")
        return found

    def sum(self, depth: int) -> Expression:
        found = self.product(depth)
        while self.peek() in ("+", "-"):
            operation: Operation = "+" if self.take(self.peek()) == "+" else "-"
            found = Operated(operation, found, self.product(depth))
        return found

    def product(self, depth: int) -> Expression:
        found = self.part(depth)
        while self.peek() in ("*", "/"):
            operation: Operation = "*" if self.take(self.peek()) == "*" else "/"
            found = Operated(operation, found, self.part(depth))
        return found

    def part(self, depth: int) -> Expression:
        if depth > _MOST_NESTED:
            raise NotAFormula("the formula is nested too deeply", "name a part of it as a fact")
        if self.peek() == "-":
            self.take("-")
            return Operated("-", Number(Fraction(0)), self.part(depth + 1))
        if self.peek() == "(":
            self.take("(")
            found = self.sum(depth + 1)
            self.take(")")
            return found
        if self.peek() == "number":
            try:
                return Number(Fraction(parse_amount(self.take("number")), MILLION))
            except NotThat as error:
                raise NotAFormula(str(error)) from None
        if not self.peek():
            raise NotAFormula("the formula ends too early")
        name = self.take("name")
        if name in ("min", "max") and self.peek() == "(":
            return self.extreme("min" if name == "min" else "max", depth)
        if name not in self.names:
            hint = did_you_mean(name, self.names)
            raise NotAFormula(f"there is no fact `{shorten(name)}`", hint)
        return Input(name)

    def extreme(self, operation: Operation, depth: int) -> Expression:
        self.take("(")
        found = self.sum(depth + 1)
        while self.peek() == ",":
            self.take(",")
            found = Operated(operation, found, self.sum(depth + 1))
        self.take(")")
        return found


def settle_formulas(sheet: Sheet, facts: dict[str, Fact]) -> None:
    """See that each formula comes out in its fact's unit; convert inside it where that is exact."""
    for name, fact in facts.items():
        if not isinstance(fact.derive, Formula):
            continue
        path = ("facts", name, "derive", "formula")
        if fact.derive.within is not None:
            for source in _from_entries(facts, name):
                what = f"`within` looks at the days of recorded facts, and `{source}` is none"
                sheet.fault((*path[:-1], "within"), "misfit", what, "leave `within` out", key=True)
        try:
            whole = _measured(fact.derive.expression, facts)
            times = _factor(_code(whole), fact.unit)
        except NotAFormula as wrong:
            sheet.fault(path, "formula", wrong.what, wrong.hint)
            continue
        scaled = Operated("*", whole.expression, Number(times)) if times != 1 else whole.expression
        facts[name] = replace(fact, derive=replace(fact.derive, expression=scaled))


def _from_entries(facts: Mapping[str, Fact], name: str) -> list[str]:
    """The facts behind a formula that come from several entries or values."""
    found, todo, seen = [], [name], {name}
    while todo:
        fact = facts.get(todo.pop())
        if fact is None:
            continue
        if isinstance(fact.derive, FromList | OfValues):
            found.append(fact.name)
        for other in derived_from(fact):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return found


def _measured(part: Expression, facts: Mapping[str, Fact]) -> Measured:
    """An expression whose sums are in one unit, and that unit. Raises: NotAFormula."""
    if isinstance(part, Number):
        return Measured(part, (), (), True)
    if isinstance(part, Input):
        return _input(part, facts)
    left, right = _measured(part.left, facts), _measured(part.right, facts)
    whole = replace(part, left=left.expression, right=right.expression)
    if part.operation == "*":
        return _cancelled(whole, (*left.above, *right.above), (*left.below, *right.below),
                          left.bare and right.bare)  # fmt: skip
    if part.operation == "/":
        return _cancelled(whole, (*left.above, *right.below), (*left.below, *right.above),
                          left.bare and right.bare)  # fmt: skip
    zero = Number(Fraction(0))
    if left.bare != right.bare and zero not in (left.expression, right.expression):
        unit = _code(right if left.bare else left)
        if unit != "1" and not unit.startswith("{"):
            what = f"a number without a unit stands beside one in `{unit}`"
            raise NotAFormula(what, "make it a fact, or take it out of the sum")
    if left.bare or right.bare:
        known = right if left.bare else left
        return Measured(whole, known.above, known.below, left.bare and right.bare)
    times = _factor(_code(right), _code(left))
    return Measured(replace(whole, times=times), left.above, left.below)


def _input(part: Input, facts: Mapping[str, Fact]) -> Measured:
    fact = facts.get(part.fact)
    if fact is None:
        raise NotAFormula(f"`{part.fact}` has a fault of its own")
    if fact.type == "choice" and fact.points:
        return Measured(part, (), (), True)
    if fact.type == "choice":
        raise NotAFormula(
            f"the codes of `{fact.name}` carry no points", "add `points:` to the fact"
        )
    if fact.type != "quantity":
        raise NotAFormula(f"`{fact.name}` is a {fact.type}, not a number")
    if fact.unit in _SCALES:
        raise NotAFormula(
            f"`{fact.name}` is in `{fact.unit}`, a scale that cannot be reckoned with"
        )
    bare = fact.unit in ("", "1") or fact.unit.startswith("{")
    return Measured(part, () if bare else (fact.unit,), (), bare)


def _cancelled(
    whole: Expression, above: tuple[str, ...], below: tuple[str, ...], bare: bool
) -> Measured:
    """A unit without what stands above and below its line."""
    kept, under = list(above), list(below)
    for code in above:
        if code in under:
            under.remove(code)
            kept.remove(code)
    return Measured(whole, tuple(kept), tuple(under), bare or not (kept or under))


def _code(measured: Measured) -> str:
    """The UCUM code of an expression's unit."""
    above = ".".join(f"({one})" if "/" in one else one for one in measured.above)
    below = "".join(f"/({one})" if "/" in one else f"/{one}" for one in measured.below)
    return (above + below) or "1"


def _factor(code: str, unit: str) -> Fraction:
    """What a number in one unit is multiplied with to be in another. Raises: NotAFormula."""
    unit = unit or "1"
    # Of a bare number the author reckons the per cent: 100 times a part over a whole.
    if code == unit or (code == "1" and (unit == "%" or unit.startswith("{"))):
        return Fraction(1)
    try:
        factor, offset = conversion(code, unit, None)
    except UnitError:
        what = f"the formula comes out in `{code}`, and `{unit}` is asked for"
        raise NotAFormula(what, "give the fact that unit, or convert its inputs") from None
    if offset:
        raise NotAFormula(f"`{code}` and `{unit}` start at different points")
    return factor


def read_points(
    sheet: Sheet, path: Path, top: Mapping[str, Anything], codes: tuple[str, ...]
) -> tuple[tuple[str, int], ...]:
    """`points: {none: 0, mild: 1}` of a choice: a number for each of its codes, in millionths."""
    if "points" not in top:
        return ()
    at = (*path, "points")
    if not codes:
        sheet.fault(at, "misfit", "`points` are for the codes of a choice", key=True)
        return ()
    given = sheet.names_of(at, top["points"], "codes to numbers")
    for code in given:
        if code not in codes:
            what = f"`{shorten(code)}` is not one of the codes"
            sheet.fault((*at, code), "unknown-code", what, did_you_mean(code, codes), key=True)
    lacking = [code for code in codes if code not in given]
    if lacking:
        what = f"`{lacking[0]}` has no points"
        sheet.fault(at, "missing-key", what, "a code without points could not be counted")
    amounts = {code: sheet.amount_of((*at, code), value) for code, value in given.items()}
    return tuple((code, n) for code in codes if (n := amounts.get(code)) is not None)
