"""Conditions of two keys: so many of several, and requirements that apply only to some."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.plan.plan import plan_of
from engine.plan.planner import Planner
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
FACTS = """
facts:
  a: {ask: A, type: boolean, changes: never}
  b: {ask: B, type: boolean, changes: never}
  c: {ask: C, type: boolean, changes: never}
"""


def pack(rule: str, kind: str = "inclusion", definitions: str = "{}") -> m.Protocol:
    parts = {
        "protocol.yaml": b'{protocol: pairs, version: "1", title: Pairs}',
        "facts.yaml": FACTS.encode(),
        "eligibility.yaml": f"""
definitions: {definitions}
criteria:
- {{id: X1, kind: {kind}, text: X, holds_when: {rule}}}
""".replace("definitions: {}\n", "").encode(),
    }
    return protocol_of(parts, "pairs")


def decided(protocol: m.Protocol, values: str) -> Any:
    """What comes of facts that are true (T), false (F) or not recorded (U)."""
    known = {"T": "true", "F": "false"}
    facts = ", ".join(f"{n}: {known[v]}" for n, v in zip("abc", values, strict=True) if v in known)
    subject = read_subject(f"{{subject: S, facts: {{{facts}}}}}\n...\n".encode(), "s", protocol)
    with Screener(protocol) as screener:
        return screener.decide(subject, AS_OF)


TWO_OF_THREE = "{at_least: 2, of: [{a: true}, {b: true}, {c: true}]}"


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ("TTT", "true"), ("TTF", "true"), ("TFT", "true"), ("TTU", "true"), ("UTT", "true"),
        ("TFF", "false"), ("FFF", "false"), ("FFU", "false"), ("UFF", "false"),
        ("TFU", "unknown"), ("TUU", "unknown"), ("UUU", "unknown"), ("FUU", "unknown"),
    ],
)  # fmt: skip
def test_so_many_of_several(values: str, truth: str) -> None:
    (criterion,) = decided(pack(TWO_OF_THREE), values)["criteria"]
    assert criterion["why"]["truth"] == truth
    assert criterion["why"]["condition"] == "at least 2 of"


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ("TTU", "true"), ("TFU", "false"), ("TUU", "unknown"),
        ("FTU", "true"), ("FFU", "true"), ("FUU", "true"),
        ("UTU", "true"), ("UFU", "unknown"), ("UUU", "unknown"),
    ],
)  # fmt: skip
def test_what_is_required_of_some(values: str, truth: str) -> None:
    decision = decided(pack("{when: {a: true}, require: {b: true}}"), values)
    (criterion,) = decision["criteria"]
    why = criterion["why"]
    assert why["truth"] == truth
    assert why["condition"] == "where the first applies, the second is required"
    assert why["children"][0]["condition"] == "does not apply: not"


def test_a_plan_does_not_ask_for_what_does_not_apply() -> None:
    protocol = pack("{when: {a: true}, require: {b: true}}")
    subject = read_subject(b"{subject: S, facts: {a: false}}\n...\n", "s", protocol)
    with Screener(protocol) as screener:
        plan = plan_of(Planner(screener), subject, AS_OF)
    assert plan["verdict"] == "eligible" and plan["collect"]["needed"] == []


BAD = {
    "{at_least: 0, of: [{a: true}]}": "range",
    "{at_least: 3, of: [{a: true}, {b: true}]}": "range",
    "{at_least: 1, of: []}": "range",
    "{at_least: two, of: [{a: true}, {b: true}]}": "type",
    "{at_least: 2, of: [{a: true}, {a: true}, {b: true}]}": "condition",
    "{at_least: 1, of: [{a: true}, {d: true}]}": "unknown-fact",
    "{at_least: 1, of: [{a: true}], not: {b: true}}": "condition",
    "{when: {a: true}, require: {b: true}, then: {c: true}}": "condition",
    "{not: {when: {a: true}, require: {b: true}}}": "condition",
    "{any: [{c: true}, {not: {not: {when: {a: true}, require: {b: true}}}}]}": "condition",
    "{when: {when: {a: true}, require: {b: true}}, require: {c: true}}": "condition",
}


@pytest.mark.parametrize("rule", BAD)
def test_what_would_be_read_otherwise_is_a_fault(rule: str) -> None:
    with pytest.raises(InputRejected) as rejected:
        pack(rule)
    assert {fault.code for fault in rejected.value.faults} == {BAD[rule]}


def test_a_requirement_in_an_exclusion_is_a_fault_through_definitions_too() -> None:
    rule = "{when: {a: true}, require: {b: true}}"
    for kind, condition, definitions in (
        ("exclusion", rule, "{}"),
        ("exclusion", "{defined: d}", f"{{d: {rule}}}"),
        ("inclusion", "{not: {defined: d}}", f"{{d: {rule}}}"),
    ):
        with pytest.raises(InputRejected, match="1 fault"):
            pack(condition, kind, definitions)
    assert pack("{all: [{defined: d}, {c: true}]}", "inclusion", f"{{d: {rule}}}").criteria


@pytest.mark.parametrize(
    "parts",
    [
        "{all: [{a: true}]}, {a: true}",
        "{all: [{a: true}, {b: true}]}, {all: [{b: true}, {a: true}]}",
        "{all: [{a: true}, {all: [{b: true}, {c: true}]}]}, "
        "{all: [{a: true}, {b: true}, {c: true}]}",
        "{a: true}, {not: {a: false}}",
        "{not: {not: {any: [{a: true}, {b: true}]}}}, {any: [{b: true}, {a: true}, {b: true}]}",
    ],
)
def test_one_thing_in_other_words_does_not_count_as_two(parts: str) -> None:
    with pytest.raises(InputRejected) as rejected:
        pack(f"{{at_least: 2, of: [{parts}, {{c: true}}]}}")
    assert {fault.code for fault in rejected.value.faults} == {"condition"}


@pytest.mark.parametrize("rule", ["{when: {a: true}}", "{at_least: 2}", "{of: [{a: true}]}"])
def test_half_of_a_pair_says_what_the_other_half_is(rule: str) -> None:
    with pytest.raises(InputRejected) as rejected:
        pack(rule)
    (fault,) = rejected.value.faults
    assert "require:" in fault.hint or "of:" in fault.hint


def test_two_that_mean_the_same_through_a_definition_do_not_count_as_two() -> None:
    rule = "{at_least: 2, of: [{a: true}, {defined: d}, {b: true}]}"
    with pytest.raises(InputRejected) as rejected:
        pack(rule, "inclusion", "{d: {a: true}}")
    (fault,) = rejected.value.faults
    assert "mean the same" in fault.message


def test_a_plan_for_so_many_of_many_ends() -> None:
    names = [f"f{n}" for n in range(40)]
    facts = "".join(f"  {name}: {{ask: {name}, type: boolean}}\n" for name in names)
    listed = ", ".join(f"{{{name}: true}}" for name in names)
    parts = {
        "protocol.yaml": b'{protocol: many, version: "1", title: Many}',
        "facts.yaml": f"facts:\n{facts}".replace("boolean}", "boolean, changes: never}").encode(),
        "eligibility.yaml": f"""
criteria:
- {{id: X1, kind: inclusion, text: X, holds_when: {{at_least: 20, of: [{listed}]}}}}
""".encode(),
    }
    protocol = protocol_of(parts, "many")
    known = ", ".join(f"{name}: true" for name in names[:19])
    subject = read_subject(f"{{subject: S, facts: {{{known}}}}}\n...\n".encode(), "s", protocol)
    with Screener(protocol) as screener:
        plan = plan_of(Planner(screener), subject, AS_OF)
    assert plan["collect"]["possible"] == ["eligible", "ineligible"]
    assert {one["collect"] for one in plan["collect"]["needed"]} <= {*names[19:]}
