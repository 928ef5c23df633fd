"""The vocabulary: what a protocol pack, a subject and a reading are.

Everything here is a frozen value. A name that ends in `_u` or a docstring that says
*millionths* means a whole number of millionths of the unit named beside it: decimals are
exact and never pass through a float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.outcomes.model import Outcomes

MILLION = 1_000_000
LARGEST = 9_000_000_000_000 * MILLION
"""The largest amount a file may state: 9e12, in millionths."""

UNBOUNDED = 9_200_000_000_000_000_000
"""End of an interval that has no end: +UNBOUNDED above, -UNBOUNDED below (millionths)."""

NEVER = -1
"""A date that never was, on the axis of day numbers (`date.toordinal`)."""

PAST = 0
"""A real day arbitrarily long ago: below every day number, above `NEVER`."""


@dataclass(frozen=True, slots=True)
class Span:
    """A place in an input file; line and column count from 1."""

    path: str
    line: int
    column: int


NOWHERE = Span("", 0, 0)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of calendar time: whole days, or whole months (a year is 12 months)."""

    days: int
    months: int
    text: str = field(default="", compare=False)


# --- the data dictionary -------------------------------------------------------------

FactType = Literal["boolean", "choice", "quantity", "date", "text"]
Changes = Literal["never", "with_time", "by_retest", "by_treatment"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One code of a choice, with the label that people read."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the entries of a record list.

    `many` (choices only): an entry may carry several codes. `range_u` and `uln_u` are in
    millionths of `unit`, as for a fact.
    """

    name: str
    ask: str
    type: FactType
    choices: tuple[Choice, ...] = ()
    many: bool = False
    unit: str = ""
    molar_mass: Decimal | None = None
    range_u: tuple[int, int] | None = None
    uln_u: int | None = None
    resolution_u: int | None = None
    unit_required: bool = False
    usual_u: tuple[int, int] | None = None
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Agent:
    """One thing that a list knows by name, and what the name implies about an entry.

    `uses`: the combinations of fields that it can stand for, each whole: codes or words by
    field, in a tuple. `components`: the known agents that a regimen is made of; a regimen has
    no uses of its own. `source` says where this is from.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    uses: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    components: tuple[str, ...] = ()
    source: str = ""
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RecordList:
    """A kind of entries (therapies, infections), and how long "this list is complete" holds.

    `known`: the agents that the list knows, by name; `known_by`: the text field of an entry
    that names one; `named`: the agents by each folded name, and by the words of one.
    """

    name: str
    ask: str
    valid_for: Duration
    fields: Mapping[str, Field]
    effort: int | None = None
    found_in: str = ""
    known: Mapping[str, Agent] = field(default_factory=dict)
    known_by: str = ""
    named: Mapping[str | tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Where:
    """One field an entry must match: equal to one of `values`.

    Values are codes or words for choice and text, `True`/`False` for boolean, millionths
    for quantity.
    """

    field: str
    values: tuple[str | bool | int, ...]


@dataclass(frozen=True, slots=True)
class CompletedYears:
    """Whole years completed from the date of fact `since` to the as-of date."""

    since: str


@dataclass(frozen=True, slots=True)
class DaysBetween:
    """Days from the date of fact `start` to the date of fact `end`, signed."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class LatestOf:
    """The latest day in date field `field` among the entries of `records` that match."""

    records: str
    field: str
    where: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class EarliestOf:
    """The earliest day in date field `field` among the entries of `records` that match."""

    records: str
    field: str
    where: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether an entry of `records` matches."""

    records: str
    where: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries of `records` match."""

    records: str
    where: tuple[Where, ...]


Derivation = CompletedYears | DaysBetween | LatestOf | EarliestOf | Exists | Count


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of the data dictionary.

    `range_u`, `usual_u` and `uln_u` are in millionths of `unit` (a UCUM code). `range_u`:
    outside it a value is a slip; `usual_u`: outside it a value is to be confirmed with its
    unit. `unit_required`: a bare number is a fault. `effort` orders what is collected first: a
    smaller number is less work. `found_in` says where a nurse finds it.
    """

    name: str
    ask: str
    type: FactType
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    range_u: tuple[int, int] | None = None
    changes: Changes | None = None
    valid_for: Duration | None = None
    effort: int | None = None
    found_in: str = ""
    molar_mass: Decimal | None = None
    uln_u: int | None = None
    resolution_u: int | None = None
    unit_required: bool = False
    usual_u: tuple[int, int] | None = None
    attested_by: str = ""
    derive: Derivation | None = None
    place: Span = field(default=NOWHERE, compare=False)

    def code_number(self, code: str) -> int:
        """The number that stands for a choice's code in a reading: its place in `choices`."""
        for number, choice in enumerate(self.choices):
            if choice.code == code:
                return number
        raise KeyError(code)


# --- conditions ----------------------------------------------------------------------

QuantityOp = Literal["at_least", "above", "at_most", "below"]
UlnOp = Literal["at_least_uln", "above_uln", "at_most_uln", "below_uln"]
AgoOp = Literal["at_least_ago", "more_than_ago", "within_last", "less_than_ago"]
DayOp = Literal["on_or_after", "on_or_before"]


@dataclass(frozen=True, slots=True)
class BooleanTest:
    """The boolean fact is `expected`."""

    fact: str
    expected: bool
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ChoiceTest:
    """The choice fact is one of `codes`."""

    fact: str
    codes: tuple[str, ...]
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LimitTest:
    """The quantity against one limit, in millionths of the fact's unit."""

    fact: str
    op: QuantityOp
    limit_u: int
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class BetweenTest:
    """The quantity lies between two limits, both included (millionths of the fact's unit)."""

    fact: str
    low_u: int
    high_u: int
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class UlnTest:
    """The quantity against `times_u` millionths of its upper limit of normal."""

    fact: str
    op: UlnOp
    times_u: int
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AgoTest:
    """The date against the as-of date less a duration."""

    fact: str
    op: AgoOp
    duration: Duration
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class DayTest:
    """The date against a fixed day."""

    fact: str
    op: DayOp
    day: date
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class EverTest:
    """Whether the date has come to pass (`expected` true) or never has."""

    fact: str
    expected: bool
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Todo:
    """A condition nobody has written yet: always unknown."""

    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class All:
    """Every child holds."""

    children: tuple[Condition, ...]
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one child holds."""

    children: tuple[Condition, ...]
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not hold."""

    child: Condition
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Defined:
    """The condition named `name` under `definitions`."""

    name: str
    place: Span = field(default=NOWHERE, compare=False)


Test = BooleanTest | ChoiceTest | LimitTest | BetweenTest | UlnTest | AgoTest | DayTest | EverTest
Leaf = Test | Todo
Condition = Leaf | All | Any | Not | Defined


# --- the protocol --------------------------------------------------------------------

Kind = Literal["inclusion", "exclusion"]
Basis = Literal["stated", "assumed"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One numbered statement of the protocol, in its own words, with its condition."""

    id: str
    kind: Kind
    text: str
    holds_when: Condition
    interpretation: str = ""
    basis: Basis = "stated"
    source: str = ""
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One pack: identity, data dictionary, definitions and criteria, in file order.

    `digest` is `sha256:` and the SHA-256 of the pack's manifest.
    """

    id: str
    version: str
    title: str
    effective: date | None
    source: Mapping[str, str]
    facts: Mapping[str, Fact]
    records: Mapping[str, RecordList]
    definitions: Mapping[str, Condition]
    criteria: tuple[Criterion, ...]
    digest: str = ""
    outcomes: Outcomes | None = None


# --- a subject, as recorded ----------------------------------------------------------

Sign = Literal["", "<", "<=", ">", ">="]
SaidUnknown = Literal["pending", "not_done"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A recorded number: `sign` is not empty for a censored result (`<0.01`).

    `amount_u` is in millionths of `unit`, the unit of record.
    """

    amount_u: int
    unit: str
    sign: Sign = ""


@dataclass(frozen=True, slots=True)
class Days:
    """A recorded date: the days it could be. A full date has `first == last`."""

    first: date
    last: date


Word = Literal["never", "ongoing"]
Recorded = bool | str | Amount | Days
"""A recorded value, by type of fact: boolean; choice code, text, or the word `never` for a
date (`ongoing` in an entry); quantity; date."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One recorded statement about one fact: a value, or that it is unknown and why.

    Exactly one of `value` and `unknown` is not None, except on a voided statement, where
    neither is read: `struck` is the value that it had, to be shown. `uln_u`: the upper limit of
    normal printed with the result, in millionths of the value's unit; `no_limit`: that none is
    known for it, the dictionary's neither. `entry`: where in the file (`facts.creatinine[1]`).

    The day of observation is `on`, or one `within` a partial date, or any day up to
    `not_after`; at most one of the three is stated. `first` and `last` are its ends.
    """

    entry: str
    value: Recorded | None = None
    unknown: SaidUnknown | None = None
    on: date | None = None
    uln_u: int | None = None
    source: str = ""
    by: str = ""
    note: str = ""
    voided: bool = False
    within: Days | None = None
    not_after: date | None = None
    struck: Recorded | None = None
    no_limit: bool = False

    @property
    def first(self) -> date | None:
        """The first day that it can be of; None where any earlier day can be."""
        return self.on or (self.within.first if self.within else None)

    @property
    def last(self) -> date | None:
        """The last day that it can be of; None where nothing is stated about its day."""
        return self.on or (self.within.last if self.within else self.not_after)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a record list. A field that is blank is absent from `values`.

    A field of several codes is a tuple of codes; "" among them is one that is not recorded.
    `known`: the agents of the dictionary that its text names, none where it names no listed
    one; `exact`: the text is one's name, rather than holds it among other words. A regimen is
    read as one entry a component, all with the place of the one that is recorded. A voided
    entry has no `values`; `struck` are those that it had, to be shown.
    """

    entry: str
    values: Mapping[str, Recorded | tuple[str, ...]]
    source: str = ""
    by: str = ""
    note: str = ""
    voided: bool = False
    known: tuple[str, ...] = ()
    exact: bool = False
    struck: Mapping[str, Recorded | tuple[str, ...]] = field(default_factory=dict)


Doubt = Literal["not_closed", "more_entries"]
"""Why a confirmation does not count: the file may have been cut, or the list holds more
entries than were confirmed."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A record list as recorded: its entries, and the day it was confirmed complete.

    `count`: how many entries were confirmed, voided ones included. `doubt`: why the
    confirmation does not count, where it does not.
    """

    complete_on: date | None
    entries: tuple[Entry, ...]
    by: str = ""
    source: str = ""
    count: int | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What a subject file was imported from, where it was.

    `whole`: the input stated its own count, or could not be cut unseen. `left_out`: how many
    things of the input the subject file does not carry.
    """

    source: str
    whole: bool
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """One person being screened. `digest` is that of the file's bytes."""

    id: str
    facts: Mapping[str, tuple[Statement, ...]]
    records: Mapping[str, Entries]
    digest: str = ""
    imported: Imported | None = None


# --- what a fact comes to on a date --------------------------------------------------

Reason = Literal[
    "not_recorded",
    "not_yet",
    "out_of_date",
    "undated",
    "conflicting",
    "imprecise",
    "history_not_confirmed",
    "not_attested",
    "no_limit",
    "no_date",
    "pending",
    "not_done",
    "calendar",
]
Truth = Literal["true", "false", "unknown"]
Answer = Literal["yes", "no", "unknown"]
Status = Literal["passed", "failed", "open"]
Verdict = Literal["eligible", "ineligible", "undetermined"]


@dataclass(frozen=True, slots=True)
class UlnRatio:
    """The value divided by its upper limit of normal, exactly; None is an open end."""

    low: Fraction | None
    high: Fraction | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one fact comes to on the as-of date.

    Known: `low <= high` on the fact's axis, and `reason` is None if they are equal, else
    the cause that widened the interval. Unknown: `low` and `high` are None and `reason`
    says why.

    Axes: boolean 0 or 1; choice the code's place in the dictionary; quantity millionths of
    the fact's unit, within +-`UNBOUNDED`; date the day number, with `PAST` and `NEVER`.
    `times_uln` is None unless a limit of normal is known; `uln_reason` then says why not.
    """

    fact: str
    low: int | None
    high: int | None
    reason: Reason | None
    times_uln: UlnRatio | None = None
    uln_reason: Reason | None = None
