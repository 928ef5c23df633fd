# ruff: noqa: E501 (tables: a case a line reads best)
"""Units as they are written: one table, held against UCUM, that every door reads by."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import terms as m
from engine.read.packs import protocol_of
from engine.read.sheet import NotThat, parse_quantity
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.reference import measures
from engine.select.amounts import ends_of
from engine.select.readings import find_readings
from engine.terms.calendar import days_in_months
from engine.terms.faults import InputRejected
from engine.terms.spellings import (
    ONLY,
    PARTS,
    TOGETHER,
    WHOLE,
    WORDS,
    spelled,
    unit_choices,
    unit_code,
)
from engine.terms.units import COMMON_UNITS, UnitError, conversion, known_unit

CREATININE = Decimal("113.12")
TABLE = {**WHOLE, **PARTS, **WORDS}


@pytest.mark.parametrize("text", sorted(TABLE))
def test_a_spelling_stands_for_a_ucum_code_and_for_nothing_else(text: str) -> None:
    code = TABLE[text]
    assert known_unit(code)
    assert spelled(text) == code == spelled(code)
    try:
        meant = conversion(text, code, None)
    except UnitError:
        return  # no UCUM code, or one of something else altogether
    assert meant == (Fraction(1), Fraction(0)), (
        "UCUM gives this spelling another size of the same thing"
    )


@pytest.mark.parametrize("code", sorted(COMMON_UNITS | {code for one in TOGETHER for code in one}))
def test_a_ucum_code_is_left_as_it_is(code: str) -> None:
    assert spelled(code) == code


@pytest.mark.parametrize(
    ("text", "unit", "factor"),
    [
        ("µmol/L", "umol/L", "1"),
        ("μmol/L", "umol/L", "1"),
        ("µL", "mL", "1/1000"),
        ("K/uL", "10*9/L", "1"),
        ("K/µL", "10*9/L", "1"),
        ("K/mm³", "10*9/L", "1"),
        ("thousand per uL", "10*9/L", "1"),
        ("G/L", "10*9/L", "1"),
        ("T/L", "10*12/L", "1"),
        ("M/uL", "10*12/L", "1"),
        ("x10E9/L", "10*9/L", "1"),
        ("x 10^9/L", "10*9/L", "1"),
        ("10**9/L", "10*9/L", "1"),
        ("10⁹/L", "10*9/L", "1"),
        ("× 10⁹ / L", "10*9/L", "1"),
        ("10e3/uL", "10*9/L", "1"),
        ("10^3/mm3", "10*9/L", "1"),
        ("1000/uL", "10*9/L", "1"),
        ("cells/mm3", "10*9/L", "1/1000"),
        ("/cumm", "10*9/L", "1/1000"),
        ("gm/dL", "g/L", "10"),
        ("g%", "g/L", "10"),
        ("G/DL", "g/L", "10"),
        ("mg%", "mg/dL", "1"),
        ("MG/DL", "mg/dL", "1"),
        ("mg/100 mL", "mg/dL", "1"),
        ("mcg/mL", "ug/mL", "1"),
        ("mcg/cc", "ug/mL", "1"),
        ("mcmol/L", "umol/L", "1"),
        ("mEq/L", "meq/L", "1"),
        ("IU/mL", "[IU]/L", "1000"),
        ("mIU/L", "[IU]/L", "1/1000"),
        ("mm Hg", "mm[Hg]", "1"),
        ("mmHg", "mm[Hg]", "1"),
        ("mL/min/1.73 m²", "mL/min/{1.73_m2}", "1"),
        ("mL/min/1.73m^2", "mL/min/{1.73_m2}", "1"),
        ("°C", "Cel", "1"),
        ("℃", "Cel", "1"),
        ("C", "Cel", "1"),
        ("F", "Cel", "5/9"),
        ("degrees Celsius", "Cel", "1"),
        ("％", "%", "1"),
        ("per cent", "%", "1"),
        ("Percent", "%", "1"),
        ("‰", "%", "1/10"),
        ("Weeks", "wk", "1"),
        ("months", "mo", "1"),
        ("YEARS", "a", "1"),
        ("yr", "a", "1"),
        ("days", "d", "1"),
        ("hrs", "h", "1"),
        ("mg/kg/day", "mg/kg/d", "1"),
        ("mg/m²", "mg/m2", "1"),
        ("lbs", "kg", "45359237/100000000"),
    ],
)
def test_what_laboratories_write_is_what_they_mean(text: str, unit: str, factor: str) -> None:
    code = unit_code(text, unit, None)
    assert conversion(code, unit, None)[0] == Fraction(factor)


def test_international_units_are_an_enzymes_units_only_where_the_fact_is_in_them() -> None:
    for text in ("IU/L", "[IU]/L", "iu/L", "UI/L"):
        assert unit_code(text, "U/L", None) == "U/L"
        for unit in ("kU/L", "U/mL", "[CFU]/L"):
            with pytest.raises(UnitError):
                unit_code(text, unit, None)
    assert unit_code("IU/L", "[IU]/L", None) == "[IU]/L"
    assert set(ONLY) == {"U/L", "Cel", "[degF]", "K"}


@pytest.mark.parametrize("text", ["mgdl", "", " ", "Umol/l", "K", "x", "10", "mg/", "µ", "a b c"])
def test_what_is_no_spelling_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        unit_code(text, "mg/dL", CREATININE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *product(("1", "{ratio}", "{fraction}"), ("%", "[ppm]", "/100{WBC}")),
        *product(("%", "1", "{ratio}"), ("mmol/mol", "mg/g", "mL/L", "U/kU", "[IU]/k[IU]")),
        *(("mmol/mol", "mg/g"), ("mL/L", "mg/g"), ("mg/g/d", "%/d")),
    ],
)
def test_ratios_of_two_kinds_do_not_convert_whatever_the_molar_mass(one: str, other: str) -> None:
    for source, target in ((one, other), (other, one)):
        with pytest.raises(UnitError, match="ratios of different kinds"):
            conversion(source, target, CREATININE)


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [("mg/g", "g/g", "1/1000"), ("mmol/mol", "umol/mol", "1000"), ("%", "[ppth]", "10"),
     ("mL/dL", "L/L", "1/100"), ("mg/mmol", "g/mol", "1")],
)  # fmt: skip
def test_ratios_of_one_kind_do(source: str, target: str, factor: str) -> None:
    assert conversion(source, target, None)[0] == Fraction(factor)


# --- numbers with their unit -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("44 umol/L", ("", 44_000_000, "umol/L")),
        ("44umol/L", ("", 44_000_000, "umol/L")),
        ("64%", ("", 64_000_000, "%")),
        ("<5 mg/L", ("<", 5_000_000, "mg/L")),
        (">= 6 months", (">=", 6_000_000, "months")),
        ("150 x10^9/L", ("", 150_000_000, "x10^9/L")),
        ("150 10*9/L", ("", 150_000_000, "10*9/L")),
        ("3 /uL", ("", 3_000_000, "/uL")),
        ("1e3/uL", ("", 1_000_000_000, "/uL")),
        ("-1.5 mmol/L", ("", -1_500_000, "mmol/L")),
        ("7.5", ("", 7_500_000, "")),
        ("1e2", ("", 100_000_000, "")),
    ],
)
def test_a_number_may_carry_its_unit(text: str, wanted: tuple[str, int, str]) -> None:
    assert parse_quantity(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["1 000", "1 2", "5-6", "1/2", "2026-11-20", "1.2.3", "12:30", "1;2", "abc", "mg/dL", "", "<",
     "1,5", "1,5 mg/dL", "1 000/uL", "5 +3"],
)  # fmt: skip
def test_two_numbers_are_not_a_number_and_its_unit(text: str) -> None:
    with pytest.raises(NotThat):
        parse_quantity(text)


PACK = """
facts:
  creatinine: {{ask: C, type: quantity, unit: mg/dL, molar_mass: 113.12, {more}}}
  life: {{ask: L, type: quantity, unit: wk, range: [0, 5200], unit_required: true}}
records:
  labs:
    ask: L
    fields: {{creatinine: {{type: quantity, unit: mg/dL, molar_mass: 113.12, {more}}}}}
"""


def pack(more: str = "changes: never") -> m.Protocol:
    fact, field = more, "range: [0, 30000]" if more == "changes: never" else more
    facts = PACK.format(more="@").replace("@", fact, 1).replace("@", field)
    criteria = "criteria: [{id: I01, kind: inclusion, text: t, holds_when: {life: {above: 12}}}]"
    parts = {"protocol": "{protocol: p, version: 1, title: t}", "facts": facts}
    parts["eligibility"] = criteria
    return protocol_of({f"{name}.yaml": text.encode() for name, text in parts.items()}, "pack")


def read(facts: str, protocol: m.Protocol) -> m.Subject:
    return read_subject(f"{{subject: S, facts: {{{facts}}}}}".encode(), "s.yaml", protocol)


@given(
    st.integers(1, 40_000).map(lambda n: Decimal(n) / 100),
    st.sampled_from(["mg/dL", "umol/L", "µmol/L", "mg%", "MG/DL", "mcmol/L", "mmol/L", "mg/l"]),
    st.sampled_from(["", " "]),
    st.sampled_from(["", "<", ">="]),
)
def test_a_unit_after_the_number_is_a_unit_beside_it(
    number: Decimal, unit: str, space: str, sign: str
) -> None:
    protocol = pack("changes: never")
    after = read(f"creatinine: '{sign}{number}{space}{unit}'", protocol)
    inside = read(f"creatinine: {{value: '{sign}{number}{space}{unit}'}}", protocol)
    beside = read(f"creatinine: {{value: '{sign}{number}', unit: '{unit}'}}", protocol)
    assert after.facts == inside.facts == beside.facts
    (said,) = after.facts["creatinine"]
    assert isinstance(said.value, m.Amount) and known_unit(said.value.unit)
    entry = f"{{creatinine: '{sign}{number}{space}{unit}'}}"
    listed = f"{{subject: S, records: {{labs: {{entries: [{entry}]}}}}}}"
    (one,) = read_subject(listed.encode(), "s.yaml", protocol).records["labs"].entries
    assert one.values["creatinine"] == said.value


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("life: 60", "`60` does not say in which unit", "write `60 weeks`, `60 days` or `60 months`"),
        ("life: {value: '>12', on: 2026-11-18}", "`>12` does not say in which unit", "write `>12 weeks`, `>12 days` or `>12 months`"),
        ("creatinine: 0.5 mgdl", "`mgdl` is not a UCUM unit", "`creatinine` is in `mg/dL`, `umol/L`, `mmol/L` or `g/L`; write the unit of the report"),
        ("creatinine: 44 U/L", "`U/L` does not convert to `mg/dL`", "`creatinine` is in `mg/dL`, `umol/L`, `mmol/L` or `g/L`; write the unit of the report"),
        ("creatinine: abc", "`abc` is not a number", "write digits, as in `7.5`, or a number with its unit, as in `7.5 mg/dL`, `7.5 umol/L`, `7.5 mmol/L` or `7.5 g/L`"),
        ("creatinine: '0,44'", "`0,44` has a decimal comma", "write `0.44`; leave out what parts thousands"),
    ],
)  # fmt: skip
def test_a_hint_never_leads_to_a_number_without_its_unit(
    said: str, message: str, hint: str
) -> None:
    with pytest.raises(InputRejected) as refused:
        read(said, pack())
    (fault,) = refused.value.faults
    assert (fault.message, fault.hint) == (message, hint)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{value: 44 umol/L, uln: 60 µmol/L}", ""),
        ("{value: 44, unit: umol/L, uln: 60 umol/L}", ""),
        ("{value: 0.5, uln: 1.2 mg/dL}", ""),
        ("{value: 0.5, uln: 60 umol/L}", "`60 umol/L` is not in the unit of the value, `mg/dL`"),
        ("{value: 0.5, uln: <1.2}", "an upper limit of normal is one number"),
        ("{value: 0.5, uln: 0 mg/dL}", "an upper limit of normal is above zero"),
        ("{value: 0.5, uln: high}", "`high` is not a number"),
        ("{value: 0.5, uln: '1,2'}", "`1,2` has a decimal comma"),
    ],
)
def test_a_limit_of_normal_is_in_the_unit_of_its_value(said: str, message: str) -> None:
    if not message:
        (one,) = read(f"creatinine: {said}", pack()).facts["creatinine"]
        assert one.uln_u in (60_000_000, 1_200_000)
        return
    with pytest.raises(InputRejected) as refused:
        read(f"creatinine: {said}", pack())
    (fault,) = refused.value.faults
    assert fault.message == message


def test_a_unit_that_is_required_may_be_the_facts_own() -> None:
    for said in ("26 wk", "26 weeks", "182 days", "{value: 26, unit: wk}"):
        (one,) = read(f"life: {said}", pack()).facts["life"]
        assert isinstance(one.value, m.Amount)
    assert unit_choices("wk", None) == ["weeks", "days", "months"]
    assert unit_choices("{score}", None) == ["{score}"]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("usual: [5, 1]", "the range's low end is above its high end"),
        ("usual: [1]", "`usual` is a low and a high number"),
        ("range: [0, 30], usual: [0, 31]", "what is usual reaches beyond the range"),
        ("unit_required: maybe", "the text `maybe` stands where `true` or `false` is expected"),
    ],
)
def test_what_a_pack_says_of_units_is_checked(more: str, fault: str) -> None:
    with pytest.raises(InputRejected) as refused:
        pack(more)
    assert fault in [one.message for one in refused.value.faults]


# --- months as days ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("months", "wanted"),
    [(0, (0, 0)), (1, (28, 31)), (2, (59, 62)), (3, (89, 92)), (6, (181, 184)), (12, (365, 366)),
     (48, (1460, 1461)), (4800, (146_097, 146_097)), (-1, (-31, -28))],
)  # fmt: skip
def test_so_many_months_have_so_many_days(months: int, wanted: tuple[int, int]) -> None:
    assert days_in_months(months) == wanted == measures.month_days(months)


@given(st.integers(0, 60_000), st.dates(date(1900, 1, 1), date(2400, 1, 1)))
def test_any_months_from_any_first_of_a_month_lie_between_the_two(months: int, day: date) -> None:
    first = day.replace(day=1).toordinal()
    low, high = days_in_months(months)
    assert low <= measures.later(first, m.Duration(0, months))[0] - first <= high


@given(
    st.integers(-(10**8), 10**10),
    st.sampled_from(["mo", "a"]),
    st.sampled_from(["d", "wk"]),
    st.sampled_from(["", "<", "<=", ">", ">="]),
)
def test_an_amount_of_months_is_read_alike_by_both(
    number: int, unit: str, of: str, sign: m.Sign
) -> None:
    fact = m.Fact("life", "life", "quantity", of)
    said = m.Amount(number, unit, sign)
    protocol = m.Protocol("", "", "", None, {}, {"life": fact}, {}, {}, ())
    subject = m.Subject("S", {"life": (m.Statement("facts.life", said),)}, {})
    as_of = date(2026, 11, 20)
    read = find_readings(protocol, subject, as_of)["life"].reading
    assert read == reference.readings(protocol, subject, as_of)["life"]
    low, high, *_ = ends_of(said, fact)
    mean = Fraction(number) * conversion(unit, of, None)[0]
    spread = 150 * m.MILLION
    assert low - spread <= mean <= high + spread and low <= high


def test_a_limit_in_months_on_a_fact_in_weeks_is_a_fault() -> None:
    facts = "facts: {life: {ask: L, type: quantity, unit: wk, changes: never}}"
    criteria = (
        "criteria: [{id: I01, kind: inclusion, text: t, holds_when: {life: {above: 6 months}}}]"
    )
    parts = {"protocol": "{protocol: p, version: 1, title: t}", "facts": facts}
    parts["eligibility"] = criteria
    with pytest.raises(InputRejected) as refused:
        protocol_of({f"{name}.yaml": text.encode() for name, text in parts.items()}, "pack")
    (fault,) = refused.value.faults
    assert fault.hint == "write the limit in `wk`"
