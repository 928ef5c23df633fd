"""Ratios of other kinds in packs and subjects: refused, or turned as the dictionary states."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.decide.decision import Screener
from engine.exchange.fhir.unit import Unusable, unit_of
from engine.exchange.questionnaire import questionnaire
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms import UNBOUNDED, Protocol, Reading
from engine.terms.faults import InputRejected
from tests.generators import json_text

AS_OF = date(2026, 11, 20)
HBA1C = {
    "ask": "HbA1c",
    "type": "quantity",
    "unit": "%",
    "changes": "never",
    "also_in": {"mmol/mol": {"times": Decimal("0.0915"), "plus": Decimal("2.15")}},
}


def pack(fact: dict[str, Any], *tests: Any) -> Protocol:
    criteria = [
        {"id": f"C{n}", "kind": "inclusion", "text": "t", "holds_when": {"hba1c": test}}
        for n, test in enumerate(tests or [{"at_least": 7}])
    ]
    parts = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": {"facts": {"hba1c": fact}},
        "eligibility": {"criteria": criteria},
    }
    contents = {f"{name}.json": json_text(value).encode() for name, value in parts.items()}
    return protocol_of(contents, "pack")


def faults(fact: dict[str, Any], *tests: Any) -> list[str]:
    with pytest.raises(InputRejected) as rejected:
        pack(fact, *tests)
    return [fault.message for fault in rejected.value.faults]


def reading(protocol: Protocol, value: Any) -> Reading:
    """What a value comes to, by both derivations, which agree."""
    text = json_text({"subject": "S", "facts": {"hba1c": value}})
    subject = read_subject(text.encode(), "s.json", protocol)
    found = find_readings(protocol, subject, AS_OF)["hba1c"].reading
    assert found == reference.readings(protocol, subject, AS_OF)["hba1c"]
    return found


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("100 mmol/mol", 11_300_000, 11_300_000),
        ("65 mmol/mol", 8_097_500, 8_097_500),
        ("0.1 mol/mol", 11_300_000, 11_300_000),
        ("53.0001 mmol/mol", 6_999_509, 6_999_510),  # 6.99950915: outward, to both sides
        ("<53 mmol/mol", None, 6_999_499),
        (">53.0001 mmol/mol", 6_999_509, None),
        ("<=53.0001 mmol/mol", None, 6_999_510),
        ("8.1", 8_100_000, 8_100_000),
        ("81 [ppth]", 8_100_000, 8_100_000),
    ],
)
def test_a_value_is_turned_as_the_dictionary_states(
    value: str, low: int | None, high: int | None
) -> None:
    found = reading(pack(HBA1C), value)
    ends = (-UNBOUNDED if low is None else low, UNBOUNDED if high is None else high)
    assert (found.low, found.high) == ends


@pytest.mark.parametrize("unit", ["mmol/mol", "mg/g", "1", "{fraction}", "/100{WBC}", "L/L"])
def test_without_that_no_other_kind_is_read(unit: str) -> None:
    protocol = pack({key: value for key, value in HBA1C.items() if key != "also_in"})
    with pytest.raises(InputRejected) as rejected:
        reading(protocol, {"value": 10, "unit": unit})
    (fault,) = rejected.value.faults
    assert fault.message == (
        f"`{unit}` does not convert to `%`: they are ratios of different kinds"
    )


def test_a_limit_may_stand_in_that_unit() -> None:
    protocol = pack(
        HBA1C, {"at_least": "53 mmol/mol"}, {"below": {"value": 53, "unit": "mmol/mol"}}
    )
    truths = {"53 mmol/mol": ["yes", "no"], "6.9994": ["no", "yes"], "52 mmol/mol": ["no", "yes"]}
    with Screener(protocol) as screener:
        for value, answers in truths.items():
            text = json_text({"subject": "S", "facts": {"hba1c": value}})
            subject = read_subject(text.encode(), "s.json", protocol)
            decision = screener.decide(subject, AS_OF)
            assert [one["answer"] for one in decision["criteria"]] == answers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"also_in": {}}, "an empty `also_in` says nothing"),
        ({"also_in": {"mmol/mol": {}}}, "`times` is missing here"),
        ({"also_in": {"mmol/mol": {"times": 0}}}, "`times` is above zero"),
        ({"also_in": {"mmols": {"times": 1}}}, "`mmols` is not a UCUM unit"),
        ({"also_in": {"[ppm]": {"times": 1}}}, "`[ppm]` converts to `%` without `also_in`"),
        (
            {"also_in": {"mol/mol": {"times": 100}, "mmol/mol": {"times": 1}}},
            "`mmol/mol` converts by another unit of this `also_in`",
        ),
        ({"unit": "d", "also_in": {"mo": {"times": 30}}}, "`mo` converts to `d` without `also_in`"),
    ],
)
def test_a_conversion_that_says_nothing_or_too_much_is_a_fault(
    change: dict[str, Any], message: str
) -> None:
    assert faults(HBA1C | change) == [message]


def test_a_limit_between_two_millionths_is_a_fault() -> None:
    assert faults(HBA1C, {"at_least": "53.0001 mmol/mol"}) == [
        "this limit is no whole number of millionths of `%`"
    ]
    assert faults(HBA1C, {"at_least": "53 mg/g"}) == [
        "`mg/g` does not convert to `%`: they are ratios of different kinds"
    ]


def test_forms_and_feeds_take_that_unit_and_no_other() -> None:
    protocol = pack(HBA1C)
    target = protocol.facts["hba1c"]
    assert unit_of([], {"value": 53, "code": "mmol/mol"}, {}, target) == "mmol/mol"
    with pytest.raises(Unusable, match="ratios of different kinds"):
        unit_of([], {"value": 53, "code": "mg/g"}, {}, target)
    assert '"mmol/mol"' in json_text(questionnaire(protocol))
