"""Faults put into the engine on purpose: each costs its subject the verdict, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.compile import leaves, rules
from engine.compile.program import PROPERTIES, Program, Rule
from engine.compile.rules import compile_protocol
from engine.decide import decision as decision_module
from engine.decide.decision import Screener
from engine.fire import limits, session
from engine.fire.limits import check_limits, fnv32, hash_clash
from engine.fire.session import Session
from engine.reference import evaluator as reference
from engine.select.found import Found
from engine.terms import Reading, Subject
from engine.terms.faults import EngineFault
from tests.generators import Plain, protocol_in, subject_in

AS_OF = date(2026, 11, 20)
PARTS: dict[str, Plain] = {
    "protocol": {"protocol": "small", "version": "1", "title": "A small pack"},
    "facts": {
        "facts": {
            "score": {"ask": "Score", "type": "quantity", "changes": "never"},
            "treated": {"ask": "Last treated", "type": "date", "changes": "never"},
            "stage": {"ask": "Stage", "type": "choice", "choices": list("abc"), "changes": "never"},
        }
    },
    "eligibility": {
        "definitions": {"early": {"stage": ["a", "b"]}},
        "criteria": [
            {
                "id": "I1",
                "kind": "inclusion",
                "text": "Score of at least 50, not late",
                "holds_when": {"all": [{"score": {"at_least": Decimal(50)}}, {"defined": "early"}]},
            },
            {
                "id": "E1",
                "kind": "exclusion",
                "text": "Treated within the last 14 days, or stage c",
                "holds_when": {
                    "any": [{"treated": {"within_last": "14 days"}}, {"not": {"defined": "early"}}]
                },
            },
        ],
    },
}
PROTOCOL = protocol_in(PARTS)


def subject(score: int = 50, treated: str = "2026-11-01", stage: str = "a") -> Subject:
    facts = {"score": Decimal(score), "treated": treated, "stage": stage}
    return subject_in({"subject": "S", "facts": facts}, PROTOCOL)


@pytest.fixture
def screener() -> Iterator[Screener]:
    with Screener(PROTOCOL) as made:
        yield made


def assert_only_this_one_is_lost(screener: Screener, where: str) -> None:
    """No verdict now, and then the verdict that an untouched engine gives."""
    with pytest.raises(EngineFault, match=where):
        screener.decide(subject(), AS_OF)
    with Screener(PROTOCOL) as untouched:
        expected = untouched.decide(subject(), AS_OF)
    assert screener.decide(subject(), AS_OF) == expected
    assert expected["verdict"] == "eligible"


class Meddler:
    """The engine, with one of its functions replaced."""

    def __init__(self, engine: Any, **instead: Callable[..., Any]) -> None:
        self._engine = engine
        self.__dict__.update(instead)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def on_firing(
    monkeypatch: pytest.MonkeyPatch,
    screener: Screener,
    which: int,
    change: Callable[[str], str | None],
) -> None:
    """Change the message of one firing, once, counted from 0."""
    engine = screener.session._engine
    seen = 0

    def meddled(message: str | None) -> str | None:
        nonlocal seen
        seen += 1
        return change(message) if message is not None and seen == which + 1 else message

    def start(handle: int, state: object) -> Any:
        state_text, message = engine.start_action_for_state(handle, state)
        changed = meddled(message)
        return None if changed is None else (state_text, changed)

    def go_on(handle: int, state: object) -> Any:
        return meddled(engine.complete_and_start_action(handle, state))

    meddler = Meddler(engine, start_action_for_state=start, complete_and_start_action=go_on)
    monkeypatch.setattr(screener.session, "_engine", meddler)


FIRINGS = range(9)
"""The firings for the subject above: 3 leaves, 3 groups (one and a definition), 2 sections, 1."""


def test_the_subject_has_so_many_firings(screener: Screener) -> None:
    assert len(screener.decide(subject(), AS_OF)["firings"]) == len(FIRINGS)


# --- firings --------------------------------------------------------------------------


@pytest.mark.parametrize("which", FIRINGS)
def test_a_wrong_firing_gives_no_verdict(
    which: int, screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another rule of the same node is said to have fired: the truth is another."""

    def other(message: str) -> str:
        name = message.split('"')[1]
        fired = screener.program.rules[int(name[1:])]
        number = next(
            n
            for n, rule in enumerate(screener.program.rules)
            if rule.node == fired.node and rule.truth != fired.truth
        )
        return message.replace(f'"{name}"', f'"r{number}"', 1)

    on_firing(monkeypatch, screener, which, other)
    assert_only_this_one_is_lost(screener, "the rules and the reference differ")


@pytest.mark.parametrize("which", FIRINGS)
def test_a_lost_firing_gives_no_verdict(
    which: int, screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_firing(monkeypatch, screener, which, lambda message: None)
    assert_only_this_one_is_lost(screener, "no rule concluded")


@pytest.mark.parametrize("which", range(1, len(FIRINGS)))
def test_a_firing_of_another_node_gives_no_verdict(
    which: int, screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rule of all is said to have fired, or to have fired again."""

    def first(message: str) -> str:
        return message.replace(f'"{message.split(chr(34))[1]}"', '"r0"', 1)

    on_firing(monkeypatch, screener, which, first)
    assert_only_this_one_is_lost(screener, "twice|no rule concluded|differ")


@pytest.mark.parametrize("name", ["r999999", "canary", "x"])
def test_a_firing_of_no_rule_gives_no_verdict(
    name: str, screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = json.dumps({name: {"m": {"id": "f0"}}}, separators=(",", ":"))
    on_firing(monkeypatch, screener, 1, lambda _: message)
    assert_only_this_one_is_lost(screener, "durable_rules: ")


def test_rules_that_do_not_come_to_rest_give_no_verdict(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = screener.session._engine
    again: list[str] = []

    def go_on(handle: int, state: object) -> Any:
        again.append(engine.complete_and_start_action(handle, state))
        return again[0]

    monkeypatch.setattr(
        screener.session, "_engine", Meddler(engine, complete_and_start_action=go_on)
    )
    with pytest.raises(EngineFault, match="twice"):
        screener.decide(subject(), AS_OF)


# --- the engine fails -----------------------------------------------------------------


ASSERTED = range(7)
"""The facts asserted for the subject above: all readings in one, 3 groups, 2 sections, 1."""


def on_asserting(
    monkeypatch: pytest.MonkeyPatch, screener: Screener, meddle: Callable[[int, str], Any]
) -> None:
    """Do something else when a fact is asserted, counted from 0; None lets it pass."""
    engine = screener.session._engine
    calls = 0

    def assert_fact(handle: int, text: str) -> Any:
        nonlocal calls
        calls += 1
        changed = meddle(calls - 1, text)
        if isinstance(changed, Exception):
            engine.assert_fact(handle, text)
            raise changed
        code, state = engine.assert_fact(handle, changed if isinstance(changed, str) else text)
        return (changed, state) if isinstance(changed, int) else (code, state)

    monkeypatch.setattr(screener.session, "_engine", Meddler(engine, assert_fact=assert_fact))


def test_so_many_facts_are_asserted(screener: Screener, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    on_asserting(monkeypatch, screener, lambda call, text: seen.append(call))
    screener.decide(subject(), AS_OF)
    assert seen == list(ASSERTED)


@pytest.mark.parametrize("answer", [1, 2, Exception("303"), MemoryError(), SystemError("bad")])
@pytest.mark.parametrize("which", ASSERTED)
def test_an_engine_that_fails_midway_gives_no_verdict(
    answer: int | Exception, which: int, screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_asserting(monkeypatch, screener, lambda call, text: answer if call == which else None)
    assert_only_this_one_is_lost(screener, "was refused, code|durable_rules: ")


def test_a_fact_left_by_somebody_else_gives_no_verdict(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a subject leaves behind is refused as a duplicate, never joined."""
    texts: list[str] = []
    on_asserting(monkeypatch, screener, lambda call, text: texts.append(text))
    screener.decide(subject(score=10), AS_OF)
    monkeypatch.undo()
    code, _ = screener.session._engine.assert_fact(screener.session._handles[0], texts[0])
    assert code == 0
    assert_only_this_one_is_lost(screener, "was refused")


# --- readings, rules and reference ----------------------------------------------------


def once(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, change: Callable[[Any], Any]
) -> None:
    """Change what a function returns, the first time that this changes anything."""
    original, done = getattr(where, name), False

    def meddled(*arguments: Any) -> Any:
        nonlocal done
        result = original(*arguments)
        changed = result if done else change(result)
        done = done or changed != result
        return changed

    monkeypatch.setattr(where, name, meddled)


@pytest.mark.parametrize("name", ["score", "treated", "stage"])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda reading: replace(reading, low=reading.low + 1, high=reading.high + 1),
        lambda reading: replace(reading, high=reading.high + 1, reason="imprecise"),
        lambda reading: replace(reading, low=None, high=None, reason="not_recorded"),
        lambda reading: replace(reading, reason="imprecise"),
    ],
    ids=["moved", "widened", "lost", "reason"],
)
def test_a_wrong_reading_gives_no_verdict(
    name: str,
    wrong: Callable[[Reading], Reading],
    screener: Screener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def change(found: dict[str, Found]) -> dict[str, Found]:
        return {**found, name: replace(found[name], reading=wrong(found[name].reading))}

    once(monkeypatch, decision_module, "find_readings", change)
    assert_only_this_one_is_lost(screener, f"the reading of `{name}` differ")


def test_a_missing_reading_gives_no_verdict(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    once(monkeypatch, decision_module, "find_readings", lambda found: dict(list(found.items())[1:]))
    assert_only_this_one_is_lost(screener, "KeyError")


def test_a_reading_garbled_on_its_way_into_the_engine_gives_no_verdict(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def garble(call: int, text: str) -> str | None:
        return text.replace("50000000", "49999999") if call == 0 else None

    on_asserting(monkeypatch, screener, garble)
    assert_only_this_one_is_lost(screener, "differ at `I1.1`")


@pytest.mark.parametrize("part", ["readings", "truths", "answers", "statuses"])
def test_a_wrong_reference_gives_no_verdict(
    part: str, screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"readings": Reading("score", 0, 0, None), "statuses": "failed"}.get(part, "unknown")

    def change(found: dict[str, Any]) -> dict[str, Any]:
        return {**found, next(iter(found)): wrong}

    once(monkeypatch, reference, part, change)
    assert_only_this_one_is_lost(screener, "differ")


def test_a_wrong_verdict_of_the_reference_gives_no_verdict(
    screener: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    once(monkeypatch, reference, "verdict", lambda verdict: "undetermined")
    assert_only_this_one_is_lost(screener, "differ on the verdict")


def test_a_rule_off_by_a_millionth_gives_no_verdict_on_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rule fires as it is written, so only the reference can tell that it is wrong."""
    right = leaves._at_least
    monkeypatch.setattr(leaves, "_at_least", lambda low, high, limit: right(low, high, limit + 1))
    with Screener(PROTOCOL) as screener:
        with pytest.raises(EngineFault, match=r"differ at `I1\.1`"):
            screener.decide(subject(score=50), AS_OF)
        assert screener.decide(subject(score=51), AS_OF)["verdict"] == "eligible"


@pytest.mark.parametrize("wrong", ["passed", "failed", "open"])
def test_a_wrong_status_gives_no_verdict(wrong: str, screener: Screener) -> None:
    right = screener.program.statuses
    for key in (("I1", "true"), ("E1", "false")):
        if right[key] != wrong:
            statuses = {**right, key: wrong}
            screener.program = replace(screener.program, statuses=statuses)  # type: ignore[arg-type]
            with pytest.raises(EngineFault, match=f"differ on `{key[0]}`"):
                screener.decide(subject(), AS_OF)
    screener.program = replace(screener.program, statuses=right)
    assert screener.decide(subject(), AS_OF)["verdict"] == "eligible"


# --- guards ---------------------------------------------------------------------------


def test_the_hash_is_the_engines() -> None:
    """Published test vectors of FNV-1a, 32 bits."""
    assert fnv32("") == 0x811C9DC5
    assert fnv32("a") == 0xE40C292C
    assert fnv32("foobar") == 0xBF9CF968


@pytest.mark.parametrize(
    ("one", "other"),
    [("lab_1652d612ab", "lab_78974aa79a"), ("pt-797945902f", "pt-478dd51601")],
)
def test_names_that_the_engine_cannot_tell_apart_are_found(one: str, other: str) -> None:
    """Measured on durable_rules 2.0.28: each pair is one property, or one session, to it."""
    assert hash_clash(["x", one, "y", other]) == (one, other)
    assert hash_clash([one, one, "x"]) is None


def test_the_names_in_use_are_told_apart() -> None:
    assert hash_clash(PROPERTIES) is None
    assert hash_clash(f"f{number}" for number in range(100_000)) is None


def test_a_clash_of_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (*PROPERTIES, "lab_1652d612ab", "lab_78974aa79a")
    monkeypatch.setattr(limits, "PROPERTIES", names)
    with pytest.raises(EngineFault, match="cannot tell `lab_1652d612ab` from `lab_78974aa79a`"):
        Screener(PROTOCOL)


def program_of(many: list[Rule]) -> Program:
    return replace(
        compile_protocol(PROTOCOL), rules=tuple(many), rulesets=(tuple(range(len(many))),)
    )


@pytest.mark.parametrize(
    ("many", "where"),
    [
        ([Rule("r", 0, "true", 0, (("low", "==", 1),), "")] * 4_096, "too many for one ruleset"),
        ([Rule("r", 0, "true", k, (), "") for k in range(401 * rules.BUCKET)], "too many"),
        ([Rule("r", 0, "true", 0, (("low", "==", n),), "") for n in range(401)], "at one level"),
    ],
    ids=["rules", "facts", "conditions"],
)
def test_a_program_beyond_the_engines_limits_is_refused(many: list[Rule], where: str) -> None:
    with pytest.raises(EngineFault, match=where):
        check_limits(program_of(many))


def corrupted(monkeypatch: pytest.MonkeyPatch, change: Callable[[Plain], None]) -> None:
    """Let the engine be given other rules than the program says."""
    engine = session._load()

    def create_ruleset(name: str, text: str) -> Any:
        definitions = json.loads(text)
        change(definitions)
        return engine.create_ruleset(name, json.dumps(definitions))

    monkeypatch.setattr(session, "_load", lambda: Meddler(engine, create_ruleset=create_ruleset))


def numbered(condition: Callable[[Rule], bool]) -> list[int]:
    program = compile_protocol(PROTOCOL)
    return [number for number, rule in enumerate(program.rules) if condition(rule)]


@pytest.mark.parametrize("number", numbered(lambda rule: True))
def test_the_self_test_catches_a_lost_rule(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    corrupted(monkeypatch, lambda definitions: definitions.pop(f"r{number}"))
    with pytest.raises(EngineFault, match=r"self-test|was refused"):
        Screener(PROTOCOL)


@pytest.mark.parametrize("number", numbered(lambda rule: bool(rule.tests)))
def test_the_self_test_catches_a_rule_that_fires_too_often(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(definitions: Plain) -> None:
        pattern = definitions[f"r{number}"]["all"][0]["m"]["$and"]
        del pattern[2:]

    corrupted(monkeypatch, change)
    with pytest.raises(EngineFault, match="self-test"):
        Screener(PROTOCOL)


@pytest.mark.parametrize("number", numbered(lambda rule: rule.tests[-1][1] in (">=", "==")))
def test_the_self_test_catches_a_raised_limit(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(definitions: Plain) -> None:
        pattern = definitions[f"r{number}"]["all"][0]["m"]["$and"]
        test = next(iter(pattern[-1].values()))
        inside = test if isinstance(test, dict) else pattern[-1]
        name = next(iter(inside))
        inside[name] += 1

    corrupted(monkeypatch, change)
    with pytest.raises(EngineFault, match=r"self-test|was refused"):
        Screener(PROTOCOL)


def test_a_canary_that_does_not_fire_as_it_should_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def change(definitions: Plain) -> None:
        definitions["another"] = definitions.pop("canary")

    corrupted(monkeypatch, change)
    with pytest.raises(EngineFault, match="the canary of ruleset 0 fired"):
        Screener(PROTOCOL)


def test_a_session_that_cannot_be_made_gives_its_rulesets_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = session._load()
    made: list[int] = []
    given_back: list[int] = []

    def create_ruleset(name: str, text: str) -> int:
        definitions = json.loads(text)
        del definitions["r0"]
        made.append(engine.create_ruleset(name, json.dumps(definitions)))
        return made[-1]

    def delete_ruleset(handle: int) -> None:
        given_back.append(handle)
        engine.delete_ruleset(handle)

    meddler = Meddler(engine, create_ruleset=create_ruleset, delete_ruleset=delete_ruleset)
    monkeypatch.setattr(session, "_load", lambda: meddler)
    with pytest.raises(EngineFault):
        Session(compile_protocol(PROTOCOL))
    assert made == given_back != []
