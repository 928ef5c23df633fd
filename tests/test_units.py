"""Unit conversions: exact, never silent, and the table as the library has it."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from ucumvert.xml_util import get_units_with_full_definition

from engine.terms import units
from engine.terms.units import COMMON_UNITS, AlsoIn, UnitError, conversion, known_unit

CREATININE = Decimal("113.12")
PARTS = {"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]"}


@pytest.mark.parametrize(
    ("source", "target", "factor", "offset"),
    [
        ("g/L", "mg/dL", "100", "0"),
        ("mg/L", "mg/dL", "1/10", "0"),
        ("10*9/L", "10*3/uL", "1", "0"),
        ("10*9/L", "/uL", "1000", "0"),
        ("{cells}/uL", "10*9/L", "1/1000", "0"),
        ("a", "d", "1461/4", "0"),
        ("a", "mo", "12", "0"),
        ("wk", "d", "7", "0"),
        ("[ppth]", "%", "1/10", "0"),
        ("%{WBC}", "%", "1", "0"),
        ("{score}", "1", "1", "0"),
        ("{score}", "{points}", "1", "0"),
        ("1", "{a/b}", "1", "0"),
        ("/uL{CD123+}", "/uL", "1", "0"),
        ("mg/kg/d", "ug/g/h", "1/24", "0"),
        ("U/L", "ukat/L", "1/60", "0"),
        ("[IU]/L", "m[IU]/mL", "1", "0"),
        ("[iU]/L", "k[IU]/L", "1/1000", "0"),
        ("mm[Hg]", "kPa", "133322/1000000", "0"),
        ("[degF]", "Cel", "5/9", "-160/9"),
        ("Cel", "[degF]", "9/5", "32"),
        ("Cel", "K", "1", "5463/20"),
        ("K", "[degF]", "9/5", "-45967/100"),
        ("mL", "cm3", "1", "0"),
        ("[lb_av]", "kg", "45359237/100000000", "0"),
        ("[in_i]", "cm", "127/50", "0"),
        ("g/(24.h)", "mg/d", "1000", "0"),
        ("g%", "g/dL", "1", "0"),
        ("[Cal]", "kcal", "1", "0"),
        ("/100{WBC}", "/100", "1", "0"),
        ("MiBy", "KiBy", "1024", "0"),
        ("m-2", "/m2", "1", "0"),
    ],
)
def test_converts_exactly(source: str, target: str, factor: str, offset: str) -> None:
    assert conversion(source, target, None) == (Fraction(factor), Fraction(offset))


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("umol/L", "mg/dL", CREATININE / 10_000),
        ("mmol", "mg", CREATININE),
        ("mmol/L", "g/dL", CREATININE / 10_000),
        ("mmol/d", "[oz_av]/d", None),
    ],
)
def test_molar_mass_joins_mass_and_substance_both_ways(
    source: str, target: str, factor: Decimal | None
) -> None:
    there, _ = conversion(source, target, CREATININE)
    back, _ = conversion(target, source, CREATININE)
    assert there * back == 1
    assert factor is None or there == Fraction(factor)


@pytest.mark.parametrize(
    ("source", "target"), [("umol/L", "mg/dL"), ("mg/dL", "umol/L"), ("[lb_av]", "mol")]
)
def test_without_a_molar_mass_mass_and_substance_stay_apart(source: str, target: str) -> None:
    with pytest.raises(UnitError) as refused:
        conversion(source, target, None)
    message = f"`{source}` does not convert to `{target}`: molar mass needed"
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("mg/dL", "U/L"),
        ("mg", "mL"),
        ("mol2", "g"),
        ("%", "mg"),
        ("[IU]/L", "U/L"),
        ("[IU]/L", "/L"),
        ("[CFU]/mL", "/mL"),
        ("[arb'U]/mL", "[IU]/mL"),
        ("/[HPF]", "/[LPF]"),
        ("meq/L", "mmol/L"),
        ("mosm/L", "mmol/L"),
        ("[pH]", "mol/L"),
        ("Cel/s", "K/s"),
        ("mCel", "mK"),
        ("B", "dB"),
        ("deg", "1"),
    ],
)
def test_what_does_not_convert_is_refused_whatever_the_molar_mass(source: str, target: str) -> None:
    for old, new in ((source, target), (target, source)):
        with pytest.raises(UnitError) as refused:
            conversion(old, new, CREATININE)
        assert str(refused.value) == f"`{old}` does not convert to `{new}`"


def test_an_annotation_that_states_an_amount_is_part_of_the_unit() -> None:
    with pytest.raises(UnitError, match="their annotations state different amounts"):
        conversion("mL/min", "mL/min/{1.73_m2}", None)
    assert conversion("L/min/{1.73_m2}", "mL/min/{1.73_m2}", None)[0] == 1000


RATIOS = (
    ("%", "[ppth]", "[ppm]", "[ppb]"),
    ("1", "{ratio}", "{fraction}", "{INR}"),
    ("/100{WBC}",),
    ("10*3{cells}/10*6{cells}",),
    ("mg/g", "g/kg", "ug/g", "g/g", "[oz_av]/kg"),
    ("mmol/mol", "mol/mol", "umol/mol"),
    ("mL/L", "L/L", "mL/dL"),
    ("meq/eq",),
    ("U/kU",),
    ("[IU]/k[IU]",),
    ("s/min", "h/d"),
    ("cm/m",),
)
"""Ratios, each line of one kind; every number of one is some number of any other in UCUM."""


@pytest.mark.parametrize("mass", [None, CREATININE])
def test_of_all_pairs_of_ratios_those_of_one_kind_convert_and_no_others(
    mass: Decimal | None,
) -> None:
    kinds = [(unit, number) for number, alike in enumerate(RATIOS) for unit in alike]
    for (source, one), (target, other) in product(kinds, kinds):
        if one == other:
            assert conversion(source, target, mass)[0] > 0
            continue
        with pytest.raises(UnitError, match="ratios of different kinds"):
            conversion(source, target, mass)


def test_a_molar_mass_makes_no_share_of_a_whole() -> None:
    assert conversion("mg/mmol", "mg/g", CREATININE)[0] == 1_000 / Fraction(CREATININE)
    for whole in ("%", "1", "[ppm]", "mL/L"):
        with pytest.raises(UnitError, match="ratios of different kinds"):
            conversion("mg/mmol", whole, CREATININE)


def test_a_dictionary_may_state_a_conversion_between_kinds() -> None:
    stated = (AlsoIn("mmol/mol", Decimal("0.0915"), Decimal("2.15")),)
    assert conversion("mmol/mol", "%", None, stated) == (Fraction("0.0915"), Fraction("2.15"))
    assert conversion("mol/mol", "%", None, stated) == (Fraction("91.5"), Fraction("2.15"))
    assert conversion("[ppth]", "%", None, stated) == (Fraction(1, 10), Fraction(0))
    for other in ("mg/g", "1", "mmol/L"):
        with pytest.raises(UnitError, match="does not convert to `%`"):
            conversion(other, "%", None, stated)


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "IU/L",
        "mg/dl ",
        "mg/ dL",
        "mgs",
        "MG/DL",
        "cells/uL",
        "m{x}g",
        "mg//dL",
        "mg/",
        "/",
        "{",
        "{{}}",
        "µg",
        "mg\n/dL",
        "mg/dL\n",
        "1.5e3",
        "0",
        "__import__('os').system('true')",
        "().__class__",
        "{x}" * 13 + "{}",
        "(" * 20 + ")" * 20,
        "(" * 18 + "(m" + ")" * 20,
        "m" * 41,
        "{" + "a" * 1_000_000 + "}",
        "10*999999999",
        "m99999999999999999999",
        "9" * 40,
        "10*99/" * 6 + "m9-",
        "\x00",
        "`rm`",
    ],
)
def test_a_code_that_is_not_ucum_is_refused_at_once(code: str) -> None:
    known_unit("[smoot]")  # the library is loaded
    start = time.process_time()
    assert not known_unit(code)
    with pytest.raises(UnitError) as refused:
        conversion(code, "mg/dL", None)
    assert time.process_time() - start < 0.5
    message = str(refused.value)
    assert message.endswith("` is not a UCUM unit")
    assert message.isprintable()
    assert message.isascii()
    assert message.count("`") == 2
    assert len(message) < 200


def test_the_longest_codes_are_worked_out_at_once() -> None:
    for code in ("10*99." * 6 + "g", "m/" * 19 + "m", "(m." * 7 + "m" + ")" * 7, "Ym99/" * 7 + "g"):
        start = time.process_time()
        assert known_unit(code)
        with pytest.raises(UnitError):
            conversion(code, "s", None)
        assert time.process_time() - start < 0.5


@pytest.mark.parametrize("code", sorted(COMMON_UNITS))
def test_the_table_is_as_the_library_has_it(code: str) -> None:
    tree = units._parsed(code)
    by_table = units._by_table(code)
    if by_table is not None:
        assert by_table == units._size(tree)


def test_every_quotient_of_two_table_units_is_as_the_library_has_it() -> None:
    for above, below in product(("mg", "10*3", "{cells}", "U", ""), units._TABLE):
        code = f"{above}/{below}"
        assert units._by_table(code) == units._by_library(code)


def test_every_ucum_unit_is_what_its_definition_says() -> None:
    apart = {"mol", "eq", "osm"}  # not counted in molecules, not joined to moles
    for unit in get_units_with_full_definition():
        code, by = unit.code_cs, unit.defining_unit
        assert known_unit(code)
        if unit.is_special or code in apart:
            continue
        if (by == "1" and code not in {"10*", "10^", "[pi]"}) or code in PARTS:
            with pytest.raises(UnitError):
                conversion(code, "1", None)
        else:
            assert conversion(code, by, None) == (
                Fraction(str(unit.conversion_factor)),
                Fraction(0),
            )


def test_common_conversions_and_equal_units_do_not_load_the_library() -> None:
    program = (
        "import sys; from decimal import Decimal;"
        "from engine.terms.units import conversion, known_unit;"
        "conversion('[smoot]', '[smoot]', None); conversion('umol/L', 'mg/dL', Decimal('113.12'));"
        "assert known_unit('10*9/L') and known_unit('mg/kg/wk') and known_unit('[pH]');"
        "assert not {'ucumvert', 'pint', 'lark'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
