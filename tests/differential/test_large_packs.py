"""Packs far larger than a protocol: the engine's limits are measured, and must not be met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.decide.decision import Screener
from engine.record.shape import Decision
from tests.generators import LONG, Plain, protocol_in, subject_in

AS_OF = date(2026, 11, 20)


@contextmanager
def pack(
    facts: Plain, criteria: Sequence[Plain], definitions: Plain | None = None
) -> Iterator[Any]:
    """A function that screens a mapping of facts; every decision is cross-checked."""
    eligibility: Plain = {
        "definitions": definitions or {},
        "criteria": [
            {"id": f"I{n}", "kind": "inclusion", "text": "t", "holds_when": condition}
            for n, condition in enumerate(criteria)
        ],
    }
    parts: dict[str, Plain] = {
        "protocol": {"protocol": "large", "version": "1", "title": "A large pack"},
        "facts": {"facts": facts},
        "eligibility": eligibility,
    }
    protocol = protocol_in(parts)
    with Screener(protocol) as screener:

        def screen(recorded: Plain) -> Decision:
            subject = subject_in({"subject": "S", "facts": recorded}, protocol)
            return screener.decide(subject, AS_OF)

        yield screen


def quantity(number: int = 0) -> Plain:
    return {"ask": f"Quantity {number}", "type": "quantity", "changes": "never"}


DATE = {"ask": "Day", "type": "date", "changes": "never"}


def test_any_of_forty_children() -> None:
    facts = {f"f{n}": quantity(n) for n in range(40)}
    children = [{f"f{n}": {"at_least": Decimal(n)}} for n in range(40)]
    with pack(facts, [{"any": children}]) as screen:
        low: Plain = {f"f{n}": Decimal(n - 1) for n in range(40)}
        assert screen(low)["verdict"] == "ineligible"
        for n in range(40):
            assert screen({**low, f"f{n}": Decimal(n)})["verdict"] == "eligible"
            assert screen({**low, f"f{n}": None})["verdict"] == "undetermined"
        assert screen({f"f{n}": Decimal(n) for n in range(40)})["verdict"] == "eligible"


def test_eighty_criteria() -> None:
    facts = {f"f{n}": quantity(n) for n in range(80)}
    criteria: list[Plain] = [{f"f{n}": {"at_most": Decimal(n)}} for n in range(80)]
    with pack(facts, criteria) as screen:
        good: Plain = {f"f{n}": Decimal(n) for n in range(80)}
        assert screen(good)["verdict"] == "eligible"
        for n in range(0, 80, 7):
            failed = screen({**good, f"f{n}": Decimal(n + 1)})
            assert (failed["verdict"], failed["determined_by"]) == ("ineligible", [f"I{n}"])
            assert screen({**good, f"f{n}": None})["determined_by"] == [f"I{n}"]


@pytest.mark.parametrize("leaves", [60, 300])
@pytest.mark.parametrize("op", ["at_least", "above", "at_most", "below", "at_least_uln", "between"])
def test_many_leaves_on_one_fact_satisfied_at_once(op: str, leaves: int) -> None:
    limits: list[Any] = [Decimal(n + 1) for n in range(leaves)]
    if op == "between":
        limits = [[Decimal(n + 1), Decimal(2 * leaves - n)] for n in range(leaves)]
    with pack(
        {"f": {**quantity(), "uln": Decimal(1)}}, [{"all": [{"f": {op: lim}} for lim in limits]}]
    ) as screen:
        verdicts = [
            screen({"f": value})["verdict"]
            for value in (Decimal(-1), Decimal(leaves), Decimal(leaves + 1), ">-1", None)
        ]
    up = ["ineligible", "eligible", "eligible", "undetermined", "undetermined"]
    expected = {
        "above": ["ineligible", "ineligible", *up[2:]],
        "at_most": ["eligible", "ineligible", "ineligible", *up[3:]],
        "below": ["eligible", "ineligible", "ineligible", *up[3:]],
    }
    assert verdicts == expected.get(op, up)


@pytest.mark.parametrize("op", ["at_least_ago", "more_than_ago", "within_last", "less_than_ago"])
def test_many_leaves_on_one_date(op: str) -> None:
    spans = [f"{n} days" for n in range(1, 151)] + [f"{n} months" for n in range(1, 151)]
    with pack({"d": DATE}, [{"all": [{"d": {op: span}} for span in spans]}]) as screen:
        verdicts = [
            screen({"d": day})["verdict"]
            for day in ("1990-01-01", "2026-11-20", "2026-11", "2026", "never", None)
        ]
    long_ago = op in ("at_least_ago", "more_than_ago")
    assert verdicts[0] == verdicts[4] == ("eligible" if long_ago else "ineligible")
    assert verdicts[1] == ("ineligible" if long_ago else "eligible")
    assert verdicts[5] == "undetermined"


def test_many_leaves_on_each_of_many_facts() -> None:
    """As many conditions as can be, satisfied at once where readings share an engine fact."""
    facts: Plain = {f"f{n}": {**quantity(n), "uln": Decimal(1)} for n in range(26)}
    facts |= {f"d{n}": DATE for n in range(26)}
    tests: list[Plain] = [{"between": [Decimal(n), Decimal(100 - n)]} for n in range(1, 7)]
    tests += [{op: Decimal(n)} for n in (2, 3) for op in ("at_least_uln", "above_uln")]
    dates: list[Plain] = [{"within_last": f"{n} {u}"} for n in (3, 4) for u in ("months", "years")]
    dates += [{"less_than_ago": f"{n} months"} for n in (5, 6)]
    dates += [{"more_than_ago": f"{n} {u}"} for n in (1, 2) for u in ("days", "months")]
    leaves = [{f"f{n}": test} for n in range(26) for test in tests]
    leaves += [{f"d{n}": test} for n in range(26) for test in dates]
    with pack(facts, [{"all": leaves}]) as screen:
        good: Plain = {f"f{n}": Decimal(50) for n in range(26)}
        good |= {f"d{n}": "2026-09-19" for n in range(26)}
        assert screen(good)["verdict"] == "eligible"
        vague = {f"f{n}": ">5" for n in range(26)} | {f"d{n}": "2026" for n in range(26)}
        assert screen(vague)["verdict"] == "undetermined"
        assert screen({name: good[name] for name in list(good)[::2]})["verdict"] == "undetermined"
        late = good | {"d25": "2026-09-20"}
        assert screen(late)["verdict"] == "ineligible"


def test_conditions_nested_forty_deep() -> None:
    condition: Plain = {"f": {"at_least": Decimal(1)}}
    for _ in range(40):
        condition = {"not": condition}
    with pack({"f": quantity()}, [condition]) as screen:
        verdicts = [screen({"f": value})["verdict"] for value in (Decimal(1), Decimal(0), None)]
    assert verdicts == ["eligible", "ineligible", "undetermined"]


def test_definitions_nested_forty_deep() -> None:
    definitions: Plain = {"d0": {"f": {"at_least": Decimal(1)}}}
    for n in range(1, 40):
        word = "all" if n % 2 else "any"
        definitions[f"d{n}"] = {word: [{"defined": f"d{n - 1}"}, {"f": {"above": Decimal(0)}}]}
    with pack({"f": quantity()}, [{"defined": "d39"}], definitions) as screen:
        verdicts = [screen({"f": v})["verdict"] for v in (Decimal(1), Decimal("0.5"), None)]
    assert verdicts == ["eligible", "eligible", "undetermined"]


@pytest.mark.parametrize("facts", [100, 1] if LONG else [100])
def test_three_thousand_leaves(facts: int) -> None:
    """More rules than one ruleset holds: truths flow from one ruleset to the next."""
    dictionary = {f"f{n}": quantity(n) for n in range(facts)}
    leaves = [{f"f{n % facts}": {"at_least": Decimal(n // facts + 1)}} for n in range(3_000)]
    criteria = [{"all": leaves[n : n + 100]} for n in range(0, 3_000, 100)]
    last = 3_000 // facts
    with pack(dictionary, criteria) as screen:
        good: Plain = {f"f{n}": Decimal(last) for n in range(facts)}
        assert screen(good)["verdict"] == "eligible"
        assert screen({**good, "f0": Decimal(last - 1)})["verdict"] == "ineligible"
        assert screen({**good, "f0": None})["verdict"] == "undetermined"
        assert screen({**good, "f0": f"<={last}"})["verdict"] == "undetermined"
        assert len(screen({})["determined_by"]) == 30


@pytest.mark.parametrize("codes", [30, 33, 300, 1_000])
def test_a_choice_of_many_codes(codes: int) -> None:
    """Lists of codes that differ by one: many rules share each condition."""
    names = [f"c{n}" for n in range(codes)]
    fact = {"ask": "Which", "type": "choice", "choices": names, "changes": "never"}
    lists = [names[n : n + codes - 11] for n in range(12 if codes < 100 else 3)]
    with pack({"which": fact}, [{"which": some} for some in lists]) as screen:
        for n in (0, 1, len(lists) - 1, codes // 2, codes - 12, codes - 1):
            passed = all(names[n] in some for some in lists)
            verdict = "eligible" if passed else "ineligible"
            assert screen({"which": names[n]})["verdict"] == verdict
        assert screen({})["verdict"] == "undetermined"


def test_one_condition_that_many_criteria_share() -> None:
    """A leaf with four hundred parents, and a group that holds one leaf many times."""
    leaf = {"f": {"at_least": Decimal(1)}}
    criteria: list[Plain] = [{"any": [leaf] * 5}, *([{"defined": "shared"}] * 200)]
    criteria += [{"not": {"not": leaf}} for _ in range(200)]
    with pack({"f": quantity()}, criteria, {"shared": {"all": [leaf, leaf]}}) as screen:
        verdicts = [screen({"f": value})["verdict"] for value in (Decimal(1), Decimal(0), None)]
    assert verdicts == ["eligible", "ineligible", "undetermined"]
