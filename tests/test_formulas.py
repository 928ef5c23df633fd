"""Formulas over facts: units, intervals, points, days that must lie together."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
FACTS = """
  weight: {ask: Weight, type: quantity, unit: kg, range: [0, 300], valid_for: 30 days}
  height: {ask: Height, type: quantity, unit: cm, valid_for: 30 days}
  born_height: {ask: Length at birth, type: quantity, unit: cm, changes: never}
  a: {ask: A, type: quantity, valid_for: 30 days}
  b: {ask: B, type: quantity, valid_for: 30 days}
  c: {ask: C, type: quantity, valid_for: 30 days}
  mild: {ask: Mild, type: choice, choices: [no, some, much], points: {no: 0, some: 1, much: 2.5},
    valid_for: 30 days}
  plain: {ask: Plain, type: choice, choices: [x, y], valid_for: 30 days}
  ill: {ask: Ill, type: boolean, valid_for: 30 days}
  fever: {ask: Fever, type: quantity, unit: Cel, valid_for: 30 days}
"""


def pack(derive: str, unit: str = "1") -> m.Protocol:
    worked = f'  worked: {{ask: W, type: quantity, unit: "{unit}", derive: {{{derive}}}}}\n'
    parts = {
        "protocol.yaml": b'{protocol: formulas, version: "1", title: Formulas}',
        "facts.yaml": f"facts:{FACTS}{worked}".encode(),
        "eligibility.yaml": b"""
criteria:
- {id: I01, kind: inclusion, text: W, holds_when: {worked: {at_least: 25}}}
""",
    }
    return protocol_of(parts, "formulas")


def reading(protocol: m.Protocol, facts: str) -> m.Reading:
    subject = read_subject(f"{{subject: S, facts: {{{facts}}}}}\n...\n".encode(), "s", protocol)
    return reference.readings(protocol, subject, AS_OF)["worked"]


def ends(protocol: m.Protocol, facts: str) -> tuple[Any, Any, Any]:
    found = reading(protocol, facts)
    return found.low, found.high, found.reason


ON = "on: 2026-11-19"


@pytest.mark.parametrize(
    ("formula", "unit", "facts", "low", "high"),
    [
        # 80 kg and 180 cm: 24.691358..., rounded outward.
        ("weight / (height * height)", "kg/m2",
         f"weight: {{value: 80, {ON}}}, height: {{value: 180, {ON}}}", 24_691_358, 24_691_359),
        ("weight / (height * height)", "kg/m2",
         f"weight: {{value: 72.25, {ON}}}, height: {{value: 1.7, unit: m, {ON}}}", 25_000_000,
         25_000_000),
        ("a + b", "1", f"a: {{value: 1.5, {ON}}}, b: {{value: 2, {ON}}}", 3_500_000, 3_500_000),
        ("a - b * 2", "1", f"a: {{value: 1, {ON}}}, b: {{value: 2, {ON}}}", -3_000_000, -3_000_000),
        ("a / b", "1", f"a: {{value: 1, {ON}}}, b: {{value: 3, {ON}}}", 333_333, 333_334),
        ("-a", "1", f"a: {{value: 1, {ON}}}", -1_000_000, -1_000_000),
        ("min(a, b, 0.5)", "1", f"a: {{value: 1, {ON}}}, b: {{value: 2, {ON}}}", 500_000, 500_000),
        ("max(a, b)", "1", f"a: {{value: 1, {ON}}}, b: {{value: 2, {ON}}}", 2_000_000, 2_000_000),
        ("mild + mild", "1", f"mild: {{value: much, {ON}}}", 5_000_000, 5_000_000),
        ("100 * a / b", "%", f"a: {{value: 1, {ON}}}, b: {{value: 4, {ON}}}", 25_000_000,
         25_000_000),
        # A censored weight is anything in its range.
        ("weight * 2", "kg", f'weight: {{value: ">100", {ON}}}', 200_000_002, 600_000_000),
        # Without a range there is no end.
        ("a * b", "1", f'a: {{value: ">=2", {ON}}}, b: {{value: -1, {ON}}}', -m.UNBOUNDED,
         -2_000_000),
        ("a * b", "1", f'a: {{value: ">=2", {ON}}}, b: {{value: 0, {ON}}}', 0, 0),
        ("1 / a", "1", f'a: {{value: ">=2", {ON}}}', 0, 500_000),
    ],
)  # fmt: skip
def test_what_a_formula_comes_to(formula: str, unit: str, facts: str, low: int, high: int) -> None:
    protocol = pack(f'formula: "{formula}"', unit)
    found = ends(protocol, facts)
    assert found == (low, high, None if low == high else "imprecise")
    subject = read_subject(f"{{subject: S, facts: {{{facts}}}}}\n...\n".encode(), "s", protocol)
    with Screener(protocol) as screener:
        record = screener.decide(subject, AS_OF)
    worked = record["criteria"][0]["why"]["reading"]
    assert worked["follows_from"][0].startswith(f"{formula} = ")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (f"a: {{value: 1, {ON}}}", "not_recorded"),
        (f"a: {{value: 1, on: 2026-01-01}}, b: {{value: 1, {ON}}}", "out_of_date"),
        (f"a: {{value: 1, {ON}}}, b: {{value: 0, {ON}}}", "no_divisor"),
        (f'a: {{value: 1, {ON}}}, b: {{value: "<1", {ON}}}', "no_divisor"),
    ],
)
def test_what_cannot_be_worked_out_is_unknown(facts: str, reason: str) -> None:
    assert ends(pack('formula: "a / b"'), facts) == (None, None, reason)


@pytest.mark.parametrize(
    ("weight", "height", "known"),
    [("on: 2026-11-19", "on: 2026-11-12", True), ("on: 2026-11-19", "on: 2026-11-11", False)],
)
def test_inputs_must_lie_together(weight: str, height: str, known: bool) -> None:
    protocol = pack('formula: "weight / (height * height)", within: 7 days', "kg/m2")
    facts = f"weight: {{value: 80, {weight}}}, height: {{value: 180, {height}}}"
    assert (reading(protocol, facts).reason != "not_together") == known
    lasting = pack('formula: "weight * born_height", within: 7 days', "kg.cm")
    assert (
        reading(lasting, "weight: {value: 3, on: 2026-11-19}, born_height: 50").low == 150_000_000
    )


BAD = (
    "weight + a", "weight * fever", "ill + a", "plain + a", "nope + a", "a +", "(a", "a b",
    "a ** b", "weight / height", "a % b", "min(a", "", "worked + 1", "1.0000001 * a",
)  # fmt: skip


@pytest.mark.parametrize("formula", BAD)
def test_a_formula_that_cannot_be_meant_is_a_fault(formula: str) -> None:
    with pytest.raises(InputRejected) as rejected:
        pack(f'formula: "{formula}"')
    for fault in rejected.value.faults:
        assert fault.code in ("formula", "cycle", "type", "missing-key", "blank"), fault
        assert fault.span.path.endswith("facts.yaml") and fault.span.line > 1


@pytest.mark.parametrize("points", ["{no: 0, some: 1}", "{no: 0, some: 1, much: 2, more: 3}"])
def test_every_code_has_points(points: str) -> None:
    parts = {
        "protocol.yaml": b'{protocol: p, version: "1", title: P}',
        "facts.yaml": f"facts:{FACTS}".replace("{no: 0, some: 1, much: 2.5}", points).encode(),
        "eligibility.yaml": b"criteria: [{id: I1, kind: inclusion, text: x,"
        b" holds_when: {ill: true}}]",
    }
    with pytest.raises(InputRejected):
        protocol_of(parts, "p")


WORKED = pack('formula: "(a - b / c) * a"')


@given(st.integers(-40, 40), st.integers(-40, 40), st.integers(1, 40))
def test_exact_fractions_are_rounded_outward_once(a: int, b: int, c: int) -> None:
    stated = ", ".join(f"{n}: {{value: {v}, {ON}}}" for n, v in (("a", a), ("b", b), ("c", c)))
    found = reading(WORKED, stated)
    exact = (Fraction(a) - Fraction(b) / c) * a * m.MILLION
    assert found.low is not None and found.high is not None
    assert found.low <= exact <= found.high <= found.low + 1
    assert (found.low == found.high) == (exact.denominator == 1)
