"""Read one recorded value by the type of its fact: a word, a code, a day, a number."""

from __future__ import annotations

from typing import Any

from engine.read.sheet import MAX_TEXT, NotThat, Sheet, parse_days, parse_quantity
from engine.read.source import Num, Path, shorten
from engine.record.wording import amount_text, decimal_text
from engine.select.amounts import ends_of
from engine.terms import (
    LARGEST,
    Amount,
    Fact,
    Field,
    Recorded,
)
from engine.terms.spellings import unit_choices, unit_code
from engine.terms.units import UnitError

DIGITS = "write digits, as in `7.5`"


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def upper_limit(sheet: Sheet, path: Path, fact: Fact, value: Any, unit: str) -> int | None:
    """The millionths of a limit of normal, in the value's unit, which may stand after it."""
    if isinstance(value, Num) or not isinstance(value, str):
        uln = sheet.amount_of(path, value)
        own = unit
    else:
        try:
            sign, uln, said = parse_quantity(value.strip())
        except NotThat as error:
            hint = error.hint if error.hint != DIGITS else f"write a number of `{unit}`"
            sheet.fault(path, error.code, error.message, hint)
            return None
        if sign:
            sheet.fault(path, "number", "an upper limit of normal is one number", f"drop `{sign}`")
        own = unit_of(sheet, path, fact, said) if said else unit
    if uln is not None and uln <= 0:
        sheet.fault(path, "number", "an upper limit of normal is above zero")
    if own and own != unit:
        what = f"`{shorten(str(value))}` is not in the unit of the value, `{unit}`"
        sheet.fault(path, "unit", what, "state both in one unit")
    return uln


def unit_of(sheet: Sheet, path: Path, target: Fact | Field, value: Any) -> str:
    """The UCUM code of a unit as written, one that converts; "" after a fault."""
    text = sheet.text_of(path, value, "a unit")
    if text is None:
        return ""
    try:
        return unit_code(text, target.unit, target.molar_mass, target.also_in)
    except UnitError as error:
        hint = f"`{target.name}` is in {_choices(target)}; write the unit of the report"
        sheet.fault(path, "unit", str(error), hint)
        return ""


def _choices(target: Fact | Field, number: str = "") -> str:
    """The units to choose from, each after a number where one is given."""
    *some, last = (
        f"`{number} {unit}`" if number else f"`{unit}`"
        for unit in unit_choices(target.unit, target.molar_mass, target.also_in)
    )
    return f"{', '.join(some)} or {last}" if some else last


def value_of(
    sheet: Sheet, path: Path, fact: Fact | Field, value: Any, unit: str = ""
) -> Recorded | None:
    """A value of the fact's type; None after a fault. `unit`: the one stated beside it."""
    if fact.type == "boolean":
        return sheet.boolean_of(path, value)
    if isinstance(value, bool) and fact.type != "choice":
        sheet.expected(path, value, f"a {fact.type}")
        return None
    if not isinstance(value, str | bool):
        sheet.expected(path, value, f"a {fact.type}")
        return None
    text = value.strip() if isinstance(value, str) else ("true" if value else "false")
    if fact.type == "choice":
        codes = [choice.code for choice in fact.choices]
        if text in codes:
            return text
        what = f"`{shorten(text)}` is not one of the codes of `{fact.name}`"
        sheet.fault(path, "unknown-code", what, sheet.near(text, codes))
        return None
    if fact.type == "text":
        if len(text) > MAX_TEXT:
            sheet.fault(path, "too-large", f"a text of {len(text)} characters")
            return None
        return text
    try:
        if fact.type == "date":
            return text if text == "never" else parse_days(text)
        sign, number, own = parse_quantity(text, yaml_number=isinstance(value, Num))
    except NotThat as error:
        hint = error.hint
        if fact.type == "date" and text == "ongoing":
            hint = "`ongoing` is for the entries of a record list"
        elif hint == DIGITS and fact.unit[:1] not in "1{":
            hint = f"{DIGITS}, or a number with its unit, as in {_choices(fact, '7.5')}"
        sheet.fault(path, error.code, error.message, hint)
        return None
    if own:
        code = unit_of(sheet, path, fact, own)
        if code and unit and code != unit:
            what = f"`{shorten(text)}` stands beside the unit `{unit}`"
            sheet.fault(path, "unit", what, "state the unit once")
            return None
        unit = code
        if not code:
            return None
    elif not unit and fact.unit_required:
        what = f"`{shorten(text)}` does not say in which unit"
        sheet.fault(path, "unit", what, f"write {_choices(fact, shorten(text))}")
        return None
    amount = Amount(number, unit or fact.unit, sign)
    return amount if _plausible(sheet, path, fact, amount) else None


def _plausible(sheet: Sheet, path: Path, fact: Fact | Field, amount: Amount) -> bool:
    """Whether a quantity, in the declared unit, has a point in common with the range."""
    low, high, low_step, high_step = ends_of(amount, fact)
    if max(abs(low), abs(high)) > LARGEST:
        sheet.fault(path, "too-large", f"{_shown(amount)} is beyond 9e12 `{fact.unit}`")
        return False
    if fact.range_u is None:
        return True
    bottom, top = fact.range_u
    outside = {
        "": high < bottom or low > top,
        "<": high - high_step < bottom,
        "<=": high < bottom,
        ">": low + low_step > top,
        ">=": low > top,
    }[amount.sign]
    if outside:
        ends = f"{decimal_text(bottom)} to {decimal_text(top)} {fact.unit}"
        what = f"{_shown(amount)} is outside the plausible range, {ends}"
        sheet.fault(path, "implausible", what, "check the value and its unit")
    return not outside


def _shown(amount: Amount) -> str:
    return f"`{amount.sign}{amount_text(amount.amount_u, amount.unit)}`"
