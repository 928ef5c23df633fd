"""The published plan: its shape, as typed dictionaries in field order."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from engine.record.shape import ProtocolIdentity, Software
from engine.terms import Changes, Kind, Reason, Status, Verdict

NextKind = Literal["enrol", "wait", "collect", "repeat", "none"]


class Next(TypedDict):
    """The next thing to do: what, and by or on which day (None: no day is set)."""

    kind: NextKind
    on: str | None
    says: str


class VerdictSpan(TypedDict):
    first: str
    last: str
    verdict: Verdict


class StatusSpan(TypedDict):
    first: str
    last: str
    status: Status


class CriterionLine(TypedDict):
    """How one criterion stands on each day of the horizon, if nothing changes but time."""

    id: str
    kind: Kind
    text: str
    spans: list[StatusSpan]


class Event(TypedDict):
    """A day on which a criterion changes by time alone, and why."""

    on: str
    criteria: list[str]
    because: list[str]


class Resting(TypedDict):
    """A result that a verdict rests on, and the last day on which it may be relied on."""

    collect: str
    ask: str
    good_until: str


class Repeat(TypedDict):
    """A result that lapses before it is needed: from which day on a repeat still serves."""

    collect: str
    ask: str
    good_until: str
    not_before: str


class Window(TypedDict):
    """Consecutive days on which the subject is eligible as recorded.

    `last` is the horizon's last day where nothing ends it before; `closes` says what does.
    `rests_on`: each result without which the subject would not be eligible on `first`.
    """

    first: str
    last: str
    closes: list[str]
    rests_on: list[Resting]


class Waiting(TypedDict):
    """The first day on which no criterion fails any more, if results are kept current.

    `verdict`: eligible, or undetermined where facts are still open on that day. `repeat`: the
    results that lapse before it; `conflicts` puts each in words.
    """

    on: str
    verdict: Verdict
    because: list[str]
    repeat: list[Repeat]
    conflicts: list[str]


class When(TypedDict):
    first: str
    last: str
    verdict: list[VerdictSpan]
    criteria: list[CriterionLine]
    events: list[Event]
    window: Window | None
    waiting: Waiting | None
    never: list[str]


class Told(TypedDict, total=False):
    """What is known of a fact that is to be collected, as far as it is: see `ToCollect`."""

    reason: Reason
    detail: str
    found_in: str
    effort: int
    not_before: str


class ToCollect(TypedDict):
    """A fact that can still change the verdict. `collect` is a fact or a record list.

    `excludes`: it alone could make the subject ineligible.
    """

    collect: str
    ask: str
    reason: NotRequired[Reason]
    detail: NotRequired[str]
    found_in: NotRequired[str]
    effort: NotRequired[int]
    not_before: NotRequired[str]
    excludes: bool
    criteria: list[str]


class Idle(TypedDict):
    collect: str
    ask: str


class Collect(TypedDict):
    """What to collect, as of the day `on`.

    `possible`: the verdicts that completing the open facts can still lead to. `agrees`: all
    lead to one, although it is not decided until they are recorded. `sets`: the smallest sets
    of facts that settle the verdict whatever they come to, least effort first. `idle`: open
    facts that can no longer change it. `unwritten`: open criteria that no fact settles.
    `exact`: false where the search was cut short and more may be listed than is needed.
    """

    on: str
    verdict: Verdict
    possible: list[Verdict]
    agrees: bool
    needed: list[ToCollect]
    sets: list[list[str]]
    idle: list[Idle]
    unwritten: list[str]
    exact: bool


class Part(TypedDict):
    """One part of a change: a wait (`fact` is what time changes) or a new result."""

    fact: str
    ask: str
    changes: Changes
    says: str


class Change(TypedDict):
    """Parts that together, and none without the others, end every failure."""

    on: str
    verdict: Verdict
    parts: list[Part]
    says: str


class Would(TypedDict):
    """What would have to change. `cannot`: the permanent facts, in words, that rule it out.

    `stays`: no wait and no new result that can be named would do; the facts it rests on.
    """

    sets: list[Change]
    cannot: list[str]
    stays: list[str]
    exact: bool


class Plan(TypedDict):
    schema: Literal["eligo.plan/1"]
    subject: str
    as_of: str
    horizon: int
    protocol: ProtocolIdentity
    facts_digest: str
    software: Software
    verdict: Verdict
    determined_by: list[str]
    answer: str
    next: Next
    when: When
    collect: Collect
    would: Would | None
