"""Fire compiled rules in durable_rules: the only module that imports it.

durable_rules has sharp edges, and every guard against them is in this file: integers only;
one live state with a fixed sid, deleted after each subject; single asserts whose return code
is looked at; fixed fact ids whose 32-bit hashes are proved distinct at compile time; limits
checked before a ruleset is made; a canary; a self-test that fires every rule; every node
concluded exactly once (so the rules come to rest), or there is no verdict.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from string import ascii_lowercase
from types import ModuleType
from typing import Any, NamedTuple

from engine.compile.program import UNWRITTEN, Against, Program, Rule, matches
from engine.compile.rules import BUCKET
from engine.fire.facts import limit_part, pair_part, reading_part
from engine.fire.limits import CANARY, SID, check_limits
from engine.terms import Leaf, Reading, Truth, facts_of
from engine.terms.faults import EngineFault

ENGINE_VERSION = "2.0.28"
_OPS = {"!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}


def _load() -> ModuleType:
    """durable_rules' C module.

    Its storage callbacks, which we never set, name a function that Python 3.13 dropped; lazy
    symbol binding around this one import leaves it unresolved. Raises: EngineFault.
    """
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY)
    try:
        import durable_rules_engine
    except ImportError as error:
        raise EngineFault(
            f"durable_rules {ENGINE_VERSION} does not load ({error}); install it with a C compiler"
        ) from None
    finally:
        sys.setdlopenflags(flags)
    module: ModuleType = durable_rules_engine
    return module


class Fired(NamedTuple):
    """One firing: the rule's number, and the fact it matched, in words."""

    rule: int
    because: str


@dataclass(frozen=True, slots=True)
class Conclusions:
    """What a run concluded: the truth of every node, and the firings in order."""

    truths: tuple[Truth, ...]
    firings: tuple[Fired, ...]


_Slot = tuple[int, str, tuple[str, ...], Against | None]
"""A reading in a fact: its place, whose, the properties looked at, what it is held against."""


_Firing = tuple[int, int, Truth, int, tuple[tuple[int, int], ...], str]
"""What a rule's firing means: its number, node, truth, what it counts as, the parents with
their rulesets, and (for a leaf) the reading in words."""


def _head(kind: int) -> str:
    return f'{{"id":"f{kind}","sid":"{SID}","g":{kind // BUCKET},"k":{kind}'


def _reading_words(leaf: Leaf) -> str:
    names = facts_of(leaf)
    return f"reading of {' and of '.join(names)}" if names else "no reading: todo"


class Session:
    """A compiled program, loaded into the engine once and run for many subjects.

    Raises EngineFault when made, if the program breaks a limit of the engine or a rule does
    not fire as it should.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._engine: Any = _load()
        self._handles: list[int] = []
        self._doubtful = False
        self._prepare()
        check_limits(program)
        try:
            self._load_rules()
            self._self_test()
        except BaseException:
            self.close()
            raise

    def _load_rules(self) -> None:
        self.close()
        for numbers in self.program.rulesets:
            self._handles.append(self._create(numbers))
        self._doubtful = False

    def close(self) -> None:
        """Give the rulesets' memory back. The session cannot be used after this."""
        for handle in self._handles:
            self._engine.delete_ruleset(handle)
        self._handles = []

    # --- loading ----------------------------------------------------------------------

    def _create(self, numbers: Sequence[int]) -> int:
        rules = {f"r{n}": _definition(self.program.rules[n]) for n in numbers}
        rules[CANARY] = {"all": [{"m": {CANARY: 1}}]}
        name = f"eligo{len(self._handles)}"
        handle: int = self._engine.create_ruleset(name, json.dumps(rules))
        # The first state ever made must fire once before it is deleted, or deleting it
        # frees uninitialised memory; its slot is then reused for every subject.
        fired = [name for name, _ in self._drain(handle, [{"id": CANARY, CANARY: 1}])]
        if fired != [CANARY]:
            raise EngineFault(f"the canary of ruleset {len(self._handles)} fired {fired}")
        return handle

    def _drain(self, handle: int, facts: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """Assert facts, fire everything, delete the state; rule names and fact ids."""
        engine = self._engine
        fired: list[tuple[str, str]] = []
        state = None
        try:
            for fact in facts:
                code, state = engine.assert_fact(
                    handle, json.dumps({**fact, "sid": SID}, separators=(",", ":"))
                )
                if code:
                    raise EngineFault(f"fact {fact['id']} was refused with code {code}")
            result = engine.start_action_for_state(handle, state)
            message = result[1] if result else None
            while message:
                fired.append(_fired(message))
                message = engine.complete_and_start_action(handle, state)
        finally:
            # Deleting a state in which nothing fired would end the interpreter.
            if fired:
                engine.delete_state(handle, SID)
        return fired

    def _self_test(self) -> None:
        """Fire every rule on a fact made for it, and see that just the right ones match."""
        families: dict[tuple[int, str], list[int]] = {}
        for number, rule in enumerate(self.program.rules):
            families.setdefault(_family(rule), []).append(number)
        for ruleset, numbers in enumerate(self.program.rulesets):
            for number in numbers:
                rule = self.program.rules[number]
                others = families[_family(rule)]
                fact = _example(rule, [self.program.rules[n] for n in others])
                expected = {f"r{n}" for n in others if matches(self.program.rules[n], fact)}
                fired = [n for n, _ in self._drain(self._handles[ruleset], [{"id": "x", **fact}])]
                if (
                    f"r{number}" not in expected
                    or set(fired) != expected
                    or len(fired) != len(expected)
                ):
                    raise EngineFault(f"self-test of rule `{rule.name}`: fired {sorted(fired)}")

    # --- running ----------------------------------------------------------------------

    def run(self, readings: Mapping[str, Reading], as_of: date) -> Conclusions:
        """Fire the rules on one subject's readings.

        Raises: EngineFault. The rules are then loaded afresh, so that nothing of this subject
        is left for the next.
        """
        if self._doubtful:
            self._load_rules()
        try:
            return self._run(readings, as_of)
        except EngineFault:
            self._doubtful = True
            raise
        except Exception as error:  # the C module raises bare exceptions with a number
            self._doubtful = True
            raise EngineFault(f"durable_rules: {type(error).__name__}: {error}") from error

    def _run(self, readings: Mapping[str, Reading], as_of: date) -> Conclusions:
        engine, firing_of, node_names = self._engine, self._firing_of, self._names
        truths: list[Truth | None] = [None] * len(node_names)
        counts = [[0, 0, 0] for _ in node_names]
        waiting = self._children[:]
        tallies: list[list[int]] = [[] for _ in self._handles]
        firings: list[Fired] = []
        asserted: dict[str, str] = {}
        days: dict[str, dict[str, int]] = {}
        for ruleset, handle in enumerate(self._handles):
            state = None
            asserted.clear()
            try:
                for fact_id, text, slots in self._readings[ruleset]:
                    parts = [text]
                    for slot, fact, template, against in slots:
                        reading = readings[fact] if fact != UNWRITTEN else None
                        if against is None or reading is None:
                            part = reading_part(slot, template, reading, as_of, days)
                        else:
                            how, other = against[0], readings[against[1]]
                            if isinstance(how, Fraction):
                                part = limit_part(slot, how, reading, other)
                            else:
                                part = pair_part(slot, template, how, reading, other)
                        parts.append(part)
                    code, state = engine.assert_fact(handle, "".join(parts) + "}")
                    if code:
                        raise EngineFault(f"a fact of readings was refused, code {code}")
                    asserted[fact_id] = ""
                for index in tallies[ruleset]:
                    state = self._tally(handle, index, counts[index], asserted)
                if state is None:
                    continue
                result = engine.start_action_for_state(handle, state)
                message = result[1] if result else None
                while message:
                    name, fact_id = _fired(message)
                    number, node, truth, counts_as, parents, said = firing_of[name]
                    if truths[node] is not None:
                        raise EngineFault(f"`{node_names[node]}` was concluded twice")
                    truths[node] = truth
                    firings.append(Fired(number, asserted[fact_id] or said))
                    for parent, home in parents:
                        counts[parent][counts_as] += 1
                        waiting[parent] -= 1
                        if not waiting[parent]:
                            if home == ruleset:
                                self._tally(handle, parent, counts[parent], asserted)
                            else:
                                tallies[home].append(parent)
                    message = engine.complete_and_start_action(handle, state)
            finally:
                if state is not None:
                    engine.delete_state(handle, SID)
        concluded = tuple(truth for truth in truths if truth is not None)
        if len(concluded) != len(truths):
            lost = next(name for name, t in zip(node_names, truths, strict=True) if not t)
            raise EngineFault(f"no rule concluded `{lost}`")
        return Conclusions(concluded, tuple(firings))

    def _tally(self, handle: int, index: int, count: list[int], asserted: dict[str, str]) -> Any:
        fact_id, text, said = self._tallies[index]
        t, f, u = count
        code, state = self._engine.assert_fact(handle, f'{text}"t":{t},"f":{f},"u":{u}}}')
        if code:
            raise EngineFault(f"the tally of {self._names[index]} was refused, code {code}")
        asserted[fact_id] = f"{said}{t} true, {f} false, {u} unknown"
        return state

    def _prepare(self) -> None:
        """Look-ups for the loop that runs for every subject."""
        program = self.program
        nodes = program.nodes
        self._names = [node.name for node in nodes]
        self._children = [len(node.children) for node in nodes]
        self._readings: list[list[tuple[str, str, list[_Slot]]]]
        self._readings = [[] for _ in program.rulesets]
        for reading in program.readings:
            rows = self._readings[reading.ruleset]
            fact_id = f"f{reading.kind}"
            if not rows or rows[-1][0] != fact_id:
                rows.append((fact_id, _head(reading.kind), []))
            properties = tuple(p for p in reading.properties if p not in ("known", "pair"))
            rows[-1][2].append((reading.slot, reading.fact, properties, reading.against))
        self._tallies = [
            (
                f"f{node.fact_kind}",
                _head(node.fact_kind) + ",",
                f"tally of {node.name}: ",
            )
            for node in nodes
        ]
        said = ["" if node.leaf is None else _reading_words(node.leaf) for node in nodes]
        self._firing_of: dict[str, _Firing] = {
            f"r{number}": (
                number,
                rule.node,
                rule.truth,
                rule.counts_as,
                tuple((parent, nodes[parent].ruleset) for parent in nodes[rule.node].parents),
                said[rule.node],
            )
            for number, rule in enumerate(program.rules)
        }


def _fired(message: str) -> tuple[str, str]:
    """The rule's name and the id of the fact it matched, from `{"r7":{"m":{"id":"f3",...}}}`."""
    end = message.index('"', 2)
    start = message.index('"id":"', end) + 6
    return message[2:end], message[start : message.index('"', start)]


def _definition(rule: Rule) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [{"g": rule.kind // BUCKET}, {"k": rule.kind}]
    for name, op, constant in rule.tests:
        test = {name: constant}
        conditions.append(test if op == "==" else {_OPS[op]: test})
    return {"all": [{"m": {"$and": conditions}}]}


def _family(rule: Rule) -> tuple[int, str]:
    """Rules that look at one reading, or at one tally."""
    name = rule.tests[0][0]
    return rule.kind, name.lstrip(ascii_lowercase)


def _example(rule: Rule, family: Sequence[Rule]) -> dict[str, int]:
    """A fact that a rule matches: the properties of its family, zero where it does not ask."""
    fact = {"g": rule.kind // BUCKET, "k": rule.kind}
    for other in family:
        for name, _, _ in other.tests:
            fact.setdefault(name, 0)
    for name in {name for name, _, _ in rule.tests}:
        asked = [(op, constant) for n, op, constant in rule.tests if n == name]
        tries = [c + step for _, c in asked for step in (0, 1, -1)] + list(range(len(asked) + 1))
        for value in tries:
            one = Rule("", 0, "true", rule.kind, tuple((name, o, c) for o, c in asked), "")
            if matches(one, {**fact, name: value}):
                fact[name] = value
                break
    return fact
