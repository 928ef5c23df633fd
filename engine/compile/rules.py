"""Compile a protocol into constant-only rules over integer facts.

The scheme (DECISIONS, "tallies"): a *reading* fact carries some facts' readings as integers,
and each leaf condition has three to six rules over one of them, one of which matches. When the last
child of a group is concluded, the session asserts one *tally* fact that counts the children
by truth, and three rules over the tally conclude the group. Criteria, the two sections and
the verdict go on in the same way. No rule needs a join, a negation by absence or a string.

Nothing here imports the engine; `Matcher` rows are turned into its JSON in `session`.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.record.wording import leaf_text
from engine.terms import (
    NEVER,
    AgoTest,
    All,
    Any,
    BetweenTest,
    BooleanTest,
    ChoiceTest,
    Condition,
    DayTest,
    Defined,
    EverTest,
    Leaf,
    LimitTest,
    Not,
    Protocol,
    Status,
    Todo,
    Truth,
    UlnTest,
)

Op = Literal["==", "!=", "<", "<=", ">", ">="]
Test = tuple[str, Op, int]
"""Property, comparison, constant."""

BUCKET = 12
"""Fact kinds a first condition is shared by (the engine's limits are in the hundreds)."""

LEAVES_A_READING = 10
"""Leaves that look at one copy of a reading; beyond that a second copy is asserted."""

READINGS_A_FACT = 12
"""Readings that one fact carries: each stored fact costs the engine some 9 kB, and 64
conditions at most may be waiting when one is matched (two a reading, and one reading's own)."""

CODES_A_LEVEL = 32
"""Codes of a choice that are told apart at one level of conditions."""

RULES_A_SET = 500
"""Rules in one ruleset (the engine's limit is 4,096); larger packs use several, as the engine
takes longer over each subject the more rules a set has."""

# Properties of a reading: `known`; `low`/`high` on the fact's own axis (for a date, its day
# number); days ago, and the month grid as of the day, of the day before, and of the day with
# the missing days of its month (`m`, `s`, `e`; engine.terms.calendar);
# floor and ceiling of the ratio to the upper limit of normal, in millionths.
LONG_AGO = 3_900_000_000
NEVER_AGO = 4_000_000_000
PROPERTIES = (
    *("id", "sid", "g", "k", "known", "low", "high", "near", "far", "mnear", "mfar"),
    *("snear", "efar", "uknown", "ulf", "ulc", "uhf", "uhc", "t", "f", "u", "block", "digit"),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it matches a fact of kind `kind` that passes every test.

    `counts_as`: what its conclusion adds to its parents' tallies: 0 true (a criterion:
    passed), 1 false (failed), 2 unknown (open).
    """

    name: str
    node: int
    truth: Truth
    kind: int
    tests: tuple[Test, ...]
    concluded: str
    counts_as: int = 2


NodeKind = Literal["leaf", "all", "any", "not", "criterion", "section", "verdict"]


@dataclass(slots=True)
class Node:
    """Something concluded: a leaf, a group, a criterion, a section or the verdict.

    `criterion`: the criterion that this node's rules conclude; a node of kind `criterion` is
    there only for a condition that others use too.
    """

    index: int
    kind: NodeKind
    name: str
    children: tuple[int, ...] = ()
    parents: list[int] = field(default_factory=list)
    leaf: Leaf | None = None
    criterion: str = ""
    fact_kind: int = -1
    ruleset: int = 0


@dataclass(frozen=True, slots=True)
class ReadingKind:
    """One reading in a fact of kind `kind`: whose, and the properties its rules look at.

    A reading fact carries several readings; `slot` is this one's place in it, and stands at
    the end of its properties' names (`low3`).
    """

    kind: int
    slot: int
    fact: str
    properties: tuple[str, ...]
    ruleset: int


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled protocol. `rulesets` hold rule numbers; `paths` maps condition paths to nodes."""

    nodes: tuple[Node, ...]
    rules: tuple[Rule, ...]
    rulesets: tuple[tuple[int, ...], ...]
    readings: tuple[ReadingKind, ...]
    paths: Mapping[str, int]
    criteria: Mapping[str, int]
    statuses: Mapping[tuple[str, Truth], Status]
    verdict: int


UNWRITTEN = ""
"""The stand-in fact of `todo`: its reading is never known."""


def compile_protocol(protocol: Protocol) -> Program:
    """The program of a protocol that has passed the reader."""
    return _Compiler(protocol).program()


def condition_paths(protocol: Protocol) -> dict[str, Condition]:
    """Every condition by its path: criterion id or definition name, then `.1`, `.2`, ..."""
    found: dict[str, Condition] = {}

    def walk(path: str, condition: Condition) -> None:
        found[path] = condition
        if isinstance(condition, All | Any):
            for i, child in enumerate(condition.children, start=1):
                walk(f"{path}.{i}", child)
        elif isinstance(condition, Not):
            walk(f"{path}.1", condition.child)

    for name, condition in protocol.definitions.items():
        walk(name, condition)
    for criterion in protocol.criteria:
        walk(criterion.id, criterion.holds_when)
    return found


class _Compiler:
    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.nodes: list[Node] = []
        self.leaves: dict[str, int] = {}
        self.paths: dict[str, int] = {}

    def program(self) -> Program:
        criteria = {}
        for name in self._definition_order():
            self._condition(name, self.protocol.definitions[name])
        roots = {c.id: self._condition(c.id, c.holds_when) for c in self.protocol.criteria}
        used = Counter(child for node in self.nodes for child in node.children)
        used.update(roots.values())
        for id_, root in roots.items():
            # A condition that serves one criterion only concludes it in the same firing.
            own = used[root] == 1
            criteria[id_] = root if own else self._node("criterion", f"criterion {id_}", (root,))
            self.nodes[criteria[id_]].criterion = id_
        sections = []
        for kind in ("inclusion", "exclusion"):
            members = tuple(criteria[c.id] for c in self.protocol.criteria if c.kind == kind)
            if members:
                sections.append(self._node("section", f"{kind} criteria", members))
        verdict = self._node("verdict", "verdict", tuple(sections))
        kinds = {c.id: c.kind for c in self.protocol.criteria}
        self.criterion_kinds = {criteria[id_]: kind for id_, kind in kinds.items()}
        for node in self.nodes:
            for child in node.children:
                self.nodes[child].parents.append(node.index)
        readings, rules, rulesets = self._rules()
        truths: tuple[Truth, ...] = ("true", "false", "unknown")
        statuses = {(id_, t): status_of(kind, t) for id_, kind in kinds.items() for t in truths}
        return Program(
            tuple(self.nodes), rules, rulesets, readings, self.paths, criteria, statuses, verdict
        )

    def _definition_order(self) -> list[str]:
        """Definitions, each after those it refers to (the reader has refused cycles)."""
        order: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in order:
                for condition in _inside(self.protocol.definitions[name]):
                    if isinstance(condition, Defined):
                        visit(condition.name)
                order[name] = None

        for name in self.protocol.definitions:
            visit(name)
        return list(order)

    def _node(
        self, kind: NodeKind, name: str, children: tuple[int, ...] = (), leaf: Leaf | None = None
    ) -> int:
        self.nodes.append(Node(len(self.nodes), kind, name, children, leaf=leaf))
        return len(self.nodes) - 1

    def _condition(self, path: str, condition: Condition) -> int:
        index: int
        if isinstance(condition, Defined):
            index = self.paths[condition.name]
        elif isinstance(condition, All | Any):
            children = tuple(
                self._condition(f"{path}.{i}", child)
                for i, child in enumerate(condition.children, start=1)
            )
            index = self._node("all" if isinstance(condition, All) else "any", path, children)
        elif isinstance(condition, Not):
            index = self._node("not", path, (self._condition(f"{path}.1", condition.child),))
        else:
            # By its words: a record that says `2 weeks` is proved by a firing that says so.
            name = leaf_text(condition, self.protocol.facts)
            if name not in self.leaves:
                self.leaves[name] = self._node("leaf", name, leaf=condition)
            index = self.leaves[name]
        self.paths[path] = index
        return index

    def _rules(
        self,
    ) -> tuple[tuple[ReadingKind, ...], tuple[Rule, ...], tuple[tuple[int, ...], ...]]:
        """Number the fact kinds, write every node's rules, and share them out over rulesets.

        Nodes stand after their children, so a fact never flows to an earlier ruleset.
        """
        rules: list[Rule] = []
        rulesets: list[list[int]] = [[]]
        slots: list[ReadingKind] = []
        open_slots: dict[tuple[int, str], tuple[int, int]] = {}
        kinds, kind, taken = 0, -1, READINGS_A_FACT
        for node in self.nodes:
            if len(rulesets[-1]) > RULES_A_SET:
                rulesets.append([])
                taken = READINGS_A_FACT
            node.ruleset = len(rulesets) - 1
            if node.leaf is not None:
                fact = UNWRITTEN if isinstance(node.leaf, Todo) else node.leaf.fact
                at, used = open_slots.get((node.ruleset, fact), (-1, LEAVES_A_READING))
                if used >= LEAVES_A_READING:
                    if taken >= READINGS_A_FACT:
                        kind, kinds, taken = kinds, kinds + 1, 0
                    at, used, taken = len(slots), 0, taken + 1
                    slots.append(ReadingKind(kind, taken - 1, fact, ("known",), node.ruleset))
                open_slots[(node.ruleset, fact)] = (at, used + 1)
                slot = slots[at]
                rows = leaf_rows(self.protocol, node.leaf)
                asked = {*slot.properties, *(name for _, tests in rows for name, _, _ in tests)}
                slots[at] = replace(slot, properties=tuple(p for p in PROPERTIES if p in asked))
                rows = [
                    (truth, tuple((f"{name}{slot.slot}", op, c) for name, op, c in tests))
                    for truth, tests in rows
                ]
                node.fact_kind = slot.kind
            else:
                node.fact_kind, kinds = kinds, kinds + 1
                rows = _tally_rows(node.kind)
            for i, (truth, tests) in enumerate(rows):
                concluded = _concluded(node, truth, self.criterion_kinds.get(node.index))
                same = sum(1 for other, _ in rows[:i] if other == truth)
                name = concluded + (f" ({same + 1})" if same else "")
                counts_as = _SLOTS[truth]
                if node.criterion:
                    counts_as = _STATUS_SLOTS[status_of(self.criterion_kinds[node.index], truth)]
                rulesets[-1].append(len(rules))
                rules.append(
                    Rule(name, node.index, truth, node.fact_kind, tests, concluded, counts_as)
                )
        return tuple(slots), tuple(rules), tuple(tuple(r) for r in rulesets)


def _inside(condition: Condition) -> list[Condition]:
    if isinstance(condition, All | Any):
        return [c for child in condition.children for c in _inside(child)]
    if isinstance(condition, Not):
        return _inside(condition.child)
    return [condition]


def _concluded(node: Node, truth: Truth, criterion: str | None) -> str:
    if node.criterion:
        answer = {"true": "yes", "false": "no", "unknown": "unknown"}[truth]
        said = f"criterion {node.criterion}: answer {answer}, {status_of(criterion or '', truth)}"
        return said if node.kind == "criterion" else f"{node.name}: {truth}; {said}"
    if node.kind == "section":
        said = {"true": "all passed", "false": "not all passed", "unknown": "open"}[truth]
        return f"{node.name}: {said}"
    if node.kind == "verdict":
        said = {"true": "eligible", "false": "ineligible", "unknown": "undetermined"}[truth]
        return f"verdict: {said}"
    return f"{node.name}: {truth}"


_SLOTS: Mapping[Truth, int] = {"true": 0, "false": 1, "unknown": 2}
_STATUS_SLOTS: Mapping[Status, int] = {"passed": 0, "failed": 1, "open": 2}


def status_of(kind: str, truth: Truth) -> Status:
    """A criterion's status, as its rule concludes it."""
    if truth == "unknown":
        return "open"
    return "passed" if (truth == "true") == (kind == "inclusion") else "failed"


Rows = list[tuple[Truth, tuple[Test, ...]]]


def _tally_rows(kind: NodeKind) -> Rows:
    """The rules over a tally of children that are true (t), false (f) and unknown (u).

    For a section and the verdict the children count as true when they passed.
    """
    if kind == "any":
        return [
            ("true", (("t", ">=", 1),)),
            ("unknown", (("t", "==", 0), ("u", ">=", 1))),
            ("false", (("t", "==", 0), ("u", "==", 0))),
        ]
    if kind == "not":
        return [
            ("true", (("f", "==", 1),)),
            ("false", (("t", "==", 1),)),
            ("unknown", (("u", "==", 1),)),
        ]
    if kind == "criterion":
        return [
            ("true", (("t", "==", 1),)),
            ("false", (("f", "==", 1),)),
            ("unknown", (("u", "==", 1),)),
        ]
    return [
        ("false", (("f", ">=", 1),)),
        ("unknown", (("f", "==", 0), ("u", ">=", 1))),
        ("true", (("f", "==", 0), ("u", "==", 0))),
    ]


def _negated(rows: Rows) -> Rows:
    swap: dict[Truth, Truth] = {"true": "false", "false": "true", "unknown": "unknown"}
    return [(swap[truth], tests) for truth, tests in rows]


_KNOWN: Test = ("known", "==", 1)
_UNKNOWN: tuple[Truth, tuple[Test, ...]] = ("unknown", (("known", "==", 0),))


def _at_least(low: str, high: str, limit: int) -> Rows:
    return [
        ("true", (_KNOWN, (low, ">=", limit))),
        ("false", (_KNOWN, (high, "<", limit))),
        ("unknown", (_KNOWN, (low, "<", limit), (high, ">=", limit))),
        _UNKNOWN,
    ]


def _at_most(low: str, high: str, limit: int) -> Rows:
    return [
        ("true", (_KNOWN, (high, "<=", limit))),
        ("false", (_KNOWN, (low, ">", limit))),
        ("unknown", (_KNOWN, (low, "<=", limit), (high, ">", limit))),
        _UNKNOWN,
    ]


def _inside_rows(low: str, high: str, bottom: int, top: int) -> Rows:
    """Wholly between, wholly below, wholly above, across the bottom, across the top only."""
    return [
        ("true", (_KNOWN, (low, ">=", bottom), (high, "<=", top))),
        ("false", (_KNOWN, (high, "<", bottom))),
        ("false", (_KNOWN, (high, ">=", bottom), (low, ">", top))),
        ("unknown", (_KNOWN, (low, "<", bottom), (high, ">=", bottom), (low, "<=", top))),
        ("unknown", (_KNOWN, (low, ">=", bottom), (low, "<=", top), (high, ">", top))),
        _UNKNOWN,
    ]


def leaf_rows(protocol: Protocol, leaf: Leaf) -> Rows:
    """The rules of one leaf over its reading: exactly one matches any reading."""
    if isinstance(leaf, Todo):
        return [_UNKNOWN]
    fact = protocol.facts[leaf.fact]
    if isinstance(leaf, BooleanTest):
        rows: Rows = [
            ("true", (_KNOWN, ("low", "==", 1))),
            ("false", (_KNOWN, ("low", "==", 0))),
            _UNKNOWN,
        ]
        return rows if leaf.expected else _negated(rows)
    if isinstance(leaf, ChoiceTest):
        numbers = [fact.code_number(code) for code in leaf.codes]
        if len(fact.choices) > CODES_A_LEVEL:
            return _many_codes(frozenset(numbers), len(fact.choices))
        others: tuple[Test, ...] = tuple(("low", "!=", n) for n in numbers)
        rest: Rows = [("false", (_KNOWN, *others))] if len(numbers) < len(fact.choices) else []
        return [
            *(("true", (_KNOWN, ("low", "==", n))) for n in numbers),
            *rest,
            _UNKNOWN,
        ]
    if isinstance(leaf, LimitTest):
        rows = {
            "at_least": _at_least("low", "high", leaf.limit_u),
            "below": _negated(_at_least("low", "high", leaf.limit_u)),
            "at_most": _at_most("low", "high", leaf.limit_u),
            "above": _negated(_at_most("low", "high", leaf.limit_u)),
        }[leaf.op]
        return rows
    if isinstance(leaf, BetweenTest):
        return _inside_rows("low", "high", leaf.low_u, leaf.high_u)
    if isinstance(leaf, UlnTest):
        return _uln_rows(leaf)
    if isinstance(leaf, AgoTest):
        return _ago_rows(leaf)
    if isinstance(leaf, DayTest):
        day = leaf.day.toordinal()
        if leaf.op == "on_or_after":
            return _at_least("low", "high", day)
        return _inside_rows("low", "high", NEVER + 1, day)
    assert isinstance(leaf, EverTest)
    rows = _inside_rows("near", "far", 0, NEVER_AGO - 1)
    return rows if leaf.expected else _negated(rows)


def _many_codes(asked: frozenset[int], count: int) -> Rows:
    """A choice of many codes, in two steps so that few conditions stand at one level.

    `block` is the code's number over `CODES_A_LEVEL`, `digit` the remainder.
    """
    rows: Rows = [_UNKNOWN]
    for start in range(0, count, CODES_A_LEVEL):
        block: Test = ("block", "==", start // CODES_A_LEVEL)
        numbers = range(start, min(start + CODES_A_LEVEL, count))
        truths: list[Truth] = ["true" if n in asked else "false" for n in numbers]
        if len(set(truths)) == 1:
            rows.append((truths[0], (_KNOWN, block)))
        else:
            rows += [
                (truth, (_KNOWN, block, ("digit", "==", n - start)))
                for n, truth in zip(numbers, truths, strict=True)
            ]
    return rows


def _uln_rows(leaf: UlnTest) -> Rows:
    """Over floor and ceiling of the ratio, which decide as the exact ratio would.

    For a whole number K of millionths and a ratio r: r >= K iff floor(r) >= K, r > K iff
    ceil(r) > K, and likewise r <= K iff ceil(r) <= K, r < K iff floor(r) < K.
    """
    k = leaf.times_u
    known: Test = ("uknown", "==", 1)
    if leaf.op in ("at_least_uln", "below_uln"):
        rows: Rows = [
            ("true", (known, ("ulf", ">=", k))),
            ("false", (known, ("uhf", "<", k))),
            ("unknown", (known, ("ulf", "<", k), ("uhf", ">=", k))),
        ]
    else:
        rows = [
            ("false", (known, ("uhc", "<=", k))),
            ("true", (known, ("ulc", ">", k))),
            ("unknown", (known, ("ulc", "<=", k), ("uhc", ">", k))),
        ]
    rows.append(("unknown", (("uknown", "==", 0),)))
    return rows if leaf.op in ("at_least_uln", "above_uln") else _negated(rows)


def _ago_rows(leaf: AgoTest) -> Rows:
    """Days ago, or steps of the month grid: `near` is the later end, `far` the earlier one.

    `sure`: for every date that the reading can be, and by both month-end rules, the length has
    passed; `may`: for one of the dates, by one of the rules. With months, that it has passed
    is asked of the grid as of the day (the earlier rule: with its missing days), and that it
    was over before, of the day before, as engine.terms.calendar explains.
    """
    over = leaf.op in ("more_than_ago", "within_last")
    near, far, least, most = "near", "far", leaf.duration.days + over, leaf.duration.days + over
    if leaf.duration.months:
        near, far = ("snear", "mfar") if over else ("mnear", "efar")
        least = 31 * leaf.duration.months
        most = least + over
    sure: Test = (near, ">=", least)
    not_sure: Test = (near, "<", least)
    may: Test = (far, ">=", most)
    not_may: Test = (far, "<", most)
    if leaf.op in ("at_least_ago", "more_than_ago"):
        return [
            ("true", (_KNOWN, sure)),
            ("false", (_KNOWN, not_may)),
            ("unknown", (_KNOWN, not_sure, may)),
            _UNKNOWN,
        ]
    come: Test = ("far", ">=", 0)
    return [
        ("true", (_KNOWN, ("near", ">=", 0), not_may)),
        ("false", (_KNOWN, ("far", "<", 0))),
        ("false", (_KNOWN, come, sure)),
        ("unknown", (_KNOWN, ("near", "<", 0), come, not_sure)),
        ("unknown", (_KNOWN, ("near", ">=", 0), not_sure, may)),
        _UNKNOWN,
    ]


_COMPARE: Mapping[Op, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(rule: Rule, fact: Mapping[str, int]) -> bool:
    """Whether a rule should match a fact: the self-test's expectation, never a verdict's."""
    for name, op, constant in rule.tests:
        value = fact.get(name)
        if value is None or not _COMPARE[op](value, constant):
            return False
    return rule.kind == fact["k"]
