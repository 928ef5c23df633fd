# ruff: noqa: E501 (tables: a case a line reads best)
"""What the values of one recorded fact come to: the highest of a month, their mean, the last."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.record.wording import number_value
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)


def pack(derive: str, fact: str = "", holds: str = "{at_least: 5}", unit: str = "") -> m.Protocol:
    lab = f"{{ask: Lab, type: quantity, unit: mg/dL, range: [0, 100]{fact}}}"
    x = f"{{ask: X, type: quantity, {unit}derive: {derive}}}"
    facts = f"facts: {{x: {x}, lab: {lab}, flag: {{ask: F, type: boolean}}}}\n"
    rule = f"criteria: [{{id: I1, kind: inclusion, text: t, holds_when: {{x: {holds}}}}}]\n"
    return protocol_of(
        {
            "protocol.yaml": b"{protocol: P, version: 1, title: T}\n",
            "facts.yaml": facts.encode(),
            "eligibility.yaml": rule.encode(),
        },
        "p",
    )


def subject(protocol: m.Protocol, stated: list[str]) -> m.Subject:
    text = f"{{subject: S, facts: {{lab: [{', '.join(stated)}]}}}}\n"
    return read_subject(text.encode(), "s.yaml", protocol)


def found(derive: str, stated: list[str], fact: str = "", as_of: date = AS_OF) -> object:
    """The ends, or the reason, the same by both derivations."""
    protocol = pack(derive, fact)
    one = subject(protocol, stated)
    reading = find_readings(protocol, one, as_of)["x"].reading
    assert reading == reference.readings(protocol, one, as_of)["x"]
    if reading.low is None or reading.high is None:
        return reading.reason
    ends = [None if abs(n) == m.UNBOUNDED else number_value(n) for n in (reading.low, reading.high)]
    return ends[0] if ends[0] == ends[1] and ends[0] is not None else tuple(ends)


NOW, OLD = "{value: 3, on: 2026-11-20}", "{value: 7, on: 2026-11-01}"
PAST = "{value: 50, on: 2026-10-22}"


@pytest.mark.parametrize(
    ("way", "stated", "comes_to"),
    [
        ("highest", [NOW, OLD, PAST], 7),
        ("lowest", [NOW, OLD, PAST], 3),
        ("mean", [NOW, OLD, PAST], 5),
        ("last", [NOW, OLD, PAST], 3),
        ("first", [NOW, OLD, PAST], 7),
        ("highest", [NOW, "{value: 50, on: 2026-10-23}"], 50),  # 28 days ago
        ("highest", [NOW, "{value: 50, on: 2026-10}"], (3, 50)),
        ("highest", [NOW, "{value: 50, on: 2026-09}"], 3),
        ("highest", [NOW, "{value: 50, not_after: 2026-11-01}"], (3, 50)),
        ("highest", [NOW, "{value: 50, not_after: 2026-10-01}"], 3),
        ("highest", [NOW, "{value: 50}"], (3, 50)),
        ("last", [NOW, "{value: 50}"], (3, 50)),
        ("first", [NOW, OLD, "{value: 50}"], (7, 50)),
        ("highest", [NOW, "{value: '>5', on: 2026-11-01}"], (5.000001, 100)),
        ("highest", [NOW, "{value: 50, on: 2026-12-01}"], 3),
        ("highest", [NOW, "{value: 50, on: 2026-11-01, voided: wrong tube}"], 3),
        # A statement that says `unknown`, inside the window or perhaps.
        ("highest", [NOW, "{unknown: pending, on: 2026-11-01}"], "pending"),
        ("highest", [NOW, "{unknown: not_done, on: 2026-11-01}"], "not_done"),
        ("highest", [NOW, "{unknown: not_done, on: 2026-10-01}"], 3),
        ("highest", [NOW, "{unknown: not_done, on: 2026-10}"], "not_done"),
        # The values are complete if the fact itself is known.
        ("highest", [NOW, "{value: 4, on: 2026-11-20}"], (4, None)),
        ("lowest", [NOW, "{value: 4, on: 2026-11-20}"], (None, 3)),
        ("mean", [NOW, "{value: 4, on: 2026-11-20}"], "conflicting"),
        ("highest", [PAST], "no_entry"),
        ("highest", [], "not_recorded"),
        ("highest", ["{value: 50, on: 2026-12-01}"], "not_yet"),
        ("highest", ["{value: 50}"], "no_entry"),
    ],
)  # fmt: skip
def test_of_the_last_four_weeks(way: str, stated: list[str], comes_to: object) -> None:
    assert found(f"{{{way}: lab, within_last: 28 days}}", stated) == comes_to


def test_without_a_window_every_value_counts() -> None:
    assert found("{highest: lab}", [NOW, OLD, PAST]) == 50
    assert found("{highest: lab}", [NOW, "{value: 60}"]) == 60
    assert found("{mean: lab, at_least_entries: 3}", [NOW, OLD, PAST]) == 20
    assert found("{mean: lab, at_least_entries: 3}", [NOW, OLD]) == "too_few"
    assert found("{mean: lab, at_least_entries: 2}", [NOW, "{unknown: pending}"]) == "too_few"


def test_what_is_out_of_date_or_not_attested_is_not_complete() -> None:
    derive = "{highest: lab, within_last: 28 days}"
    assert found(derive, [OLD], ", valid_for: 7 days") == (7, None)
    assert found("{mean: lab, within_last: 28 days}", [OLD], ", valid_for: 7 days") == "out_of_date"
    attested = "{value: 3, on: 2026-11-20, by: Dr A}"
    assert found(derive, [attested, OLD], ", attested_by: physician") == "not_attested"
    assert found(derive, [attested, PAST], ", attested_by: physician") == 3


def test_nothing_that_counts_is_passed_over() -> None:
    protocol = pack("{highest: lab, within_last: 28 days}", holds="{at_most: 6}")
    with Screener(protocol) as screener:
        decision = screener.decide(subject(protocol, [NOW, OLD, PAST]), AS_OF)
    assert [one["where"] for one in decision["passed_over"]] == ["facts.lab[2]"]
    why = decision["criteria"][0]["why"]
    assert why["says"] == "X: 7 mg/dL. Asked: at most 6 mg/dL. This does not hold."
    assert why["reading"]["entries"] == ["facts.lab[1]"]
    assert why["reading"]["follows_from"] == ["Lab: 7 mg/dL (2026-11-01)"]


def test_a_mean_cites_all_that_give_it() -> None:
    protocol = pack("{mean: lab, within_last: 28 days}")
    with Screener(protocol) as screener:
        why = screener.decide(subject(protocol, [NOW, OLD, PAST]), AS_OF)["criteria"][0]["why"]
    assert why["says"] == "X: 5 mg/dL. Asked: at least 5 mg/dL. This holds."
    assert why["reading"]["entries"] == ["facts.lab[0]", "facts.lab[1]"]
    assert why["reading"]["follows_from"] == [
        "Lab: 3 mg/dL (2026-11-20)",
        "Lab: 7 mg/dL (2026-11-01)",
    ]
    assert "entry" not in why["reading"] and "on" not in why["reading"]


@pytest.mark.parametrize("way", ["highest", "lowest", "mean", "last", "first"])
@pytest.mark.parametrize("within", ["", ", within_last: 10 days", ", within_last: 1 month"])
@pytest.mark.parametrize(
    "stated",
    [
        [OLD],
        ["{value: 3, on: 2026-11}", OLD],
        [NOW, OLD, "{value: 9, on: 2026-11-24}"],
        ["{value: 3, not_after: 2026-11-15}", "{value: 9, on: 2026-11-10}"],
        ["{value: 3, on: 2026-10-31}", "{value: 8, on: 2026-11-19}"],
        [NOW, "{unknown: pending, on: 2026-11-02}"],
    ],
)
def test_the_day_to_look_again_is_not_late(way: str, within: str, stated: list[str]) -> None:
    protocol = pack(f"{{{way}: lab{within}}}", ", valid_for: 14 days")
    one = subject(protocol, stated)
    with Screener(protocol) as screener:
        first = screener.decide(one, AS_OF)
        named = first["look_again"]["on"] if first["look_again"] else "9999-12-31"
        for ahead in range(1, 40):
            day = AS_OF + timedelta(days=ahead)
            if day.isoformat() >= named:
                break
            assert screener.decide(one, day)["verdict"] == first["verdict"], day


def test_the_unit_is_the_facts_wherever_it_stands() -> None:
    assert pack("{highest: lab}").facts["x"].unit == "mg/dL"


@pytest.mark.parametrize(
    ("derive", "unit", "fault"),
    [
        ("{highest: flag}", "", "misfit: `flag` is no recorded quantity (a number that is stated, with its day)"),
        ("{highest: labb}", "", "unknown-fact: there is no fact `labb` (did you mean `lab`?)"),
        ("{highest: x}", "", "misfit: `x` is no recorded quantity"),
        ("{highest: lab, where: {a: b}}", "", "misfit: `where` goes with a list; `lab` is a fact"),
        ("{last: lab, by: day}", "", "misfit: `by` goes with a list; `lab` is a fact"),
        ("{highest: lab, within_last: 28}", "", "duration: "),
        ("{highest: lab}", "unit: g/L, ", "unit: this derivation gives a number of `mg/dL` (write `unit: mg/dL`)"),
    ],
)  # fmt: skip
def test_a_slip_is_a_fault_with_a_hint(derive: str, unit: str, fault: str) -> None:
    with pytest.raises(InputRejected) as refused:
        pack(derive, unit=unit)
    said = [
        f"{one.code}: {one.message}{f' ({one.hint})' if one.hint else ''}"
        for one in refused.value.faults
    ]
    assert any(one.startswith(fault) for one in said), said
