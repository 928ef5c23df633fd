"""The shape of pack and subject files: which keys there are, and what each is for.

The readers take their known keys from here and `docs/schemas/*.json` is generated from
here, so that an editor completes and checks what the program accepts.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict


class Also:
    """What the JSON Schema of a key says beside its type: its form, its bounds."""

    def __init__(self, **said: Any) -> None:
        self.said = said

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return {**handler(schema), **self.said}


_NUMBER = r"^\s*-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"
_ABOVE_ZERO = Also(exclusiveMinimum=0)
_PARTIAL = r"^\s*([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?\s*)?$"
_STUDY_ID = r"^\s*[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,99})?$"
SOME = Also(minItems=1)
_TWO = Also(minItems=2, maxItems=2)

Scalar = str | int | float
Said = Annotated[str, Also(pattern=r"\S")]
"""A text that says something."""

Day = Annotated[str, Also(pattern=r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$")]
BlankOrDay = Annotated[str, Also(pattern=r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2}\s*)?$")]
Length = Annotated[str, Also(pattern=r"^\s*[0-9]{1,5}\s*(day|week|month|year)s?\s*$")]
"""A length of time."""

NumberText = Annotated[str, Also(pattern=rf"{_NUMBER}\s*$")]
Number = int | float | NumberText
"""A number, or text that holds exactly one."""

_Ends = Annotated[list[Number], _TWO]
Positive = Annotated[int, _ABOVE_ZERO] | Annotated[float, _ABOVE_ZERO] | NumberText
Limit = int | float | Annotated[str, Also(pattern=rf"{_NUMBER}(\s+\S+)?\s*$")]
"""A number in the fact's unit, or text: a number and a unit."""

DateField = Annotated[str, Also(pattern=r"^\s*[^.\s]+\.[^.\s]+\s*$")]
"""`LIST.DATE_FIELD`."""

Effort = Annotated[int, Also(minimum=0, maximum=1000)]


class ProtocolFile(TypedDict):
    """protocol.yaml: the identity of the pack."""

    protocol: Annotated[str, Also(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    version: Said | int | float
    title: Said
    effective: NotRequired[Day]
    source: NotRequired[dict[str, Scalar]]


DaysBetweenFile = TypedDict("DaysBetweenFile", {"from": str, "to": str})


class FieldTimesFile(TypedDict):
    """A length of time that an entry carries itself, or some times it."""

    field: str
    times: NotRequired[Positive]


_Part = Length | FieldTimesFile
WashedOutFile = TypedDict(
    "WashedOutFile",
    {
        "list": str,
        "for": _Part | Annotated[list[_Part], SOME],
        "whichever": NotRequired[Literal["longer", "shorter"]],
        "where": NotRequired[dict[str, Any]],
        "before": NotRequired[str],
    },
)
"""Whether some time is over after every entry of a list."""

_Lasting = TypedDict("_Lasting", {"for": Length, "from": str, "to": str}, total=False)


class DeriveFile(_Lasting, total=False):
    """How a fact follows from others: exactly one of these, with what may stand beside it."""

    completed_years_since: str
    completed_months_since: str
    completed_weeks_since: str
    on: str
    days_between: DaysBetweenFile
    latest: DateField
    earliest: DateField
    exists: str
    count: str
    washed_out: WashedOutFile
    highest: str
    lowest: str
    mean: str
    last: str
    first: str
    stable: DateField
    where: dict[str, Any]
    distinct: str
    by: str
    at_least_entries: Annotated[int, Also(minimum=1, maximum=1000)]
    within_last: Length
    formula: Said
    within: Length


class AlsoInFile(TypedDict):
    """How a number in another unit is turned: value = times * number + plus."""

    times: Positive
    plus: NotRequired[Number]


class _KindFile(TypedDict):
    """What facts and fields share: their type, and what goes with it."""

    type: Literal["boolean", "choice", "quantity", "date", "text"]
    choices: NotRequired[list[Scalar] | dict[str, Scalar]]
    unit: NotRequired[str]
    range: NotRequired[_Ends]
    molar_mass: NotRequired[Positive]
    uln: NotRequired[Positive]
    resolution: NotRequired[Positive]
    unit_required: NotRequired[bool]
    usual: NotRequired[_Ends]
    also_in: NotRequired[dict[str, AlsoInFile]]


class FactFile(_KindFile):
    """One fact of the dictionary."""

    ask: Said
    changes: NotRequired[Literal["never", "with_time", "by_retest", "by_treatment"]]
    valid_for: NotRequired[Length]
    effort: NotRequired[Effort]
    found_in: NotRequired[str]
    attested_by: NotRequired[str]
    planned: NotRequired[bool]
    points: NotRequired[dict[str, Number]]
    derive: NotRequired[DeriveFile]


class FieldFile(_KindFile):
    """One field of a record list's entries."""

    ask: NotRequired[str]
    many: NotRequired[bool]


class RecordListFile(TypedDict):
    """A kind of entries; `valid_for`: how long "this list is complete" may be relied on."""

    ask: Said
    fields: dict[str, FieldFile]
    valid_for: NotRequired[Length]
    effort: NotRequired[Effort]
    found_in: NotRequired[str]
    known: NotRequired[dict[str, dict[str, Any] | list[dict[str, Any]]]]
    known_by: NotRequired[str]


class TableFile(TypedDict):
    """Limits by what facts come to: in each row a band or codes of each, and the limit."""

    rows: Annotated[list[dict[str, Any]], SOME]
    unit: NotRequired[str]
    ask: NotRequired[Said]


class FactsFile(TypedDict):
    """facts.yaml: the data dictionary."""

    facts: dict[str, FactFile]
    tables: NotRequired[dict[str, TableFile]]
    records: NotRequired[dict[str, RecordListFile]]


class LimitFile(TypedDict):
    """A limit with its unit apart."""

    value: Number
    unit: NotRequired[str]


class FactLimitFile(TypedDict):
    """A limit that is another fact, or some times it."""

    fact: str
    times: NotRequired[Positive]


class TableLimitFile(TypedDict):
    """A limit that stands in a table, and the facts by which it selects."""

    table: str
    by: list[str] | str


OneLimit = Limit | LimitFile | FactLimitFile | TableLimitFile


class TestFile(TypedDict, total=False):
    """A test on a quantity or a date: exactly one of these."""

    at_least: OneLimit
    above: OneLimit
    at_most: OneLimit
    below: OneLimit
    between: Annotated[list[Limit], _TWO]
    at_least_uln: Positive
    above_uln: Positive
    at_most_uln: Positive
    below_uln: Positive
    at_least_ago: Length
    more_than_ago: Length
    within_last: Length
    less_than_ago: Length
    on_or_after: Day
    on_or_before: Day
    ever: bool
    lasting: Length


class AnchorFile(TypedDict, total=False):
    """A test of a date against another date: `before` or `after` it, and by how much."""

    before: str
    after: str
    at_least: Length
    more_than: Length
    within: Length
    less_than: Length


class CriterionFile(TypedDict):
    """One numbered statement of the protocol, in its own words, with its condition."""

    id: Annotated[str, Also(pattern=r"^(?=.{2,8}$)[A-Za-z]+[0-9]+$")]
    kind: Literal["inclusion", "exclusion"]
    text: Said
    holds_when: dict[str, Any]
    interpretation: NotRequired[str]
    basis: NotRequired[Literal["stated", "assumed"]]
    source: NotRequired[str]


class EligibilityFile(TypedDict):
    """eligibility.yaml: definitions and criteria."""

    criteria: Annotated[list[CriterionFile], SOME]
    definitions: NotRequired[dict[str, dict[str, Any]]]


class StatementFile(TypedDict, total=False):
    """A recorded value with its date and source; or that it is unknown, and why."""

    value: bool | int | float | str | None
    unknown: Literal["pending", "not_done"] | None
    on: Annotated[str, Also(pattern=_PARTIAL)] | None
    not_after: BlankOrDay | None
    unit: str | None
    uln: int | float | str | None
    source: Scalar | None
    by: Scalar | None
    note: Scalar | None
    voided: Scalar | bool | None


class EntriesFile(TypedDict, total=False):
    """A record list of a subject: its entries, and the day it was confirmed complete."""

    complete_on: BlankOrDay | None
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

    subject: Annotated[str, Also(pattern=_STUDY_ID)] | int | float
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
    as_of: Day
    expect: ExpectFile
    base: NotRequired[str]
    change: NotRequired[ChangeFile]
    subject: NotRequired[SubjectFile]


class CasesFile(TypedDict, total=False):
    """A file in `cases/`: cases, and the subjects that cases name as their base."""

    bases: dict[str, SubjectFile]
    cases: list[CaseFile]
