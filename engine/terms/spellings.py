"""Units as laboratories, charts and forms write them, and the UCUM code that each stands for.

One table for every door. Each of its codes is proved against UCUM by a test. UCUM gives some
spellings another meaning (`G/L`, gauss a litre); none of those meanings converts to what the
spelling stands for, which a test holds as well, so that no unit can be read in two ways.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from engine.terms.units import AlsoIn, UnitError, conversion

_THOUSAND = "K k Thou thou THOU thousand Thousand th Th 1000".split()
_MILLION = "M Mil mil Mill mill million Million".split()
_BILLION = "G Giga giga Gpt bil Bil billion Billion".split()

WHOLE: Mapping[str, str] = {
    **{f"{word}/{per}": "10*3/uL" for word in _THOUSAND for per in ("uL", "mm3")},
    **{f"{word}/{per}": "10*6/uL" for word in _MILLION for per in ("uL", "mm3")},
    **{f"{word}/L": "10*9/L" for word in _BILLION},
    **dict.fromkeys(("T/L", "Tera/L", "tera/L", "Tpt/L"), "10*12/L"),
    **dict.fromkeys(("mg%", "mg %", "mg/100mL", "mg/100 mL", "MG/DL"), "mg/dL"),
    **dict.fromkeys(("g%", "g %", "gm%", "gm %", "g/100mL", "g/100 mL", "G/DL", "GM/DL"), "g/dL"),
    **dict.fromkeys(("mmHg", "mm Hg", "mmhg", "mm of Hg", "MMHG"), "mm[Hg]"),
    **{
        f"mL/min/{per}": "mL/min/{1.73_m2}"
        for per in ("1.73m2", "1.73 m2", "1.73sqm", "1.73 sq m", "(1.73m2)", "(1.73 m2)")
    },
    "MMOL/L": "mmol/L",
    "UMOL/L": "umol/L",
    "NG/ML": "ng/mL",
    "UG/DL": "ug/dL",
    "MCG/DL": "ug/dL",
    "bpm": "/min",
    "fraction": "1",
}
"""Whole units, by their spelling."""

PARTS: Mapping[str, str] = {
    **dict.fromkeys(("gm", "gms", "gram", "grams"), "g"),
    **dict.fromkeys(("mgs", "mgm"), "mg"),
    **dict.fromkeys(("mcg", "mcgs", "UG"), "ug"),
    **dict.fromkeys(("Kg", "KG", "kgs", "kilo", "kilos"), "kg"),
    **dict.fromkeys(("cc", "ccm", "CC"), "mL"),
    **dict.fromkeys(("mcL", "mcl", "UL"), "uL"),
    **dict.fromkeys(("cumm", "cu mm", "cmm", "cu.mm"), "mm3"),
    **dict.fromkeys(("sqm", "sq m", "qm"), "m2"),
    **dict.fromkeys(("DL", "Dl"), "dL"),
    **dict.fromkeys(("liter", "litre", "liters", "litres", "Lit", "lit"), "L"),
    **dict.fromkeys(("mcmol", "micromol", "UMOL"), "umol"),
    **dict.fromkeys(("mmole", "mmoles", "MMOL", "millimol"), "mmol"),
    **dict.fromkeys(("mEq", "mEQ", "MEQ", "mval"), "meq"),
    **dict.fromkeys(("mOsm", "mOsmol", "mosmol"), "mosm"),
    **{f"{prefix}IU": f"{prefix}[IU]" for prefix in ("", "m", "u", "k")},
    **{f"{prefix}iu": f"{prefix}[IU]" for prefix in ("", "m", "u", "k")},
    **dict.fromkeys(("cells", "cell", "Cells"), "{cells}"),
    **dict.fromkeys(("copies", "Copies"), "{copies}"),
    **dict.fromkeys(("lb", "lbs"), "[lb_av]"),
}
"""One unit of a quotient (`gm` of `gm/dL`), by its spelling."""

WORDS: Mapping[str, str] = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days", "dy"), "d"),
    **dict.fromkeys(("w", "wks", "week", "weeks"), "wk"),
    **dict.fromkeys(("mos", "mth", "mths", "mon", "month", "months"), "mo"),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), "a"),
    **dict.fromkeys(("percent", "per cent", "pct", "prozent"), "%"),
    **dict.fromkeys(("°c", "deg c", "degc", "degrees c", "degree celsius", "celsius"), "Cel"),
    **dict.fromkeys(("degrees celsius", "deg celsius"), "Cel"),
    **dict.fromkeys(("°f", "deg f", "degf", "degrees f", "fahrenheit"), "[degF]"),
    "degrees fahrenheit": "[degF]",
    "‰": "[ppth]",
}
"""Words of any case."""

ONLY: Mapping[str, Mapping[str, str]] = {
    "U/L": {"[IU]/L": "U/L", "[iU]/L": "U/L", "UI/L": "U/L", "I.U./L": "U/L"},
    **{unit: {"C": "Cel", "F": "[degF]"} for unit in ("Cel", "[degF]", "K")},
}
"""What holds only where a fact is in the unit named: an enzyme's `IU/L` is its `U/L`."""

TOGETHER = (
    ("wk", "d", "mo"),
    ("d", "wk", "mo"),
    ("mg/dL", "umol/L", "mmol/L", "g/L"),
    ("g/dL", "g/L"),
    ("10*9/L", "10*3/uL", "/uL"),
    ("Cel", "[degF]"),
    ("kg", "g"),
    ("mg", "g"),
)
"""Units in which one thing is usually stated, to offer where one must be."""

SAID = {"wk": "weeks", "d": "days", "mo": "months", "a": "years", "h": "hours"}

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_POWER = re.compile(r"10([⁰¹²³⁴-⁹]+)")
_TEN = re.compile(r"(?:[x×*]\s*)?10\s*(?:\*\*|[*^eE])\s*\+?0*([0-9]{1,2})(?![0-9])", re.IGNORECASE)


def plain(text: str) -> str:
    """A unit's signs as UCUM has them: micro signs, powers of ten, widths and spaces."""
    text = _POWER.sub(lambda found: "10*" + found[1].translate(_SUPERSCRIPTS), text)
    text = unicodedata.normalize("NFKC", text).replace("μ", "u")
    text = re.sub(r"\s+per\s+", "/", " ".join(text.split()))
    text = re.sub(r"(?<=[A-Za-z])\^(?=[0-9])", "", re.sub(r"\s*/\s*", "/", text))
    return _TEN.sub(lambda found: f"10*{found[1]}", text, count=1) if _TEN.match(text) else text


def spelled(text: str) -> str:
    """The code that a spelling stands for; what is not in the table is left as it is."""
    text = plain(text)
    if text in WHOLE:
        return WHOLE[text]
    parts = (PARTS.get(part) or WORDS.get(part.casefold(), part) for part in text.split("/"))
    code = "/".join(parts)
    return WHOLE.get(code, code)


def unit_code(
    text: str, unit: str, molar_mass: Decimal | None, also_in: tuple[AlsoIn, ...] = ()
) -> str:
    """The UCUM code of a unit as written, one that converts to `unit`. Raises: UnitError."""
    if text == unit:
        return unit
    code = spelled(text)
    refusals: list[UnitError] = []
    for one in dict.fromkeys((code, ONLY.get(unit, {}).get(code, code), plain(text), text)):
        try:
            conversion(one, unit, molar_mass, also_in)
        except UnitError as error:
            refusals.append(error)
        else:
            return one
    convert = [error for error in refusals if "does not convert" in str(error)]
    raise (convert or refusals)[-1]


def unit_choices(
    unit: str, molar_mass: Decimal | None, also_in: tuple[AlsoIn, ...] = ()
) -> list[str]:
    """Units in which something of a unit is usually stated, its own first, in words."""
    found = [unit, *(one.unit for one in also_in)]
    for one in next((group for group in TOGETHER if group[0] == unit), ()):
        try:
            conversion(one, unit, molar_mass)
        except UnitError:
            continue
        found.append(one)
    return [SAID.get(one, one) for one in dict.fromkeys(found)]
