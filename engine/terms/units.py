"""Units: exact conversions between UCUM codes.

What a unit comes to is read off the UCUM definitions that the library `ucumvert` ships,
with its grammar. Loading it costs a third of a second, so the units of an ordinary
laboratory report are answered from a small table here, each proved against the library by
a test. The library's own conversions are not used: they are floats, and some are wrong
(`[Cal]` by a factor of a thousand, `'` is a minute of time).

Four things do not convert, because to be silent about them could change a decision:
arbitrary units (`[IU]`, `[CFU]`) and views (`[HPF]`), to anything but themselves, as UCUM
says; equivalents and osmoles to moles, since the charge is not known here; units whose
annotations state different amounts (`mL/min` and `mL/min/{1.73_m2}`); and ratios of different
kinds (`mmol/mol`, `mg/g`, `%`, `1`, `/100{WBC}`), which UCUM would call the same number. Any other
annotation is ignored, as UCUM says.

A dictionary may state a conversion of its own (`also_in`), where a relation is known that units
cannot express, as between the two ways in which HbA1c is reported.

Source: The Unified Code for Units of Measure, version 2.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Token, Tree

LONGEST = 40
"""The longest unit code that is looked at, in characters."""


class UnitError(ValueError):
    """A code that is not UCUM, or two units that do not convert."""


class _NotLinear(Exception):
    """A logarithmic scale, or a multiple of a scale that has a zero of its own."""


@dataclass(frozen=True, slots=True)
class _Size:
    """One of a unit: `factor` times the product of base units to their powers.

    `zero` is where its scale starts, in the base unit (273.15 K for Celsius). `ratio`: what makes
    it a ratio of its kind: the base units that stand above and below and so are gone from
    `powers`, as in a mass by a mass, with a star for each further power; and that it counts
    parts of a whole (`%`, `[ppm]`).
    """

    factor: Fraction
    powers: tuple[tuple[str, int], ...] = ()
    zero: Fraction = Fraction(0)
    ratio: frozenset[str] = frozenset()

    def times(self, other: _Size, power: int = 1) -> _Size:
        """This unit times another to a power."""
        if self.zero or other.zero:
            raise _NotLinear
        powers = Counter(dict(self.powers))
        for base, exponent in other.powers:
            powers[base] += power * exponent
        kept = tuple(sorted((base, exponent) for base, exponent in powers.items() if exponent))
        gone = frozenset(
            base + "*" * (abs(exponent) - 1) for base, exponent in other.powers if not powers[base]
        )
        ratio = self.ratio | other.ratio | gone
        return _Size(self.factor * other.factor**power, kept, ratio=ratio)


@dataclass(frozen=True, slots=True)
class AlsoIn:
    """A unit in which a dictionary lets something be stated: value = times * number + plus."""

    unit: str
    times: Decimal
    plus: Decimal = Decimal(0)


_ONE = _Size(Fraction(1))
_PARTS = frozenset({"parts"})

# --- the table -----------------------------------------------------------------------

_SMALL = {"": 0, "d": -1, "c": -2} | dict(zip("munpfazy", range(-3, -25, -3), strict=True))
_LARGE = {"da": 1, "h": 2} | dict(zip("kMGTPEZY", range(3, 25, 3), strict=True))
_PREFIX = _SMALL | _LARGE  # powers of ten
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "wk": 604_800} | {
    "mo": 2_629_800,  # a twelfth of the year
    "a": 31_557_600,  # the Julian year, 365.25 days
}
_METRIC = {  # the prefixes in use
    "g": (" k m u n p", _Size(Fraction(1), (("g", 1),))),
    "L": (" d m u f", _Size(Fraction(1, 1_000), (("m", 3),))),
    "mol": (" m u n p", _Size(Fraction(1), (("mol", 1),))),
    "eq": (" m", _Size(Fraction(1), (("eq", 1),))),
    "U": (" k m", _Size(Fraction(1, 60_000_000), (("mol", 1), ("s", -1)))),
    "[IU]": (" k m u", _Size(Fraction(1), (("[iU]", 1),))),
    "m": (" c m", _Size(Fraction(1), (("m", 1),))),
}
_TABLE = {
    "1": _ONE,
    "%": _Size(Fraction(1, 100), ratio=_PARTS),
    "m2": _Size(Fraction(1), (("m", 2),)),
    **{f"10*{n}": _Size(Fraction(10**n)) for n in range(3, 13)},
    **{code: _Size(Fraction(seconds), (("s", 1),)) for code, seconds in _SECONDS.items()},
    **{
        prefix + atom: _Size(size.factor * Fraction(10) ** _PREFIX[prefix], size.powers)
        for atom, (prefixes, size) in _METRIC.items()
        for prefix in prefixes.split(" ")
    },
}

COMMON_UNITS = frozenset(_TABLE) | frozenset(
    "g/L g/dL mg/L mg/dL mg/mL ug/L ug/dL ug/mL ng/L ng/dL ng/mL pg/mL mmol/L umol/L nmol/L pmol/L"
    " meq/L U/L [IU]/L [IU]/mL m[IU]/L m[IU]/mL u[IU]/mL /L /uL /mL 10*3/uL 10*6/uL 10*9/L 10*12/L"
    " 10*6/kg /kg /min mL/min mL/min/{1.73_m2} L/min mg/kg mg/m2 mg/kg/d mg/m2/d kg/m2 mg/g mm/h"
    " mg/mmol mosm/kg {score} {INR} {ratio} {copies}/mL {cells}/uL mm[Hg] Cel [degF] [pH]".split()
)
"""Codes known without asking the library, to offer where one is misspelt."""

# Printable ASCII and, annotations apart, no factor of seven digits and no exponent of
# three: what passes is parsed and worked out in milliseconds.
_PRINTABLE = re.compile(r"[!-~]+")
_IMMENSE = re.compile(r"[0-9]{7}|[A-Za-z*^\]'%][+-]?[0-9]{3}")
_ANNOTATION = re.compile(r"\{[!-z|~]*\}")
_QUOTIENT = re.compile(r"(?:[^{}/]+(?:{})?|{})?(?:/(?:[^{}/]+(?:{})?|{}))*")


def _by_table(code: str) -> _Size | None:
    """The size of a quotient of table units (`mg/kg/d`, `{cells}/uL`), None for any other."""
    bare = _ANNOTATION.sub("{}", code)
    if not _QUOTIENT.fullmatch(bare):
        return None
    size = _ONE
    for place, part in enumerate(bare.split("/")):
        # An annotation alone is one, and so is what stands before the slash of `/uL`.
        found = _TABLE.get(part.removesuffix("{}") or "1")
        if found is None:
            return None
        size = size.times(found, -1 if place else 1)
    return size


# --- the library ---------------------------------------------------------------------

_ZERO = Fraction("273.15")
_SCALES = {  # UCUM's functions that are affine; the rest (logarithms) do not convert
    "Cel": _Size(Fraction(1), (("K", 1),), _ZERO),
    "[degF]": _Size(Fraction(5, 9), (("K", 1),), _ZERO - 32 * Fraction(5, 9)),
    "[degRe]": _Size(Fraction(5, 4), (("K", 1),), _ZERO),
}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
_COUNTED = frozenset({"mol", "eq", "osm"})
_PARTS_OF = frozenset({"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]"})
_NUMBERS = frozenset({"10*", "10^", "[pi]"})


@lru_cache(maxsize=1)
def _library() -> tuple[Callable[[str], Tree[Token]], dict[str, tuple[str, str]]]:
    """The parser of codes, and each unit's (value, unit) by definition ("" for a function)."""
    from ucumvert.parser import get_ucum_parser
    from ucumvert.xml_util import get_units_with_full_definition

    definitions = {
        unit.code_cs: ("" if unit.is_special else str(unit.conversion_factor), unit.defining_unit)
        for unit in get_units_with_full_definition()
    }
    return get_ucum_parser().parse, definitions


@lru_cache(maxsize=1024)
def _by_library(code: str) -> _Size:
    """The size of any UCUM code. Raises: UnitError if it is none; _NotLinear."""
    return _size(_parsed(code))


def _parsed(code: str) -> Tree[Token]:
    from lark.exceptions import LarkError

    try:
        return _library()[0](code)
    except LarkError:
        raise UnitError(f"{_quoted(code)} is not a UCUM unit") from None


def _size(node: Tree[Token] | Token) -> _Size:
    """The size of a parsed code."""
    if isinstance(node, str):  # nothing but an annotation
        return _ONE
    match node.data, node.children:
        case "simple_unit", [atom]:
            return _atom(str(atom))
        case "simple_unit", [prefix, atom]:
            two = _BINARY.get(str(prefix))
            factor = Fraction(2**two) if two else Fraction(10) ** _PREFIX[str(prefix)]
            return _Size(factor).times(_atom(str(atom)))
        case "annotatable", [base, exponent]:
            return _ONE.times(_size(base), int(str(exponent)))
        case "term", [left, operator, right]:
            return _size(left).times(_size(right), -1 if operator == "/" else 1)
        case "main_term", [_, denominator]:
            return _ONE.times(_size(denominator), -1)
        case _, [inner, *_]:  # what is left around an annotated or whole unit
            return _size(inner)
    raise AssertionError(node)


def _atom(code: str) -> _Size:
    """The size of one unit symbol or whole number, by its definition."""
    if code.isdigit():
        return _Size(Fraction(int(code)))
    if code in _SCALES:
        return _SCALES[code]
    value, unit = _library()[1].get(code, ("1", "1"))
    if not value:
        raise _NotLinear
    if code in _COUNTED or (unit == "1" and code not in _NUMBERS):
        return _Size(Fraction(1), ((code, 1),))  # a base unit, or an arbitrary one
    size = _Size(Fraction(value)).times(_by_library(unit))
    return _Size(size.factor, ratio=_PARTS) if code in _PARTS_OF else size


# --- conversion ----------------------------------------------------------------------

MONTHS = {"mo": 1, "a": 12}
_OF_DAYS = ("d", "wk", "h", "min", "s")


def months_each(source: str, target: str) -> int:
    """How many calendar months one of `source` is, as an amount of days or weeks; 0 for none.

    Such an amount has no factor: a month is of 28 to 31 days.
    """
    return MONTHS.get(source, 0) if target in _OF_DAYS else 0


def known_unit(code: str) -> bool:
    """Whether `code` is a UCUM code (case matters)."""
    if code in COMMON_UNITS:
        return True
    try:
        _refuse_implausible(code)
        if _by_table(code) is None:
            _parsed(code)
    except UnitError:
        return False
    return True


def conversion(
    source: str, target: str, molar_mass: Decimal | None, also_in: tuple[AlsoIn, ...] = ()
) -> tuple[Fraction, Fraction]:
    """The exact (factor, offset) with target value = factor * source value + offset.

    `molar_mass` (g/mol) joins mass to substance, in either direction and inside compound
    units; without it they do not convert. `also_in`: what the dictionary states beside.

    Raises: UnitError if a code is not UCUM, or the two do not convert.
    """
    stated = stated_in(source, also_in)
    if stated is None:
        return _by_size(source, target, molar_mass)
    factor, offset = _by_size(source, stated.unit, None)
    times, plus = Fraction(stated.times), Fraction(stated.plus)
    return factor * times, offset * times + plus


def stated_in(source: str, also_in: tuple[AlsoIn, ...]) -> AlsoIn | None:
    """What a dictionary states of a unit, or of one that converts to a unit it speaks of."""
    for one in also_in:
        try:
            _by_size(source, one.unit, None)
        except UnitError:
            continue
        return one
    return None


@lru_cache(maxsize=4096)
def _by_size(source: str, target: str, molar_mass: Decimal | None) -> tuple[Fraction, Fraction]:
    """The conversion that the units' own sizes give. Raises: UnitError."""
    if source == target:
        return Fraction(1), Fraction(0)
    for code in (source, target):
        _refuse_implausible(code)
    refusal = f"{_quoted(source)} does not convert to {_quoted(target)}"
    if _amounts(source) != _amounts(target):
        raise UnitError(f"{refusal}: their annotations state different amounts")
    try:
        old, new = (_by_table(code) or _by_library(code) for code in (source, target))
    except _NotLinear:
        raise UnitError(refusal) from None
    factor, offset = old.factor / new.factor, (old.zero - new.zero) / new.factor
    joined = old.powers != new.powers
    if joined:
        difference = Counter(dict(old.powers))
        difference.subtract(dict(new.powers))
        moles = difference["mol"]
        if difference != Counter({"mol": moles, "g": -moles}):
            raise UnitError(refusal)
        if not molar_mass:
            raise UnitError(f"{refusal}: molar mass needed")
        factor *= Fraction(molar_mass) ** moles
    if _kind(old, joined) != _kind(new, joined) or (
        not old.powers and factor != 1 and _notes(source) != _notes(target)
    ):
        raise UnitError(f"{refusal}: they are ratios of different kinds")
    return factor, offset


def _kind(size: _Size, joined: bool) -> frozenset[str]:
    """The kind of ratio that a unit is; a molar mass has joined substance to mass."""
    if not joined:
        return size.ratio
    powers = dict(size.powers)
    cancel = {"g"} if powers.get("g", 0) == -powers.get("mol", 0) != 0 else set()
    return frozenset({"g" if base == "mol" else base for base in size.ratio} | cancel)


def _notes(code: str) -> list[str]:
    """All annotations, in order of text: a count by a hundred cells is none by a hundred."""
    return sorted(_ANNOTATION.findall(code))


def _amounts(code: str) -> list[str]:
    """The annotations that open with a digit, in order of text."""
    return sorted(note for note in _ANNOTATION.findall(code) if note[1:2].isdigit())


def _refuse_implausible(code: str) -> None:
    if (
        len(code) > LONGEST
        or not _PRINTABLE.fullmatch(code)
        or _IMMENSE.search(_ANNOTATION.sub("{}", code))
    ):
        raise UnitError(f"{_quoted(code)} is not a UCUM unit")


def _quoted(code: str) -> str:
    """The code for a message: one line, and not much longer than `LONGEST`."""
    shown = code[:LONGEST].encode("unicode_escape").decode("ascii").replace("`", "'")
    return f"`{shown}...`" if len(code) > LONGEST else f"`{shown}`"
