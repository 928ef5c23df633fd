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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from string import ascii_lowercase
from types import ModuleType
from typing import Any, NamedTuple

from engine.compile.leaves import CODES_A_LEVEL, LONG_AGO, NEVER_AGO
from engine.compile.program import PROPERTIES, UNWRITTEN, Program, Rule, Test, matches
from engine.compile.rules import BUCKET
from engine.terms import MILLION, NEVER, PAST, Leaf, Reading, Todo, Truth
from engine.terms.calendar import grid, grid_end
from engine.terms.faults import EngineFault

ENGINE_VERSION = "2.0.28"
_SID = "s"
_CLAMP = 9_200_000_000_000_000_000
_OPS = {"!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_MAX_RULES, _MAX_LEVEL = 4_096, 400
_CANARY = "canary"


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


def fnv32(text: str) -> int:
    """The engine's hash of a name (FNV-1a, 32 bits; ASCII only here)."""
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = ((value ^ byte) * 16_777_619) & 0xFFFFFFFF
    return value


def hash_clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Two different names with one hash, which the engine would take for one; else None."""
    seen: dict[int, str] = {}
    for name in names:
        other = seen.setdefault(fnv32(name), name)
        if other != name:
            return other, name
    return None


class Fired(NamedTuple):
    """One firing: the rule's number, and the fact it matched, in words."""

    rule: int
    because: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run concluded: the truth of every node, and the firings in order."""

    truths: tuple[Truth, ...]
    firings: tuple[Fired, ...]


_Firing = tuple[int, int, Truth, int, tuple[tuple[int, int], ...], str]
"""What a rule's firing means: its number, node, truth, what it counts as, the parents with
their rulesets, and (for a leaf) the reading in words."""


def _head(kind: int) -> str:
    return f'{{"id":"f{kind}","sid":"{_SID}","g":{kind // BUCKET},"k":{kind}'


def _reading_words(leaf: Leaf) -> str:
    return "no reading: todo" if isinstance(leaf, Todo) else f"reading of {leaf.fact}"


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
        rules[_CANARY] = {"all": [{"m": {_CANARY: 1}}]}
        name = f"eligo{len(self._handles)}"
        handle: int = self._engine.create_ruleset(name, json.dumps(rules))
        # The first state ever made must fire once before it is deleted, or deleting it
        # frees uninitialised memory; its slot is then reused for every subject.
        fired = [name for name, _ in self._drain(handle, [{"id": _CANARY, _CANARY: 1}])]
        if fired != [_CANARY]:
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
                    handle, json.dumps({**fact, "sid": _SID}, separators=(",", ":"))
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
                engine.delete_state(handle, _SID)
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

    def run(self, readings: Mapping[str, Reading], as_of: date) -> Outcome:
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

    def _run(self, readings: Mapping[str, Reading], as_of: date) -> Outcome:
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
                    for slot, fact, template in slots:
                        reading = readings[fact] if fact != UNWRITTEN else None
                        parts.append(reading_part(slot, template, reading, as_of, days))
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
                    engine.delete_state(handle, _SID)
        concluded = tuple(truth for truth in truths if truth is not None)
        if len(concluded) != len(truths):
            lost = next(name for name, t in zip(node_names, truths, strict=True) if not t)
            raise EngineFault(f"no rule concluded `{lost}`")
        return Outcome(concluded, tuple(firings))

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
        self._readings: list[list[tuple[str, str, list[tuple[int, str, tuple[str, ...]]]]]]
        self._readings = [[] for _ in program.rulesets]
        for reading in program.readings:
            rows = self._readings[reading.ruleset]
            fact_id = f"f{reading.kind}"
            if not rows or rows[-1][0] != fact_id:
                rows.append((fact_id, _head(reading.kind), []))
            rows[-1][2].append((reading.slot, reading.fact, reading.properties[1:]))
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


def check_limits(program: Program) -> None:
    """Refuse a program that the engine would silently get wrong. Raises: EngineFault."""
    ids = [f"f{kind}" for kind in {rule.kind for rule in program.rules}]
    used = {name for rule in program.rules for name, _, _ in rule.tests}
    for names in ([*PROPERTIES, *used, _CANARY, "$s"], [*ids, _CANARY, "x", f"sid-{_SID}"]):
        clash = hash_clash(names)
        if clash:
            raise EngineFault(f"the engine cannot tell `{clash[0]}` from `{clash[1]}`")
    for numbers in program.rulesets:
        rules = [program.rules[n] for n in numbers]
        kinds = {rule.kind for rule in rules}
        levels: dict[tuple[int, tuple[Test, ...]], set[Test]] = {}
        for rule in rules:
            for depth, test in enumerate(rule.tests):
                levels.setdefault((rule.kind, rule.tests[:depth]), set()).add(test)
        widest = max((len(tests) for tests in levels.values()), default=0)
        if widest > _MAX_LEVEL:
            raise EngineFault(f"{widest} conditions stand at one level of the rules")
        if len(rules) >= _MAX_RULES or len(kinds) / BUCKET > _MAX_LEVEL:
            raise EngineFault(
                f"{len(rules)} rules over {len(kinds)} facts are too many for one ruleset"
            )


def reading_part(
    slot: int,
    properties: tuple[str, ...],
    reading: Reading | None,
    as_of: date,
    days: dict[str, dict[str, int]],
) -> str:
    """One reading's part of a fact's JSON text, with the properties its rules look at."""
    if reading is None or reading.low is None:
        if "uknown" in properties:
            return f',"known{slot}":0,"uknown{slot}":0'
        return f',"known{slot}":0'
    text = f',"known{slot}":1'
    for name in properties:
        if name == "low":
            text += f',"low{slot}":{reading.low}'
        elif name == "high":
            text += f',"high{slot}":{reading.high}'
        elif name == "block":
            text += f',"block{slot}":{reading.low // CODES_A_LEVEL}'
        elif name == "digit":
            text += f',"digit{slot}":{reading.low % CODES_A_LEVEL}'
        elif name == "uknown":
            text += f',"uknown{slot}":{int(reading.times_uln is not None)}'
        elif name[0] == "u":
            if reading.times_uln is not None:
                text += f',"{name}{slot}":{_ratio_end(reading, name)}'
        else:
            if reading.fact not in days:
                days[reading.fact] = _days_ago(reading, as_of)
            text += f',"{name}{slot}":{days[reading.fact][name]}'
    return text


def _days_ago(reading: Reading, as_of: date) -> dict[str, int]:
    assert reading.low is not None and reading.high is not None
    today, before = as_of.toordinal(), grid(as_of - timedelta(days=1))
    result = {}
    for end, number in (("near", reading.high), ("far", reading.low)):
        if number in (NEVER, PAST):
            long = NEVER_AGO if number == NEVER else LONG_AGO
            result.update(dict.fromkeys((end, "m" + end, "s" + end, "e" + end), long))
        else:
            own = grid(date.fromordinal(number))
            scales = (("m", grid(as_of)), ("s", before), ("e", grid_end(as_of)))
            result.update({end: today - number, **{s + end: n - own for s, n in scales}})
    return result


def _ratio_end(reading: Reading, name: str) -> int:
    """Floor (`f`) or ceiling (`c`), in millionths, of the low (`l`) or high (`h`) ratio."""
    assert reading.times_uln is not None
    ratio = reading.times_uln.low if name[1] == "l" else reading.times_uln.high
    if ratio is None:
        return -_CLAMP if name[1] == "l" else _CLAMP
    top, bottom = ratio.numerator * MILLION, ratio.denominator
    value = top // bottom if name[2] == "f" else -(-top // bottom)
    return max(-_CLAMP, min(_CLAMP, value))
