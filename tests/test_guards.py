"""Guards of the deciding core that a sound installation and the shipped engine never reach."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest

from engine.compile import rules
from engine.compile.program import Rule
from engine.decide import decision as decide
from engine.decide.decision import Screener
from engine.fire import session
from engine.fire.session import Session
from engine.read import subjects
from engine.record.shape import Imported
from engine.terms.faults import EngineFault, InputRejected
from tests.test_injection import AS_OF, PROTOCOL, Meddler, program_of, subject


def broken(*_: object, **__: object) -> Any:
    raise ValueError("a value of the patient")


def test_an_engine_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "durable_rules_engine", None)
    with pytest.raises(EngineFault, match="does not load"):
        Screener(PROTOCOL)


def test_an_engine_that_fires_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Meddler(session._load(), start_action_for_state=lambda *_: None)
    monkeypatch.setattr(session, "_load", lambda: silent)
    with pytest.raises(EngineFault, match=r"the canary of ruleset 0 fired \[\]"):
        Screener(PROTOCOL)


def test_a_rule_that_no_fact_matches_is_noticed() -> None:
    never = Rule("r", 0, "true", 0, (("low", "<", 0), ("low", ">", 0)), "")
    with pytest.raises(EngineFault, match=r"self-test|was refused"):
        Session(program_of([never]))


def test_a_ruleset_that_nothing_reaches_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fires in the first ruleset, so the last, which only counts, is given no fact."""
    monkeypatch.setattr(rules, "RULES_A_SET", 8)
    with Screener(PROTOCOL) as screener:
        last = len(screener.program.rulesets) - 1
        assert all(reading.ruleset < last for reading in screener.program.readings)
        engine = screener.session._engine
        silent = Meddler(engine, start_action_for_state=lambda *_: None)
        monkeypatch.setattr(screener.session, "_engine", silent)
        monkeypatch.setattr(silent, "delete_state", lambda *_: None, raising=False)
        with pytest.raises(EngineFault, match="no rule concluded"):
            screener.decide(subject(), AS_OF)
        monkeypatch.setattr(screener.session, "_engine", engine)


@pytest.mark.parametrize("part", ["find_readings", "passed_over"])
def test_a_defect_of_ours_costs_one_verdict_and_tells_no_value(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Screener(PROTOCOL) as screener:
        with monkeypatch.context() as broke:
            broke.setattr(decide, part, broken)
            with pytest.raises(EngineFault) as raised:
                screener.decide(subject(), AS_OF)
        assert raised.value.where.startswith("ValueError in test_guards.broken, line ")
        assert screener.decide(subject(), AS_OF)["verdict"] == "eligible"


def test_a_record_names_the_version_that_is_installed() -> None:
    assert decide.software()["eligo"] == version("eligo")


def test_a_record_says_what_a_file_was_imported_from() -> None:
    imported = subjects.read_subject(
        b'{"subject": "S", "imported": {"from": "a table", "whole": true, "left_out": 2}}',
        "s.json",
        PROTOCOL,
    )
    said: Imported = {"from": "a table", "whole": True, "left_out": 2}
    with Screener(PROTOCOL) as screener:
        assert screener.decide(imported, AS_OF)["imported"] == said
        assert "imported" not in screener.decide(replace(imported, imported=None), AS_OF)


def test_the_records_of_a_rejection_and_of_an_engine_fault() -> None:
    with pytest.raises(InputRejected) as raised:
        subjects.read_subject(b'{"subject": "S", "fact": {}}', "s.json", PROTOCOL)
    (fault,) = raised.value.faults
    assert decide.rejection(raised.value, "S") == {
        "schema": "eligo.rejection/1",
        "subject": "S",
        "faults": [
            {
                "file": "s.json",
                "line": 1,
                "column": 18,
                "code": "unknown-key",
                "message": fault.message,
                "hint": fault.hint,
            }
        ],
    }
    assert decide.engine_fault(EngineFault("a place"), None) == {
        "schema": "eligo.fault/1",
        "subject": None,
        "where": "a place",
    }


def test_what_is_concluded_of_an_outcome_has_an_answer_and_no_status() -> None:
    first, *others = PROTOCOL.criteria
    classes = tuple(replace(one, about="class") for one in PROTOCOL.criteria)
    with Screener(replace(PROTOCOL, criteria=classes)) as screener:
        told = [firing["concluded"] for firing in screener.decide(subject(), AS_OF)["firings"]]
    for one in (first, *others):
        assert any(f"{one.id}: {answer}" in told or any(
            said.endswith(f"; {one.id}: {answer}") for said in told
        ) for answer in ("yes", "no", "unknown"))  # fmt: skip
    assert not [said for said in told if "verdict" in said or "criteria" in said or "pass" in said]
