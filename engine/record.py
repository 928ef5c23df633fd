"""The published decision record: its shape, as typed dictionaries in field order.

One object a subject and line. `docs/decision.schema.json` is generated from these types.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from engine.model import Answer, Basis, Kind, Reason, Status, Truth, Verdict

Value = bool | int | float | str
"""A value as printed: numbers are exact decimals, dates ISO text or `never`."""

IntervalValue = TypedDict("IntervalValue", {"low": Value | None, "high": Value | None})
"""An imprecise value; None is an open end (for a date: arbitrarily long ago)."""


class ProtocolIdentity(TypedDict):
    id: str
    version: str
    digest: str
    title: str


class Software(TypedDict):
    eligo: str
    durable_rules: str
    python: str


class ReadingRecord(TypedDict):
    """What a fact came to on the as-of date, and where that was recorded.

    `value` is None when unknown (`reason` says why). `label` is a choice's label, `uln` the
    upper limit of normal that was used, in the value's unit of record. `recorded` is the
    value as written where its unit differs from the declared one. `good_until` is the last
    day on which this reading may be relied on, where its fact or list goes stale.
    `follows_from` says what a derived reading was worked out from: the facts, or the list's
    confirmation and the entries that count.
    """

    fact: str
    ask: str
    value: Value | IntervalValue | None
    unit: NotRequired[str]
    label: NotRequired[str]
    on: NotRequired[str]
    source: NotRequired[str]
    by: NotRequired[str]
    note: NotRequired[str]
    entry: NotRequired[str]
    recorded: NotRequired[str]
    uln: NotRequired[str]
    reason: NotRequired[Reason]
    good_until: NotRequired[str]
    follows_from: NotRequired[list[str]]


class Missing(TypedDict):
    """Why an open criterion is open: a fact, the reason, and what to collect.

    `collect` is the recorded fact or record list that a nurse would act on (`birth_date`
    for an age), `ask` its question.
    """

    fact: str
    reason: Reason
    detail: str
    collect: str
    ask: str
    found_in: NotRequired[str]


class Why(TypedDict):
    """One condition: in words, its truth, the reading it looked at, its children.

    `node` is the id that firings conclude about. `says` puts in words what was compared,
    `changes_on` is the day on which time alone will change the truth, if there is one.
    """

    node: str
    condition: str
    truth: Truth
    says: NotRequired[str]
    changes_on: NotRequired[str]
    reading: NotRequired[ReadingRecord]
    children: list[Why]


class CriterionRecord(TypedDict):
    id: str
    kind: Kind
    text: str
    interpretation: str
    basis: Basis
    answer: Answer
    status: Status
    why: Why
    missing: list[Missing]


class Firing(TypedDict):
    """One rule that matched: its name, the facts it matched, what it concluded."""

    rule: str
    because: list[str]
    concluded: str


class LookAgain(TypedDict):
    """The first day on which the decision must be looked at again, and because of what."""

    on: str
    because: list[str]


class Decision(TypedDict):
    schema: Literal["eligo.decision/1"]
    subject: str
    as_of: str
    protocol: ProtocolIdentity
    facts_digest: str
    software: Software
    verdict: Verdict
    determined_by: list[str]
    look_again: LookAgain | None
    criteria: list[CriterionRecord]
    firings: list[Firing]


class FaultRecord(TypedDict):
    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str


class Rejection(TypedDict):
    schema: Literal["eligo.rejection/1"]
    subject: str | None
    faults: list[FaultRecord]


class EngineFaultRecord(TypedDict):
    schema: Literal["eligo.fault/1"]
    subject: str | None
    where: str


Record = Decision | Rejection | EngineFaultRecord


def dump(record: Record) -> bytes:
    """A record as one line of JSON, without the line's end.

    Keys stand in the order of these types; text is UTF-8, unescaped but for the three signs
    that some readers take for the end of a line (U+0085, U+2028, U+2029).
    """
    return dump_any(record)


def dump_any(value: object) -> bytes:
    """Plain values as one line of JSON."""
    import orjson

    line = orjson.dumps(value)
    for sign, escaped in _LINE_ENDS:
        # Looking for its last byte first is ten times as fast, and it is seldom there.
        if sign[-1:] in line:
            line = line.replace(sign, escaped)  # inside a text, where it may stand either way
    return line


_LINE_ENDS = tuple(
    (sign.encode(), f"\\u{ord(sign):04x}".encode()) for sign in ("\u0085", "\u2028", "\u2029")
)
