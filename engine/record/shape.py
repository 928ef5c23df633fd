"""The published decision record: its shape, as typed dictionaries in field order.

One object a subject and line. `docs/decision.schema.json` is generated from these types.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from typing_extensions import TypedDict

from engine.terms import Answer, Basis, Doubt, Kind, Reason, Status, Truth, Verdict

SEMANTICS = 2
"""The version of SEMANTICS that decides: raised by what can change a verdict, never by words."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Form(NamedTuple):
    """The form of a value beyond its type: what checks it, for whoever reads it back."""

    check: Callable[[Any], Any]
    """Gives the value back. Raises: ValueError, with what is wrong."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(self.check, handler(source))


def _day(text: Any) -> Any:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("is not a day, YYYY-MM-DD")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("is a day that no calendar has") from None
    return text


def _digest(text: Any) -> Any:
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise ValueError("is not a digest, `sha256:` and 64 signs")
    return text


def _number(number: Any) -> Any:
    if type(number) is not float:  # pydantic takes `1` for `1.0`
        raise ValueError("is not a number")
    return number


Day = Annotated[str, Form(_day)]
"""A day, as ISO text."""

Digest = Annotated[str, Form(_digest)]
"""`sha256:` and the digits."""

Number = Annotated[float, Form(_number)]
"""A number that is written with a point, be it whole."""

Value = bool | int | float | str
"""A value as printed: numbers are exact decimals, dates ISO text or `never`."""

IntervalValue = TypedDict("IntervalValue", {"low": Value | None, "high": Value | None})
"""An imprecise value; None is an open end (for a date: arbitrarily long ago)."""


class ProtocolIdentity(TypedDict):
    id: str
    version: str
    digest: Digest
    title: str


class Software(TypedDict):
    eligo: str
    durable_rules: str
    python: str


class Message(TypedDict):
    """A sentence as data: its id in the catalogue (`messages`), and what it speaks of."""

    id: str
    arguments: dict[str, Any]


class Quantity(TypedDict):
    """A number with its unit; `sign` where a result is censored (`<`)."""

    value: Value
    unit: str
    sign: NotRequired[Literal["<", "<=", ">", ">="]]


class TestRecord(TypedDict):
    """What a test asks: an operator and its limits, in `unit`; of codes, their labels.

    A limit of `..._uln` is a multiple of the upper limit of normal, one of `..._ago` and the
    like a length of time (`d`, `wk`, `mo`, `a`). `anchor`: the date that another is held against,
    with its question.
    """

    operator: str
    limits: list[Value]
    unit: NotRequired[str]
    labels: NotRequired[list[str]]
    anchor: NotRequired[str]
    anchor_ask: NotRequired[str]


class Shown(TypedDict):
    """A value in a sentence, with what stands beside it."""

    value: Value | IntervalValue | None
    unit: NotRequired[str]
    sign: NotRequired[Literal["<", "<=", ">", ">="]]
    label: NotRequired[str]
    unknown: NotRequired[Literal["pending", "not_done"]]
    under_way: NotRequired[Literal[True]]
    on: NotRequired[Day]
    within: NotRequired[IntervalValue]
    not_after: NotRequired[Day]
    source: NotRequired[str]
    by: NotRequired[str]


class FieldRecord(TypedDict):
    """A field of an entry as recorded: a code with its label, several codes, a number, a day."""

    field: str
    ask: str
    value: Value | IntervalValue | list[str]
    unit: NotRequired[str]
    sign: NotRequired[Literal["<", "<=", ">", ">="]]
    label: NotRequired[str]
    labels: NotRequired[list[str]]
    confirm: NotRequired[Literal[True]]


class Gap(TypedDict):
    """An entry, by its number from 1, the fields that it lacks, those that are not exact enough,
    and the names that it holds."""

    number: int
    lacks: list[str]
    vague: NotRequired[list[str]]
    holds: NotRequired[list[str]]


class ReadingRecord(TypedDict):
    """What a fact came to on the as-of date, and where that was recorded.

    `value` is None when unknown (`reason` says why). `label` is a choice's label, `uln` the
    upper limit of normal that was used, in the value's unit of record. `recorded` is the
    value as written where its unit differs from the declared one. `good_until` is the last
    day on which this reading may be relied on, where its fact or list goes stale.
    `follows_from` says what a derived reading was worked out from: the facts, or the list's
    confirmation and the entries that count. `entry` is the first of `entries`, the places
    that together give its ends. `confirm`: the value lies outside the usual range.
    """

    fact: str
    ask: str
    value: Value | IntervalValue | None
    unit: NotRequired[str]
    label: NotRequired[str]
    on: NotRequired[Day]
    within: NotRequired[IntervalValue]
    not_after: NotRequired[Day]
    source: NotRequired[str]
    by: NotRequired[str]
    note: NotRequired[str]
    entry: NotRequired[str]
    entries: NotRequired[list[str]]
    recorded: NotRequired[str]
    recorded_as: NotRequired[Quantity]
    uln: NotRequired[str]
    uln_as: NotRequired[Quantity]
    confirm: NotRequired[Literal[True]]
    reason: NotRequired[Reason]
    good_until: NotRequired[Day]
    follows_from: NotRequired[list[str]]
    follows_messages: NotRequired[list[Message]]


class Missing(TypedDict):
    """Why an open criterion is open: a fact, the reason, and what to collect.

    `collect` is the recorded fact or record list that a nurse would act on (`birth_date`
    for an age), `ask` its question.
    """

    fact: str
    reason: Reason
    detail: str
    message: Message
    collect: str
    ask: str
    found_in: NotRequired[str]


class Why(TypedDict):
    """One condition: in words, its truth, the reading it looked at, its children.

    `node` is the id that firings conclude about. `says` puts in words what was compared,
    `against` is the reading that it was held against, if any. `changes_on` is the day on which
    time alone will change the truth, if there is one. `condition` and `says` are also there as
    messages, what a test asks as data.
    """

    node: str
    condition: str
    condition_message: Message
    truth: Truth
    test: NotRequired[TestRecord]
    says: NotRequired[str]
    says_message: NotRequired[Message]
    reading: NotRequired[ReadingRecord]
    against: NotRequired[ReadingRecord]
    children: list[Why]
    changes_on: NotRequired[Day]


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

    on: Day
    because: list[str]
    messages: list[Message]


Imported = TypedDict("Imported", {"from": str, "whole": bool, "left_out": int})
"""What the subject file was imported from, and whether that was the whole of it."""


class PassedOver(TypedDict):
    """Something recorded that the decision did not use: what, where it stands, and why."""

    what: str
    where: str
    reason: Literal["older", "voided", "not_yet", "not_asked"]
    says: str
    message: Message
    on: NotRequired[Day]


class EntryRecord(TypedDict):
    """An entry of a list, as recorded.

    `known`: the agents of the dictionary that it names; `standing`: whether its text is a
    listed name, holds one among other words, or neither.
    """

    entry: str
    fields: list[FieldRecord]
    source: NotRequired[str]
    by: NotRequired[str]
    note: NotRequired[str]
    voided: NotRequired[Literal[True]]
    standing: NotRequired[Literal["listed", "holds_listed", "not_listed"]]
    known: NotRequired[list[str]]


class Confirmation(TypedDict):
    """That a list was found complete on a day, and whether that counts on the as-of date.

    `doubt` says why it never counts: the file may have been cut, or the list holds more
    entries than the `count` that was confirmed.
    """

    complete_on: Day
    counts: bool
    by: NotRequired[str]
    source: NotRequired[str]
    count: NotRequired[int]
    doubt: NotRequired[Doubt]


class ListRecord(TypedDict):
    """A record list that a criterion reads, whole."""

    name: str
    ask: str
    confirmation: Confirmation | None
    entries: list[EntryRecord]


class Decision(TypedDict):
    schema: Literal["eligo.decision/2"]
    semantics: int
    subject: str
    as_of: Day
    protocol: ProtocolIdentity
    facts_digest: Digest
    imported: NotRequired[Imported]
    software: Software
    verdict: Verdict
    determined_by: list[str]
    look_again: LookAgain | None
    passed_over: list[PassedOver]
    records: list[ListRecord]
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
