"""Compile a protocol into constant-only rules over integer facts.

The scheme (DECISIONS, "tallies"): a *reading* fact carries some facts' readings as integers,
and each leaf condition has three to six rules over one of them, one of which matches. When the last
child of a group is concluded, the session asserts one *tally* fact that counts the children
by truth, and three rules over the tally conclude the group. Criteria, the two sections and
the verdict go on in the same way. No rule needs a join, a negation by absence or a string.

Nothing here imports the engine; `Matcher` rows are turned into its JSON in `session`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from engine import terms as m
from engine.compile.leaves import Rows, leaf_rows
from engine.compile.program import (
    PROPERTIES,
    UNWRITTEN,
    Against,
    Node,
    NodeKind,
    Program,
    ReadingKind,
    Rule,
)
from engine.record.wording import leaf_text
from engine.terms.condition import defined_in
from engine.terms.units import conversion

BUCKET = 12
"""Fact kinds a first condition is shared by (the engine's limits are in the hundreds)."""

LEAVES_A_READING = 10
"""Leaves that look at one copy of a reading; beyond that a second copy is asserted."""

READINGS_A_FACT = 12
"""Readings that one fact carries: each stored fact costs the engine some 9 kB, and 64
conditions at most may be waiting when one is matched (two a reading, and one reading's own)."""

RULES_A_SET = 500
"""Rules in one ruleset (the engine's limit is 4,096); larger packs use several, as the engine
takes longer over each subject the more rules a set has."""


def compile_protocol(protocol: m.Protocol) -> Program:
    """The program of a protocol that has passed the reader."""
    return _Compiler(protocol).program()


class _Compiler:
    def __init__(self, protocol: m.Protocol) -> None:
        self.protocol = protocol
        self.nodes: list[Node] = []
        self.leaves: dict[str, int] = {}
        self.paths: dict[str, int] = {}
        self.names = {
            c.id: f"criterion {c.id}" if c.about == "criterion" else c.id for c in protocol.criteria
        }
        self.of_outcomes = frozenset(c.id for c in protocol.criteria if c.about != "criterion")

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
            criteria[id_] = root if own else self._node("criterion", self.names[id_], (root,))
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
        truths: tuple[m.Truth, ...] = ("true", "false", "unknown")
        statuses = {(id_, t): status_of(kind, t) for id_, kind in kinds.items() for t in truths}
        return Program(
            tuple(self.nodes), rules, rulesets, readings, self.paths, criteria, statuses, verdict
        )

    def _definition_order(self) -> list[str]:
        """Definitions, each after those it refers to (the reader has refused cycles)."""
        order: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in order:
                for other in defined_in(self.protocol.definitions[name]):
                    visit(other)
                order[name] = None

        for name in self.protocol.definitions:
            visit(name)
        return list(order)

    def _node(
        self, kind: NodeKind, name: str, children: tuple[int, ...] = (), leaf: m.Leaf | None = None
    ) -> int:
        self.nodes.append(Node(len(self.nodes), kind, name, children, leaf=leaf))
        return len(self.nodes) - 1

    def _condition(self, path: str, condition: m.Condition) -> int:
        index: int
        if isinstance(condition, m.Defined):
            index = self.paths[condition.name]
        elif isinstance(condition, m.All | m.Any):
            children = tuple(
                self._condition(f"{path}.{i}", child)
                for i, child in enumerate(condition.children, start=1)
            )
            index = self._node("all" if isinstance(condition, m.All) else "any", path, children)
        elif isinstance(condition, m.AtLeast):
            children = tuple(
                self._condition(f"{path}.{i}", child)
                for i, child in enumerate(condition.children, start=1)
            )
            index = self._node("at_least", path, children)
            self.nodes[index].count = condition.count
        elif isinstance(condition, m.Not):
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
        open_slots: dict[tuple[int, str, Against | None], tuple[int, int]] = {}
        kinds, kind, taken = 0, -1, READINGS_A_FACT
        for node in self.nodes:
            if len(rulesets[-1]) > RULES_A_SET:
                rulesets.append([])
                taken = READINGS_A_FACT
            node.ruleset = len(rulesets) - 1
            if node.leaf is not None:
                fact = UNWRITTEN if isinstance(node.leaf, m.Todo) else node.leaf.fact
                against = _held_against(self.protocol, node.leaf)
                key = (node.ruleset, fact, against)
                at, used = open_slots.get(key, (-1, LEAVES_A_READING))
                if used >= LEAVES_A_READING:
                    if taken >= READINGS_A_FACT:
                        kind, kinds, taken = kinds, kinds + 1, 0
                    at, used, taken = len(slots), 0, taken + 1
                    first = "pair" if isinstance(node.leaf, m.AnchorTest) else "known"
                    own = (kind, taken - 1, fact, (first,), node.ruleset)
                    slots.append(ReadingKind(*own, against))
                open_slots[key] = (at, used + 1)
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
                rows = _tally_rows(node)
            for i, (truth, tests) in enumerate(rows):
                concluded = self._concluded(node, truth)
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

    def _concluded(self, node: Node, truth: m.Truth) -> str:
        """What a rule says that it concluded; of an outcome, an answer without a status."""
        if node.criterion:
            said = f"{self.names[node.criterion]}: "
            answer = {"true": "yes", "false": "no", "unknown": "unknown"}[truth]
            if node.criterion in self.of_outcomes:
                said += answer
            else:
                said += f"answer {answer}, {status_of(self.criterion_kinds[node.index], truth)}"
            return said if node.kind == "criterion" else f"{node.name}: {truth}; {said}"
        if node.kind == "section":
            said = {"true": "all passed", "false": "not all passed", "unknown": "open"}[truth]
            return f"{node.name}: {said}"
        if node.kind == "verdict":
            said = {"true": "eligible", "false": "ineligible", "unknown": "undetermined"}[truth]
            return f"verdict: {said}"
        return f"{node.name}: {truth}"


_SLOTS: Mapping[m.Truth, int] = {"true": 0, "false": 1, "unknown": 2}
_STATUS_SLOTS: Mapping[m.Status, int] = {"passed": 0, "failed": 1, "open": 2}


def _held_against(protocol: m.Protocol, leaf: m.Leaf) -> Against | None:
    """The other fact that a test looks at, with its side, or how many of it are the limit."""
    if isinstance(leaf, m.AnchorTest):
        return leaf.side, leaf.anchor
    if not isinstance(leaf, m.FactLimitTest):
        return None
    fact, other = protocol.facts[leaf.fact], protocol.facts[leaf.against]
    factor, _ = conversion(other.unit, fact.unit, fact.molar_mass)
    return factor * leaf.times_u / m.MILLION, leaf.against


def status_of(kind: str, truth: m.Truth) -> m.Status:
    """A criterion's status, as its rule concludes it."""
    if truth == "unknown":
        return "open"
    return "passed" if (truth == "true") == (kind == "inclusion") else "failed"


def _tally_rows(node: Node) -> Rows:
    """The rules over a tally of children that are true (t), false (f) and unknown (u).

    For a section and the verdict the children count as true when they passed.
    """
    kind = node.kind
    if kind == "at_least":
        lost = len(node.children) - node.count + 1
        return [
            ("true", (("t", ">=", node.count),)),
            ("false", (("f", ">=", lost),)),
            ("unknown", (("t", "<", node.count), ("f", "<", lost))),
        ]
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
