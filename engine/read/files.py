"""The shape of pack and subject files: which keys there are, and what each is for.

The readers take their known keys from here and `docs/schemas/*.json` is generated from
here, so that an editor completes and checks what the program accepts.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

Scalar = str | int | float
Number = int | float | str
"""A number, or text that holds exactly one."""

Limit = int | float | str
"""A number in the fact's unit, or text: a number and a unit."""


class SourceFile(TypedDict):
    """Where the protocol's text comes from. Any words may be added."""

    document: NotRequired[str]
    registry: NotRequired[str]


class ProtocolFile(TypedDict):
    """protocol.yaml: the identity of the pack."""

    protocol: str
    version: Scalar
    title: str
    effective: NotRequired[str]
    source: NotRequired[dict[str, Scalar]]


DaysBetweenFile = TypedDict("DaysBetweenFile", {"from": str, "to": str})


class DeriveFile(TypedDict, total=False):
    """How a fact follows from others: exactly one of the six, and `where` for record lists."""

    completed_years_since: str
    days_between: DaysBetweenFile
    latest: str
    earliest: str
    exists: str
    count: str
    where: dict[str, Any]


class FactFile(TypedDict):
    """One fact of the dictionary."""

    ask: str
    type: Literal["boolean", "choice", "quantity", "date", "text"]
    unit: NotRequired[str]
    choices: NotRequired[list[Scalar] | dict[str, Scalar]]
    range: NotRequired[list[Number]]
    changes: NotRequired[Literal["never", "with_time", "by_retest", "by_treatment"]]
    valid_for: NotRequired[str]
    effort: NotRequired[int]
    found_in: NotRequired[str]
    molar_mass: NotRequired[Number]
    uln: NotRequired[Number]
    resolution: NotRequired[Number]
    unit_required: NotRequired[bool]
    usual: NotRequired[list[Number]]
    attested_by: NotRequired[str]
    derive: NotRequired[DeriveFile]


class FieldFile(TypedDict):
    """One field of a record list's entries."""

    type: Literal["boolean", "choice", "quantity", "date", "text"]
    ask: NotRequired[str]
    choices: NotRequired[list[Scalar] | dict[str, Scalar]]
    many: NotRequired[bool]
    unit: NotRequired[str]
    range: NotRequired[list[Number]]
    molar_mass: NotRequired[Number]
    uln: NotRequired[Number]
    resolution: NotRequired[Number]
    unit_required: NotRequired[bool]
    usual: NotRequired[list[Number]]


class RecordListFile(TypedDict):
    """A kind of entries; `valid_for`: how long "this list is complete" may be relied on."""

    ask: str
    fields: dict[str, FieldFile]
    valid_for: NotRequired[str]
    effort: NotRequired[int]
    found_in: NotRequired[str]
    known: NotRequired[dict[str, dict[str, Any] | list[dict[str, Any]]]]
    known_by: NotRequired[str]


class FactsFile(TypedDict):
    """facts.yaml: the data dictionary."""

    facts: dict[str, FactFile]
    records: NotRequired[dict[str, RecordListFile]]


class LimitFile(TypedDict):
    """A limit with its unit apart."""

    value: Number
    unit: NotRequired[str]


class TestFile(TypedDict, total=False):
    """A test on a quantity or a date: exactly one of these."""

    at_least: Limit
    above: Limit
    at_most: Limit
    below: Limit
    between: list[Limit]
    at_least_uln: Number
    above_uln: Number
    at_most_uln: Number
    below_uln: Number
    at_least_ago: str
    more_than_ago: str
    within_last: str
    less_than_ago: str
    on_or_after: str
    on_or_before: str
    ever: bool


class CriterionFile(TypedDict):
    """One numbered statement of the protocol, in its own words, with its condition."""

    id: str
    kind: Literal["inclusion", "exclusion"]
    text: str
    holds_when: dict[str, Any]
    interpretation: NotRequired[str]
    basis: NotRequired[Literal["stated", "assumed"]]
    source: NotRequired[str]


class EligibilityFile(TypedDict):
    """eligibility.yaml: definitions and criteria."""

    criteria: list[CriterionFile]
    definitions: NotRequired[dict[str, dict[str, Any]]]


class StatementFile(TypedDict, total=False):
    """A recorded value with its date and source; or that it is unknown, and why."""

    value: bool | int | float | str | None
    unknown: Literal["pending", "not_done"] | None
    on: str | None
    not_after: str | None
    unit: str | None
    uln: Number | None
    source: Scalar | None
    by: Scalar | None
    note: Scalar | None
    voided: Scalar | bool | None


class EntriesFile(TypedDict, total=False):
    """A record list of a subject: its entries, and the day it was confirmed complete."""

    complete_on: str | None
    by: Scalar | None
    source: Scalar | None
    none: bool | None
    count: int | None
    entries: list[dict[str, Any]] | None


ImportedFile = TypedDict(
    "ImportedFile", {"from": Scalar, "whole": bool, "left_out": NotRequired[int]}
)
"""What a subject file was imported from, and whether that is known to be whole."""


class SubjectFile(TypedDict):
    """One person being screened."""

    subject: Scalar
    facts: NotRequired[
        dict[str, bool | int | float | str | StatementFile | list[Any] | None] | None
    ]
    records: NotRequired[dict[str, EntriesFile | None] | None]
    imported: NotRequired[ImportedFile | None]


class ChangeFile(TypedDict, total=False):
    """What a case changes in its base: a fact or list named here replaces the base's, whole."""

    facts: dict[str, bool | int | float | str | StatementFile | list[Any] | None]
    records: dict[str, EntriesFile | None]


class ExpectFile(TypedDict):
    """What a case says must come out; criteria that `answers` leaves out may have any answer."""

    answers: NotRequired[dict[str, Literal["yes", "no", "unknown"]]]
    verdict: NotRequired[Literal["eligible", "ineligible", "undetermined"]]


class CaseFile(TypedDict):
    """One case: a whole `subject`, or a `base` and what to `change` in it."""

    name: str
    as_of: str
    expect: ExpectFile
    base: NotRequired[str]
    change: NotRequired[ChangeFile]
    subject: NotRequired[SubjectFile]


class CasesFile(TypedDict, total=False):
    """A file in `cases/`: cases, and the subjects that cases name as their base."""

    bases: dict[str, SubjectFile]
    cases: list[CaseFile]
