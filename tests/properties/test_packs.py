"""What writing a pack otherwise can do to a decision: SEMANTICS section 8, about packs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.decide.decision import Screener
from engine.record.shape import Decision
from engine.reference import evaluator as reference
from tests.generators import (
    LONG,
    Case,
    Choices,
    Plain,
    Seeded,
    case,
    condition,
    protocol_in,
    subject_in,
)

EXAMPLES = settings(max_examples=1_500 if LONG else 30)
SUBJECTS = 6
PACKS = st.integers(0, 10**6)
SEEDS = st.integers(0, 2**32)


@contextmanager
def made(seed: int) -> Iterator[Case]:
    one = case(seed)
    try:
        yield one
    finally:
        one.close()


def both(one: Case, parts: dict[str, Plain], c: Choices) -> Iterator[tuple[Decision, Decision]]:
    """Decisions on the same subjects, with the pack as it was and as it is written now."""
    protocol = protocol_in(parts)
    with Screener(protocol) as screener:
        for _ in range(SUBJECTS):
            recorded, as_of = one.subject(c)
            before = one.screener.decide(subject_in(recorded, one.protocol), as_of)
            yield before, screener.decide(subject_in(recorded, protocol), as_of)


def statuses(decision: Decision) -> dict[str, tuple[m.Answer, m.Status]]:
    return {found["id"]: (found["answer"], found["status"]) for found in decision["criteria"]}


def rewritten(c: Choices, value: Any) -> Any:
    """The same, in another order wherever order should say nothing."""
    if isinstance(value, Mapping):
        return {
            key: value[key] if key in ("range", "usual", "between") else rewritten(c, value[key])
            for key in c.shuffled(list(value))
        }
    if isinstance(value, list):
        return [rewritten(c, item) for item in c.shuffled(value)]
    return value


@given(PACKS, SEEDS)
@EXAMPLES
def test_the_order_in_which_a_pack_is_written_does_not_matter(pack: int, seed: int) -> None:
    c = Seeded(seed)
    with made(pack) as one:
        for before, after in both(one, rewritten(c, one.parts), c):
            assert statuses(after) == statuses(before)
            assert after["verdict"] == before["verdict"]


@given(PACKS, SEEDS)
@EXAMPLES
def test_repeating_a_criterion_does_not_matter(pack: int, seed: int) -> None:
    c = Seeded(seed)
    with made(pack) as one:
        parts = deepcopy(one.parts)
        criteria = parts["eligibility"]["criteria"]
        original = c.of(criteria)
        criteria.insert(c.whole(0, len(criteria)), {**original, "id": "AGAIN1"})
        for before, after in both(one, parts, c):
            found = statuses(after)
            assert found.pop("AGAIN1") == found[original["id"]]
            assert found == statuses(before)
            assert after["verdict"] == before["verdict"]


@given(PACKS, SEEDS)
@EXAMPLES
def test_adding_a_criterion_never_makes_anyone_eligible(pack: int, seed: int) -> None:
    c = Seeded(seed)
    with made(pack) as one:
        parts = deepcopy(one.parts)
        facts, defined = parts["facts"]["facts"], list(parts["eligibility"].get("definitions", {}))
        new: Plain = {"id": "NEW1", "kind": c.of(["inclusion", "exclusion"]), "text": "new"}
        new["holds_when"] = condition(c, facts, defined, 3, one.as_of)
        criteria = parts["eligibility"]["criteria"]
        criteria.insert(c.whole(0, len(criteria)), new)
        for before, after in both(one, parts, c):
            found = statuses(after)
            del found["NEW1"]
            assert found == statuses(before)
            if after["verdict"] == "eligible":
                assert before["verdict"] == "eligible"
            if before["verdict"] == "ineligible":
                assert after["verdict"] == "ineligible"


# --- a limit with a unit of its own ----------------------------------------------------------

FACTS: dict[str, Plain] = {
    "creatinine": {
        "ask": "C",
        "type": "quantity",
        "unit": "mg/dL",
        "molar_mass": Decimal("113.12"),
    },
    "weight": {"ask": "W", "type": "quantity", "unit": "kg"},
    "temperature": {"ask": "T", "type": "quantity", "unit": "Cel"},
    "platelets": {"ask": "P", "type": "quantity", "unit": "10*9/L"},
    "blasts": {"ask": "B", "type": "quantity", "unit": "%"},
}


def limits(fact: str, limit: object) -> set[int]:
    """What a limit comes to, in millionths of the fact's unit, under every operator."""
    tests = [{op: limit} for op in ("at_least", "above", "at_most", "below")]
    parts: dict[str, Plain] = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": {"facts": {name: one | {"changes": "never"} for name, one in FACTS.items()}},
        "eligibility": {
            "criteria": [
                {"id": f"C{n}", "kind": "inclusion", "text": "T", "holds_when": {fact: test}}
                for n, test in enumerate([*tests, {"between": [limit, limit]}])
            ]
        },
    }
    found = set()
    for criterion in protocol_in(parts).criteria:
        test = criterion.holds_when
        assert isinstance(test, m.LimitTest | m.BetweenTest)
        found |= {test.limit_u} if isinstance(test, m.LimitTest) else {test.low_u, test.high_u}
    return found


@pytest.mark.parametrize(
    ("fact", "number", "unit", "comes_to"),
    [
        ("creatinine", "150", "umol/L", 1_696_800),  # 150 x 113.12 / 10,000
        ("creatinine", "0.1", "mmol/L", 1_131_200),
        ("creatinine", "12", "mg/L", 1_200_000),
        ("creatinine", "1.5", "mg/dL", 1_500_000),
        ("creatinine", "10.000005", "mg/L", 1_000_000),  # a tie goes to the even one
        ("creatinine", "10.000015", "mg/L", 1_000_002),
        ("weight", "6500", "g", 6_500_000),
        ("temperature", "100.4", "[degF]", 38_000_000),
        ("temperature", "311.15", "K", 38_000_000),
        ("platelets", "50000", "/uL", 50_000_000),
        ("blasts", "50", "[ppth]", 5_000_000),
    ],
)
def test_a_limit_is_converted_as_its_unit_says(
    fact: str, number: str, unit: str, comes_to: int
) -> None:
    exact = Decimal(number)
    forms: list[object] = [{"value": exact, "unit": unit}, {"value": number, "unit": unit}]
    forms.append(f"{number} {unit}")
    for form in forms:
        assert limits(fact, form) == {comes_to}, form
    own = exact if unit == FACTS[fact]["unit"] else Decimal(comes_to).scaleb(-6)
    assert limits(fact, own) == {comes_to}


@given(st.sampled_from([("creatinine", "umol/L"), ("creatinine", "mg/L"), ("weight", "g"),
                        ("temperature", "[degF]"), ("platelets", "/uL")]),
       st.integers(1, 10**9))  # fmt: skip
@settings(max_examples=2_000 if LONG else 60)
def test_a_limit_means_what_the_same_result_means(pair: tuple[str, str], millionths: int) -> None:
    """A result that stands on a limit, number and unit alike, meets it and is not beyond it."""
    fact, unit = pair
    stated = {"value": Decimal(millionths).scaleb(-6), "unit": unit}
    parts: dict[str, Plain] = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": {"facts": {fact: FACTS[fact] | {"changes": "never"}}},
        "eligibility": {
            "criteria": [
                {"id": f"C{n}", "kind": "inclusion", "text": "T", "holds_when": {fact: test}}
                for n, test in enumerate(
                    {op: stated} for op in ("at_least", "at_most", "above", "below")
                )
            ]
        },
    }
    protocol = protocol_in(parts)
    subject = subject_in({"subject": "S", "facts": {fact: stated}}, protocol)
    as_of = date(2026, 11, 20)
    truths = reference.truths(protocol, reference.readings(protocol, subject, as_of), as_of)
    assert [truths[f"C{n}"] for n in range(4)] == ["true", "true", "false", "false"]
