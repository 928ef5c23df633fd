"""Explain a decision in records: each condition with its truth, what is missing, when to look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from engine import terms as m
from engine.explain.evidence import Evidence
from engine.explain.lacking import Lacking, unknown_reason
from engine.explain.turns import Turns, next_day
from engine.record.messages import Said, asked_text, say
from engine.record.shape import (
    LookAgain,
    Missing,
    Why,
)
from engine.record.wording import asked_of
from engine.select.found import Found
from engine.terms.calendar import earliest, latest

Cause = tuple[str, str, Said | str]
"""A sentence that is made only if it is asked for: its id, and its one argument with its name."""

NextChange = tuple[date, tuple[Cause, ...]]
"""The first day on which a truth may change by time alone, and what does it."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One condition, prepared for explaining: what does not depend on the subject.

    `node` is its node in the program. `held`: the truth that its children must hold together
    or the node turns (`all` stays false while a child is false); None for other kinds.
    """

    path: str
    node: int
    words: Said
    test: m.Test | None
    asked: Said | None
    held: m.Truth | None
    children: tuple[Branch, ...]


def prepare(protocol: m.Protocol, paths: Mapping[str, int]) -> dict[str, Branch]:
    """A branch for the condition of every criterion, by id."""
    facts = protocol.facts
    definitions: dict[str, Branch] = {}

    def branch(path: str, condition: m.Condition) -> Branch:
        node = paths[path]
        if isinstance(condition, m.Group):
            children = tuple(branch(f"{path}.{i}", c) for i, c in enumerate(condition.children, 1))
            if isinstance(condition, m.AtLeast):
                words = say("condition.at_least", count=condition.count)
                return Branch(path, node, words, None, None, None, children)
            if isinstance(condition, m.Any) and condition.when:
                unless = replace(children[0], words=say("condition.unless"))
                both = (unless, *children[1:])
                return Branch(path, node, say("condition.when"), None, None, "true", both)
            if isinstance(condition, m.All):
                return Branch(path, node, say("condition.all"), None, None, "false", children)
            return Branch(path, node, say("condition.any"), None, None, "true", children)
        if isinstance(condition, m.Not):
            below = (branch(f"{path}.1", condition.child),)
            return Branch(path, node, say("condition.not"), None, None, None, below)
        if isinstance(condition, m.Defined):
            name = condition.name
            if name not in definitions:
                definitions[name] = branch(name, protocol.definitions[name])
            words = say("condition.defined", name=name)
            return Branch(path, node, words, None, None, None, (definitions[name],))
        if isinstance(condition, m.Todo):
            return Branch(path, node, say("condition.todo"), None, None, None, ())
        fact = facts[condition.fact]
        test = asked_of(condition, facts)
        asked = Said(asked_text(test), test)
        words = say("condition.test", ask=fact.ask, test=asked)
        return Branch(path, node, words, condition, asked, None, ())

    return {c.id: branch(c.id, c.holds_when) for c in protocol.criteria}


class Explanation:
    """The explanation of one subject's decision on one date."""

    def __init__(
        self,
        protocol: m.Protocol,
        subject: m.Subject,
        found: Mapping[str, Found],
        truths: Sequence[m.Truth],
        as_of: date,
    ) -> None:
        self.protocol = protocol
        self.subject = subject
        self.found = found
        self.truths = truths
        self.as_of = as_of
        self.evidence = Evidence(protocol, subject, found, as_of)
        self.turns = Turns(protocol, subject, found, as_of)
        self.lacking = Lacking(protocol, subject, found, as_of, self.evidence)
        self._leaves: dict[int, tuple[Said, NextChange | None]] = {}
        self._changes: dict[int, NextChange | None] = {}

    def why(self, branch: Branch) -> Why:
        """A condition with its truth, what it looked at, and its children."""
        truth = self.truths[branch.node]
        test = branch.test
        words = branch.words
        why: Why
        if test is None or branch.asked is None:
            children = [self.why(child) for child in branch.children]
            why = {
                "node": branch.path,
                "condition": words.text,
                "condition_message": words.data,
                "truth": truth,
                "children": children,
            }
            return why
        says, change = self._leaf(branch, test)
        _, *others = m.facts_of(test)
        why = {
            "node": branch.path,
            "condition": words.text,
            "condition_message": words.data,
            "truth": truth,
            "test": branch.asked.data,
            "says": says.text,
            "says_message": says.data,
            "reading": self.evidence.reading(test.fact),
            "children": [],
        }
        if others:
            why["against"] = self.evidence.reading(others[0])
        if change is not None:
            why["changes_on"] = change[0].isoformat()
        return why

    def _leaf(self, branch: Branch, test: m.Test) -> tuple[Said, NextChange | None]:
        known = self._leaves.get(branch.node)
        if known is None:
            known = self._leaves[branch.node] = self._explain_leaf(branch, test)
        return known

    def _explain_leaf(self, branch: Branch, test: m.Test) -> tuple[Said, NextChange | None]:
        truth = self.truths[branch.node]
        fact = self.protocol.facts[test.fact]
        found = self.found[test.fact]
        compared: dict[str, Said | str | None] = {
            "ask": fact.ask,
            "shown": self.evidence.shown(fact, found),
            "test": branch.asked,
        }
        against = ""
        for name in m.facts_of(test)[1:]:
            other = self.protocol.facts[name]
            shown = self.evidence.shown(other, self.found[other.name])
            compared = {**compared, "other": other.ask, "against": shown}
            against = "_against"
        if truth == "unknown":
            said = say(f"says.unknown{against}", **compared, detail=self._detail(test))
            return said, self._change(branch, test, found, None)
        turn = self.turns.turn(test, truth, found, earliest)
        # Of an imprecise date the day is only the first on which the truth may turn.
        exact = found.reading.low == found.reading.high
        if turn is None or not exact or self.turns.grows(test.fact):
            said = say(f"says.{'holds' if truth == 'true' else 'fails'}{against}", **compared)
        elif truth == "false":
            sure = self.turns.turn(test, truth, found, latest) or turn
            late = found.until is not None and sure > found.until
            id_ = "says.fails_unless_renewed" if late else "says.fails_until"
            said = say(id_, **compared, day=sure.isoformat())
        else:
            last = (turn - timedelta(days=1)).isoformat()
            said = say("says.holds_until", **compared, day=last)
        return said, self._change(branch, test, found, turn)

    def _change(
        self, branch: Branch, test: m.Test, found: Found, turn: date | None
    ) -> NextChange | None:
        """The first day on which anything about a leaf may change, nothing new recorded."""
        truth = self.truths[branch.node]
        best: NextChange | None = None
        if turn is not None and turn > self.as_of:
            id_ = "change.satisfied_from" if truth == "false" else "change.satisfied_until"
            best = (turn, ((id_, "condition", branch.words),))
        if isinstance(test, m.AnchorTest):
            return self._against(test, branch, found)
        for name in m.facts_of(test):
            fact, one = self.protocol.facts[name], self.found[name]
            if one.starts is not None and (best is None or one.starts < best[0]):
                id_ = "change.window" if by_their_day(fact) else "change.starts"
                best = (one.starts, ((id_, "ask", fact.ask),))
            if (
                truth != "unknown"
                and one.until is not None
                and (best is None or one.until < best[0])
                and not _proved_by_entry(fact, test, truth, one.reading)
            ):
                after = next_day(one.until)
                if after is not None and (best is None or after < best[0]):
                    what = self.lacking.collect(fact)[1]
                    best = (after, (("change.expires", "ask", what),))
        if (
            truth == "unknown"
            or found.reading.low != found.reading.high
            or any(self.turns.moving(name) for name in m.facts_of(test))
        ):
            day = min(self.turns.widening(test, truth, found), default=None)
            if day is not None and (best is None or day < best[0]):
                best = (day, (("change.decided", "condition", branch.words),))
        return best

    def _against(self, test: m.AnchorTest, branch: Branch, found: Found) -> NextChange | None:
        """As `_change`, of a date that is held against another: never too late."""
        days: list[tuple[date | None, Cause]] = []
        for name in m.facts_of(test):
            fact, one = self.protocol.facts[name], self.found[name]
            days.append((one.starts, ("change.starts", "ask", fact.ask)))
            after = next_day(one.until) if one.until is not None else None
            days.append((after, ("change.expires", "ask", self.lacking.collect(fact)[1])))
            exact = one.reading.low == one.reading.high and not one.reading.ahead
            if not exact or self.turns.moving(name):
                days.append((next_day(self.as_of), ("change.decided", "condition", branch.words)))
        ahead = [(day, (cause,)) for day, cause in days if day is not None and day > self.as_of]
        return _first([*ahead])

    def _reason(self, test: m.Test, found: Found) -> m.Reason:
        anchor = self.found[test.anchor].reading if isinstance(test, m.AnchorTest) else None
        return unknown_reason(test, found.reading, anchor)

    def next_change(self, branch: Branch) -> NextChange | None:
        """The first day on which a condition's truth may change by time alone.

        A bound that is never late: a false `all` stays false at least until the last of its
        false children has had a chance to change, and so on.
        """
        if branch.node in self._changes:
            return self._changes[branch.node]
        change: NextChange | None
        if branch.test is not None:
            change = self._leaf(branch, branch.test)[1]
        elif branch.held is not None and self.truths[branch.node] == branch.held:
            holding = [c for c in branch.children if self.truths[c.node] == branch.held]
            change = _last([self.next_change(child) for child in holding])
        else:
            change = _first([self.next_change(child) for child in branch.children])
        self._changes[branch.node] = change
        return change

    def look_again(
        self, verdict: m.Verdict, failed: Sequence[Branch], every: Iterable[Branch]
    ) -> LookAgain | None:
        """The first day on which the verdict may change by time alone."""
        if verdict == "ineligible":
            change = _last([self.next_change(branch) for branch in failed])
        else:
            change = _first([self.next_change(branch) for branch in every])
        if change is None:
            return None
        told = (say(id_, **{name: value}) for id_, name, value in change[1])
        because = {said.text: said.data for said in told}
        texts = sorted(because)
        return {
            "on": change[0].isoformat(),
            "because": texts,
            "messages": [because[text] for text in texts],
        }

    def missing(self, branch: Branch) -> list[Missing]:
        """Why an open criterion is open: one item a fact and reason, in the rule's order."""
        items: dict[tuple[str, str], Missing] = {}

        def walk(part: Branch) -> None:
            if self.truths[part.node] != "unknown":
                return
            for child in part.children:
                walk(child)
            if not part.children:
                item = self._missing(part)
                items.setdefault((item["fact"], item["reason"]), item)

        walk(branch)
        return list(items.values())

    def _detail(self, test: m.Test) -> Said:
        """Why a test is unknown, in words."""
        name = self.lacking.lacks(test)
        fact, found = self.protocol.facts[name], self.found[name]
        return self.lacking.detail(test, fact, found, self._reason(test, found))

    def _missing(self, branch: Branch) -> Missing:
        leaf = branch.test
        if leaf is None:
            return {
                "fact": "todo",
                "reason": "not_recorded",
                "detail": branch.words.text,
                "message": branch.words.data,
                "collect": "todo",
                "ask": "Judge this criterion by hand",
            }
        of = self.protocol.facts[self.lacking.lacks(leaf)]
        reason = self._reason(leaf, self.found[of.name])
        if isinstance(leaf, m.AnchorTest) and reason == "no_anchor":
            of = self.protocol.facts[leaf.anchor]
        collect, ask, where = self.lacking.collect(of)
        detail = self._detail(leaf)
        item: Missing = {
            "fact": of.name,
            "reason": reason,
            "detail": detail.text,
            "message": detail.data,
            "collect": collect,
            "ask": ask,
        }
        if where:
            item["found_in"] = where
        return item


def by_their_day(fact: m.Fact) -> bool:
    """Whether entries count for a fact by what their dates are to the as-of date."""
    where = fact.derive.where if isinstance(fact.derive, m.FromList) else ()
    dated = (m.AgoTest, m.DayTest, m.EverTest)
    return any(isinstance(test, dated) for test in m.tests_in(where))


def _proved_by_entry(fact: m.Fact, test: m.Test, truth: m.Truth, reading: m.Reading) -> bool:
    """Whether a known entry proves the truth, so that a lapsed confirmation changes nothing."""
    if isinstance(fact.derive, m.LatestOf | m.EarliestOf):
        if reading.low == m.NEVER:
            return False
        if isinstance(test, m.AgoTest):
            # An unknown entry can only be later than the latest, or earlier than the earliest.
            long_ago = (test.op in ("at_least_ago", "more_than_ago")) == (truth == "true")
            return long_ago == isinstance(fact.derive, m.EarliestOf)
        if isinstance(test, m.EverTest):
            return (truth == "true") == test.expected
    if isinstance(fact.derive, m.Count) and isinstance(test, m.LimitTest):
        return truth == ("true" if test.op in ("at_least", "above") else "false")
    return False


def _first(changes: list[NextChange | None]) -> NextChange | None:
    known = [c for c in changes if c is not None]
    if not known:
        return None
    day = min(c[0] for c in known)
    return day, tuple(text for c in known if c[0] == day for text in c[1])


def _last(changes: list[NextChange | None]) -> NextChange | None:
    if not changes or any(c is None for c in changes):
        return None
    known = [c for c in changes if c is not None]
    day = max(c[0] for c in known)
    return day, tuple(text for c in known if c[0] == day for text in c[1])
