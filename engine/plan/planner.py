"""What plans are made with: a protocol's searches, and its rules to confirm what they find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property

from engine.decide.decision import VERDICTS, Screener
from engine.plan import words
from engine.plan.change import Changing
from engine.plan.days import (
    Day,
    confirmed,
    day_of,
    tests_of,
)
from engine.plan.loose import is_loose, loosened
from engine.plan.regions import ways
from engine.plan.roots import Root, Roots
from engine.plan.search import OPEN, Shape, Steps, World
from engine.select.readings import find_readings
from engine.terms import Fact, Protocol, RecordList, Subject, Verdict
from engine.terms.calendar import back, earliest
from engine.terms.faults import EngineFault

LAST_EFFORT = 99
"""Where the dictionary does not say how much work something is, it comes last."""


class Planner:
    """What the plans of one screener's protocol are made with."""

    def __init__(self, screener: Screener) -> None:
        self.screener = screener
        self.protocol: Protocol = loosened(screener.protocol)
        self.tests = tests_of(self.protocol)
        self.roots = Roots(self.protocol, self.tests)
        self.shape = Shape(self.protocol, self.tests, self.roots)
        self.loose = any(is_loose(root) for root in self.shape.leaves_of)
        """Whether some tests stand as facts: then nothing that is found is said to be all."""
        self.order = {name: n for n, name in enumerate(self.protocol.facts)}
        self.days: dict[date, Day] = {}  # of the subject being planned for

    def day(self, subject: Subject, on: date) -> Day:
        """The subject being planned for, on one day, as recorded."""
        day = self.days.get(on)
        if day is None:
            day = self.days[on] = day_of(self.protocol, subject, on)
        return day

    def confirm(self, day: Day, verdict: Verdict | None = None, *, recorded: bool = False) -> None:
        """Fire the rules on a day's readings. Raises: EngineFault unless they say the same.

        `recorded`: the day is as recorded, so that the pack's own rules are to say so; else
        tests that stand as facts are taken as what the day has them come to.
        """
        screener = self.screener if recorded or not self.loose else self._over_facts
        outcome = screener.session.run(day.readings, day.on)
        program = screener.program
        for criterion, status in day.statuses.items():
            truth = outcome.truths[program.criteria[criterion]]
            if program.statuses[criterion, truth] != status:
                raise EngineFault(f"the rules do not confirm the plan on `{criterion}`")
        fired = VERDICTS[outcome.truths[program.verdict]]
        if fired != (verdict or day.verdict):
            raise EngineFault("the rules do not confirm the plan's verdict")

    @cached_property
    def _over_facts(self) -> Screener:
        """The rules of the protocol in which tests stand as facts."""
        return Screener(self.protocol)

    def because(
        self, subject: Subject, before: Day, after: Day, criteria: Iterable[str]
    ) -> list[str]:
        """What time alone changed between two days, as far as some criteria look at it."""
        numbers = {c.id: n for n, c in enumerate(self.protocol.criteria)}
        leaves = {leaf for name in criteria for leaf in self.shape.leaves_in[numbers[name]]}
        old, new = World(self.shape, before, {}, Steps()), World(self.shape, after, {}, Steps())
        said: dict[str, None] = {}
        lapsed: dict[date, dict[str, None]] = {}
        for number in sorted(leaves - {self.shape.todo}):
            test, was, now = self.tests[number], old.initial[number], new.initial[number]
            if was == now:
                continue
            reading = after.readings[test.fact]
            stale = reading.reason in ("out_of_date", "history_not_confirmed")
            if now == OPEN and stale and not is_loose(test.fact):
                for root in self.shape.leaf_roots[number]:
                    good = self.good_until(subject, root, before.on)
                    if good is not None and good < after.on:
                        ask = words.ask_of(self.protocol, root)
                        lapsed.setdefault(good, {})[ask] = None
            else:
                said[words.turned(self.protocol, test, was, now, reading, after.on)] = None
        return [
            *said,
            *(
                f"{words.LAPSED} {good}: {words.listed(tuple(asks), 30)}"
                for good, asks in sorted(lapsed.items())
            ),
        ]

    def good_until(self, subject: Subject, root: Root, on: date) -> date | None:
        """The last day on which what counts on `on` may be relied on."""
        if is_loose(root):
            return None
        if root.startswith("records."):
            name = root.removeprefix("records.")
            if not confirmed(self.protocol, subject, name, on):
                return None
            complete_on = subject.records[name].complete_on
            assert complete_on is not None
            return earliest(complete_on, self.protocol.records[name].valid_for)
        found = find_readings(_only(self.protocol, root), subject, on)[root]
        return found.until if found.reading.low is not None else None

    def covers(self, root: Root, on: date) -> date:
        """The first day on which a result may be recorded and still be relied on on `on`."""
        length = self.of(root).valid_for
        if length is None:
            return date.min
        day = back(on, length, early=True, strict=True)
        return date.min if day is None else day + timedelta(days=1)

    def world(self, subject: Subject, day: Day, steps: Steps) -> tuple[World, bool]:
        """The day with every way in which its open facts may come out, and whether that is all."""
        world = World(self.shape, day, {}, steps)
        states = {}
        exact = True
        for root in self.shape.leaves_of:
            leaves = self.shape.leaves_of[root]
            if any(world.initial[leaf] == OPEN for leaf in leaves):
                found = ways(self.roots, root, subject, day.readings, day.on)
                exact = exact and found.exact and not is_loose(root)
                states[root] = found.states
        return World(self.shape, day, states, steps), exact

    def of(self, root: Root) -> Fact | RecordList:
        if root.startswith("records."):
            return self.protocol.records[root.removeprefix("records.")]
        return self.protocol.facts[root]

    def effort(self, root: Root) -> int:
        effort = self.of(root).effort
        return LAST_EFFORT if effort is None else effort

    def place(self, root: Root) -> int:
        facts = self.roots.facts[root]
        return min(self.order[name] for name in facts)

    def sorted(self, roots: Iterable[Root]) -> list[Root]:
        return sorted(roots, key=lambda root: (self.effort(root), self.place(root)))

    def failed(self, day: Day) -> list[int]:
        """The numbers of the criteria that fail on a day."""
        return [n for n, status in enumerate(day.statuses.values()) if status == "failed"]

    def fixed(self, today: Day, changes: Changing | None) -> list[str]:
        names = changes.fixed if changes is not None else ()
        facts = self.protocol.facts
        return [words.reading_words(facts[name], today.readings[name]) for name in names]


def name_of(root: Root) -> str:
    """What a person records: the fact, or the record list."""
    return root.removeprefix("records.")


def _only(protocol: Protocol, name: str) -> Protocol:
    """The protocol with one fact in its dictionary."""
    return replace(protocol, facts={name: protocol.facts[name]})
