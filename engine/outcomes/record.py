"""The published outcome records: one a patient, and one for the trial, in field order.

`eligo.outcome/1` is what became of one patient by the data cut-off; `eligo.trial/1` is the
summary of all of them. `docs/outcome.schema.json` is generated from these types. Days are ISO
text, `day` counts days from the start, which is day 0; `months` is completed calendar
months, and the days beyond them in 31sts.
"""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from engine.record.shape import (
    EngineFaultRecord,
    Firing,
    Missing,
    Number,
    PassedOver,
    ProtocolIdentity,
    Rejection,
    Software,
    Why,
)
from engine.terms import Answer, Basis

LandmarkStatus = Literal["event", "event_free", "censored_before", "not_yet_reached", "unknown"]
SevereStatus = Literal["yes", "no", "unknown", "not_yet_reached"]


class Graded(TypedDict):
    """Where an entry stands on a scale: its class, or those it could still be.

    `class` is None where more than one is possible, or none.
    """

    scale: str
    value: str | None
    possible: list[str]


class EntryOutcome(TypedDict):
    """One entry of a record list: its day, its classes, the events it shows."""

    entry: str
    on: str
    day: int
    months: Number
    grades: list[Graded]
    shows: dict[str, Answer]


class BestResponse(TypedDict):
    """Best response in the window. `possible` are the classes it could be.

    `window_or_ends`: the day after, where the window may end on either.

    `remission`: whether it is one. `evaluable`: an assessment in the window shows where the
    patient stood. `mrd`: residual disease at the assessment of best response, or the best of
    them where several share it.
    """

    window_ends: str
    window_or_ends: NotRequired[str]
    window_closed: bool
    evaluable: bool
    best: str | None
    possible: list[str]
    on: str | None
    day: int | None
    entry: str | None
    remission: Answer
    mrd: str | None
    mrd_negative: Answer


class Landmark(TypedDict):
    """Where a patient stands at one landmark.

    `or_on`: the day after, where the landmark may be on either, as its month lacks the day.
    """

    after: str
    on: str
    or_on: NotRequired[str]
    status: LandmarkStatus


class Followed(TypedDict):
    """One endpoint under one rule of censoring: an event, or censored, when and why.

    `because` is the event's id, or what ended follow-up: a date's name, `examined`,
    `start` where nothing later is known.
    """

    rule: str
    status: Literal["event", "censored"]
    because: str
    on: str
    day: int
    months: Number
    entry: str | None
    landmarks: list[Landmark]


class EndpointOutcome(TypedDict):
    """One endpoint, under every rule; the first is primary."""

    id: str
    rules: list[Followed]


class Worst(TypedDict):
    """The worst class of a toxicity by one day. `low` and `high` differ where it is open.

    `severe`: whether it is among the classes counted, by `on`. `entry` shows `low`. `or_on`:
    the day after, where the period may end on either.
    """

    after: str
    on: str
    or_on: NotRequired[str]
    low: str | None
    high: str | None
    severe: SevereStatus
    fatal: Answer
    entry: str | None
    day: int | None


class ToxicityOutcome(TypedDict):
    id: str
    within: list[Worst]


class Conclusion(TypedDict):
    """One statement, `SCALE is CLASS` or `EVENT shown`, and why its answer is what it is."""

    id: str
    text: str
    interpretation: str
    basis: Basis
    answer: Answer
    why: Why
    missing: list[Missing]


class Proof(TypedDict):
    """How the classes of one entry were concluded: each statement's trace, and the firings."""

    entry: str
    as_of: str
    conclusions: list[Conclusion]
    firings: list[Firing]


class Happened(TypedDict):
    """A dated event of the patient's course."""

    what: str
    on: str
    day: int
    months: Number
    entry: str


class Outcome(TypedDict):
    """`eligo.outcome/1`. Where nothing was infused by the cut-off, all lists are empty.

    `passed_over`: what is recorded of the patient's course and was not used, and why.
    """

    schema: Literal["eligo.outcome/1"]
    subject: str
    as_of: str
    protocol: ProtocolIdentity
    facts_digest: str
    software: Software
    started_on: str | None
    course: list[Happened]
    entries: list[EntryOutcome]
    response: BestResponse | None
    endpoints: list[EndpointOutcome]
    toxicities: list[ToxicityOutcome]
    passed_over: NotRequired[list[PassedOver]]
    proofs: NotRequired[list[Proof]]


class Proportion(TypedDict):
    """`count` of `of`, with the exact (Clopper-Pearson) 95 % interval; None of nobody."""

    count: int
    of: int
    value: Number | None
    low: Number | None
    high: Number | None


class NamedProportion(TypedDict):
    label: str
    proportion: Proportion


class Step(TypedDict):
    """The estimate from `time` on, at the times of events and of censoring."""

    time: Number
    at_risk: int
    events: int
    censored: int
    survival: Number
    low: Number | None
    high: Number | None


class Estimate(TypedDict):
    """The curve's value at a landmark. None of nobody at risk so long, nor an event before."""

    after: str
    time: Number
    survival: Number | None
    low: Number | None
    high: Number | None
    at_risk: int
    event: int
    event_free: int
    censored_before: int
    not_yet_reached: int
    unknown: int


class Curve(TypedDict):
    """Kaplan-Meier with log-log 95 % intervals, time in `unit`.

    `median` is None where the curve does not come down to one half.
    """

    unit: Literal["months", "days"]
    patients: int
    events: int
    steps: list[Step]
    median: Number | None
    median_low: Number | None
    median_high: Number | None
    landmarks: list[Estimate]


class CurveUnder(TypedDict):
    """An endpoint's curve under one rule of censoring."""

    rule: str
    label: str
    primary: bool
    curve: Curve


class EndpointReport(TypedDict):
    id: str
    label: str
    curves: list[CurveUnder]


class Incidence(TypedDict):
    """How many had a class of `classes` by a time: of those for whom it is known.

    `grades` counts the worst class where it is settled.
    """

    toxicity: str
    label: str
    after: str
    classes: list[str]
    severe: Proportion
    grades: dict[str, int]
    unknown: int
    not_yet_reached: int
    fatal: int


class Assumption(TypedDict):
    """What the protocol leaves open, and how this pack reads it."""

    what: str
    text: str
    interpretation: str
    basis: Basis


class Trial(TypedDict):
    """`eligo.trial/1`: all patients together, at the data cut-off."""

    schema: Literal["eligo.trial/1"]
    as_of: str
    protocol: ProtocolIdentity
    software: Software
    screened: int
    rejected: int
    infused: int
    evaluable: int
    window_open: int
    response_unknown: int
    orr: Proportion
    orr_evaluable: Proportion
    classes: list[NamedProportion]
    mrd_negative: Proportion | None
    endpoints: list[EndpointReport]
    incidences: list[Incidence]
    assumptions: list[Assumption]


Record = Outcome | Trial | Rejection | EngineFaultRecord
