"""The data dictionary of a pack: facts, record lists and their fields, known agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.terms.clauses import Clause, fields_in
from engine.terms.condition import Leaf, Test, facts_of
from engine.terms.formula import Expression, inputs_of
from engine.terms.units import AlsoIn
from engine.terms.values import NOWHERE, Duration, Span

FactType = Literal["boolean", "choice", "quantity", "date", "text"]
Way = Literal["highest", "lowest", "mean", "last", "first"]
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
    also_in: tuple[AlsoIn, ...] = ()
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
class CompletedYears:
    """Whole years completed from the date of fact `since` to the as-of date."""

    since: str


@dataclass(frozen=True, slots=True)
class Completed:
    """Whole months, weeks or years completed from the date of fact `since` to the as-of date,
    or to the date of fact `on`."""

    since: str
    unit: Literal["a", "mo", "wk"]
    on: str = ""


COMPLETED: Mapping[Literal["a", "mo", "wk"], str] = {
    "a": "completed_years_since",
    "mo": "completed_months_since",
    "wk": "completed_weeks_since",
}
"""By unit, how a dictionary says that whole ones are counted."""


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
    where: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class EarliestOf:
    """The earliest day in date field `field` among the entries of `records` that match."""

    records: str
    field: str
    where: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether an entry of `records` matches."""

    records: str
    where: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries of `records` match."""

    records: str
    where: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many different values the entries of `records` that match have in field `field`."""

    records: str
    field: str
    where: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class OfSeveral:
    """What the values in the quantity field `field` of the entries that match come to.

    `by`: the date field that says which is the last or the first. `least`: how many values must
    be recorded; 0 where the author asks for none.
    """

    way: Way
    records: str
    field: str
    where: tuple[Clause, ...]
    by: str = ""
    least: int = 0


@dataclass(frozen=True, slots=True)
class OfValues:
    """What the values of the recorded quantity `fact` come to, of the days `within` so long."""

    way: Way
    fact: str
    within: Duration | None = None
    least: int = 0


@dataclass(frozen=True, slots=True)
class Formula:
    """What an expression over facts comes to, in the unit of its fact.

    `text`: as its author wrote it; `within`: how far apart the days of its inputs may lie.
    """

    text: str
    expression: Expression
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Stable:
    """Whether the value in field `field` of the entries that match was the same for so long.

    An entry lasts from the day in its field `start` to the one in `stop`.
    """

    records: str
    field: str
    where: tuple[Clause, ...]
    lasting: Duration
    start: str
    stop: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: for each selector the intervals of its axis that the row is for, ends
    included; and the limit in millionths of the table's unit, or None where none is known."""

    spans: tuple[tuple[tuple[int, int], ...], ...]
    limit_u: int | None


@dataclass(frozen=True, slots=True)
class ByTable:
    """The limit that a table has for what the facts `by` come to."""

    by: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class FieldTimes:
    """`times_u` millionths of a quantity field of an entry: as a length of time."""

    field: str
    times_u: int


@dataclass(frozen=True, slots=True)
class WashedOut:
    """Whether, after the day in field `field` of every entry of `records` that matches, the
    longest of some lengths of time (or the shortest) is over on the day of fact `before`; on the
    as-of date where that is ""."""

    records: str
    field: str
    where: tuple[Clause, ...]
    lengths: tuple[Duration | FieldTimes, ...]
    longest: bool
    before: str = ""


ListDerivation = LatestOf | EarliestOf | Exists | Count
FromList = ListDerivation | Distinct | OfSeveral | Stable
Derivation = (
    CompletedYears | Completed | DaysBetween | ByTable | WashedOut | OfValues | Formula | FromList
)


def fields_read(derive: FromList | WashedOut) -> tuple[str, ...]:
    """The fields of its list that a derivation looks at, each once; those of `where` first."""
    own = [getattr(derive, name, "") for name in ("field", "by", "start", "stop")]
    own += [one.field for one in getattr(derive, "lengths", ()) if isinstance(one, FieldTimes)]
    return tuple(dict.fromkeys([*fields_in(derive.where), *(name for name in own if name)]))


@dataclass(frozen=True, slots=True)
class Fact:
    """One entry of the data dictionary.

    `range_u`, `usual_u` and `uln_u` are in millionths of `unit` (a UCUM code). `range_u`:
    outside it a value is a slip; `usual_u`: outside it a value is to be confirmed with its
    unit. `unit_required`: a bare number is a fault. `also_in`: what turns a number in a unit of
    another kind. `effort` orders what is collected first: a smaller number is less work.
    `points`: what each code of a choice counts in a formula, in millionths. `planned`: a date that
    is settled ahead, and is the day that is recorded also where that lies ahead. `found_in` says
    where a nurse finds it. `stands_for`: the test that a fact stands for while a plan is made; no
    pack has one.
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
    also_in: tuple[AlsoIn, ...] = ()
    attested_by: str = ""
    planned: bool = False
    points: tuple[tuple[str, int], ...] = ()
    derive: Derivation | None = None
    stands_for: Test | None = None
    place: Span = field(default=NOWHERE, compare=False)

    def code_number(self, code: str) -> int:
        """The number that stands for a choice's code in a reading: its place in `choices`."""
        for number, choice in enumerate(self.choices):
            if choice.code == code:
                return number
        raise KeyError(code)


def facts_behind(facts: Mapping[str, Fact], leaves: Iterable[Leaf]) -> list[str]:
    """The facts that some tests look at, and those that they are derived from, in order."""
    todo = [name for leaf in leaves for name in facts_of(leaf)]
    needed: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += derived_from(facts[name])
    return [name for name in facts if name in needed]


def derived_from(fact: Fact) -> tuple[str, ...]:
    """The facts that a fact is derived from directly (record lists aside)."""
    if isinstance(fact.derive, CompletedYears):
        return (fact.derive.since,)
    if isinstance(fact.derive, DaysBetween):
        return (fact.derive.start, fact.derive.end)
    if isinstance(fact.derive, ByTable):
        return fact.derive.by
    if isinstance(fact.derive, WashedOut):
        return (fact.derive.before,) if fact.derive.before else ()
    if isinstance(fact.derive, Completed):
        return (fact.derive.since, *((fact.derive.on,) if fact.derive.on else ()))
    if isinstance(fact.derive, OfValues):
        return (fact.derive.fact,)
    if isinstance(fact.derive, Formula):
        return tuple(dict.fromkeys(inputs_of(fact.derive.expression)))
    return () if fact.stands_for is None else facts_of(fact.stands_for)
